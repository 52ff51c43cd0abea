"""The Authorization header, well and badly formed."""

import pytest

from iam.auth import REFUSALS, Refusal, Verifier
from iam.tests.auth.publisher import NOON, access_claims, signed


def refusal_of(verifier, header):
    with pytest.raises(Refusal) as refusal:
        verifier.bearer(header, now=NOON)
    return refusal.value


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "  Bearer   "])
def test_a_bearer_token_is_taken(verifier, scheme):
    token = signed(access_claims(verifier.configuration.issuer))

    assert verifier.bearer(f"{scheme}{token}", now=NOON).subject == "anna-1"


@pytest.mark.parametrize(
    ("header", "code", "status"),
    [
        (None, "AUTHENTICATION_REQUIRED", 401),
        ("", "AUTHENTICATION_REQUIRED", 401),
        ("   ", "AUTHENTICATION_REQUIRED", 401),
        ("Basic YTpi", "WRONG_SCHEME", 401),
        ("Token abc", "WRONG_SCHEME", 401),
        ("eyJhbGciOiJub25lIn0.e30.", "WRONG_SCHEME", 401),
        ("Bearerabc", "WRONG_SCHEME", 401),
        ("Bearer", "TOKEN_MISSING", 401),
        ("Bearer ", "TOKEN_MISSING", 401),
        ("bearer      ", "TOKEN_MISSING", 401),
        ("Bearer null", "TOKEN_INVALID", 401),
        ("Bearer a b", "TOKEN_INVALID", 401),
        ("Bearer \x00", "TOKEN_INVALID", 401),
        ("Bearer é", "TOKEN_INVALID", 401),
        ("Bearer " + "x" * 1_000_000, "TOKEN_INVALID", 401),
        ("Basic " + "x" * 1_000_000, "TOKEN_INVALID", 401),
        (" " * 1_000_000, "AUTHENTICATION_REQUIRED", 401),
        ("Bearer " + "." * 1_000_000, "TOKEN_INVALID", 401),
    ],
)
def test_every_bad_header_has_its_code(publisher, verifier, header, code, status):
    refusal = refusal_of(verifier, header)

    assert (refusal.code, refusal.status) == (code, status)
    assert publisher.asked == []


def test_the_longest_token_fits_behind_bearer(publisher, verifier):
    """A header is measured without its scheme."""
    padding = "x" * (16 * 1024)

    assert refusal_of(verifier, f"Bearer {padding}").reason != "too long"
    assert refusal_of(verifier, f"Bearer {padding}x").reason == "too long"


def test_a_silent_provider_is_no_fault_of_the_token(publisher):
    publisher.fails()
    token = signed(access_claims(publisher.issuer))

    refusal = refusal_of(Verifier(publisher.cognito()), f"Bearer {token}")

    assert (refusal.code, refusal.status) == ("PROVIDER_UNAVAILABLE", 503)


def test_every_refusal_is_one_sentence_with_a_status():
    for code, (status, sentence) in REFUSALS.items():
        refusal = Refusal(code)
        assert (refusal.code, refusal.status, refusal.detail) == (code, status, sentence)
        assert status in (401, 403, 503)
        assert sentence.endswith(".")
        assert code == code.upper()
