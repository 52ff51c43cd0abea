"""A token holds from its making to its end, with sixty seconds of leeway on both sides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam.auth import Refusal, Verifier
from iam.tests.auth.publisher import NOON, Publisher, access_claims, id_claims, signed

LEEWAY = 60
SECONDS = st.integers(-200, 200)


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    publisher = Publisher()
    yield Verifier(publisher.cognito())
    publisher.stop()


def code(verifier: Verifier, *, now: datetime = NOON, **seconds_from_noon: float) -> str:
    noon = int(NOON.timestamp())
    moments = {name: noon + seconds for name, seconds in seconds_from_noon.items()}
    token = signed(access_claims(verifier.configuration.issuer, **moments))
    try:
        verifier.caller(token, now=now)
    except Refusal as refusal:
        return refusal.code
    return "welcome"


@given(iat=SECONDS, exp=SECONDS, now=SECONDS)
def test_a_token_holds_between_its_moments(verifier, iat, exp, now):
    found = code(verifier, now=NOON + timedelta(seconds=now), iat=iat, exp=exp)

    if iat > now + LEEWAY:
        assert found == "TOKEN_INVALID"
    elif exp <= now - LEEWAY:
        assert found == "TOKEN_EXPIRED"
    else:
        assert found == "welcome"


@given(nbf=SECONDS)
def test_not_before_means_not_before(verifier, nbf):
    assert code(verifier, nbf=nbf) == ("TOKEN_INVALID" if nbf > LEEWAY else "welcome")


def test_the_leeway_ends_on_the_second(verifier):
    assert code(verifier, exp=-59) == "welcome"
    assert code(verifier, exp=-60) == "TOKEN_EXPIRED"
    assert code(verifier, iat=60) == "welcome"
    assert code(verifier, iat=61) == "TOKEN_INVALID"


def test_parts_of_a_second_count(verifier):
    assert code(verifier, exp=-59.5) == "welcome"
    assert code(verifier, iat=60.5) == "TOKEN_INVALID"


def test_the_callers_zone_does_not_matter(verifier):
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert code(verifier, now=tokyo, exp=-59) == "welcome"
    assert code(verifier, now=tokyo, exp=-60) == "TOKEN_EXPIRED"


def test_moments_come_back_in_utc(verifier):
    caller = verifier.caller(signed(access_claims(verifier.configuration.issuer)), now=NOON)

    assert (caller.issued_at.tzinfo, caller.expires_at.tzinfo) == (UTC, UTC)


def test_a_token_for_ever_is_no_error(verifier):
    year_9999 = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())

    assert code(verifier, exp=year_9999 - int(NOON.timestamp())) == "welcome"


def test_id_tokens_have_the_same_leeway(verifier):
    noon = int(NOON.timestamp())
    token = signed(id_claims(verifier.configuration.issuer, exp=noon))

    assert verifier.identity(token, nonce="n-1", now=NOON + timedelta(seconds=59))
    with pytest.raises(Refusal) as refusal:
        verifier.identity(token, nonce="n-1", now=NOON + timedelta(seconds=60))
    assert refusal.value.code == "TOKEN_EXPIRED"


def test_an_expired_strangers_token_is_invalid_not_expired(verifier):
    token = signed(access_claims("https://elsewhere.example", exp=1))

    with pytest.raises(Refusal) as refusal:
        verifier.caller(token, now=NOON)

    assert refusal.value.code == "TOKEN_INVALID"
