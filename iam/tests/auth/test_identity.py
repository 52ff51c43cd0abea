"""Who an ID token proves, and which ID tokens prove nobody."""

from datetime import timedelta

import pytest

from iam.auth import AuthConfiguration, Refusal, Verifier
from iam.tests.auth.publisher import CLIENT, NOON, access_claims, id_claims, signed


def refused(verifier, header=None, **claims):
    token = signed(id_claims(verifier.configuration.issuer, **claims), **header or {})
    with pytest.raises(Refusal) as refusal:
        verifier.identity(token, nonce="n-1", now=NOON)
    return refusal.value.code


def test_an_id_token_proves_a_person(verifier):
    token = signed(id_claims(verifier.configuration.issuer, family_name="Durand"))

    anna = verifier.identity(token, nonce="n-1", now=NOON)

    assert (anna.subject, anna.email) == ("anna-1", "anna@example.com")
    assert (anna.first_name, anna.last_name) == ("Anna", "Durand")
    assert (anna.issued_at, anna.expires_at) == (NOON, NOON + timedelta(hours=1))


def test_names_are_one_printable_line_of_bounded_length(verifier):
    names = {"given_name": "An\x00na\n Lena", "family_name": "x" * 1000}
    token = signed(id_claims(verifier.configuration.issuer, **names))

    anna = verifier.identity(token, nonce=None, now=NOON)

    assert (anna.first_name, anna.last_name) == ("An na Lena", "x" * 150)


def test_a_name_that_is_no_text_is_left_out(verifier):
    token = signed(id_claims(verifier.configuration.issuer, given_name={"first": "Anna"}))

    assert verifier.identity(token, nonce=None, now=NOON).first_name == ""


@pytest.mark.parametrize("address", [None, 7, "", "anna", "a\x00@example.com", f"{'a' * 250}@b.fr"])
def test_an_address_that_is_none_admits_nobody(verifier, address):
    assert refused(verifier, email=address) == "EMAIL_NOT_VERIFIED"


@pytest.mark.parametrize("verified", [None, False, "false", "True", 1, "", [True]])
def test_an_unverified_address_admits_nobody(verifier, verified):
    assert refused(verifier, email_verified=verified) == "EMAIL_NOT_VERIFIED"


def test_cognitos_written_true_counts_as_verified(verifier):
    token = signed(id_claims(verifier.configuration.issuer, email_verified="true"))

    assert verifier.identity(token, nonce="n-1", now=NOON).email == "anna@example.com"


@pytest.mark.parametrize("nonce", [None, "n-2", "", 7, "\ud800"])
def test_a_nonce_must_come_back(verifier, nonce):
    assert refused(verifier, nonce=nonce) == "NONCE_MISMATCH"


@pytest.mark.parametrize("audience", [None, "another", [], [None], ["another"], {"our-client": 1}])
def test_the_token_must_be_made_out_to_our_client(verifier, audience):
    assert refused(verifier, aud=audience) == "TOKEN_INVALID"


def test_of_several_audiences_ours_must_be_the_authorised_party(verifier):
    several = [CLIENT, "another"]

    assert refused(verifier, aud=several) == "TOKEN_INVALID"
    assert refused(verifier, aud=several, azp="another") == "TOKEN_INVALID"
    assert refused(verifier, aud=CLIENT, azp="another") == "TOKEN_INVALID"
    token = signed(id_claims(verifier.configuration.issuer, aud=several, azp=CLIENT))
    assert verifier.identity(token, nonce="n-1", now=NOON).subject == "anna-1"


@pytest.mark.parametrize("use", [None, "access", "ID", 1])
def test_cognito_must_say_that_it_is_an_id_token(verifier, use):
    assert refused(verifier, token_use=use) == "TOKEN_WRONG_USE"


def test_an_access_token_signs_nobody_in(verifier):
    token = signed(access_claims(verifier.configuration.issuer))

    with pytest.raises(Refusal) as refusal:
        verifier.identity(token, nonce=None, now=NOON)

    assert refusal.value.code == "TOKEN_WRONG_USE"


def test_other_providers_need_not_say_what_a_token_is_for(other_verifier):
    token = signed(id_claims(other_verifier.configuration.issuer, token_use=None))

    assert other_verifier.identity(token, nonce="n-1", now=NOON).subject == "anna-1"


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_other_providers_access_tokens_sign_nobody_in(other_verifier, kind):
    assert refused(other_verifier, token_use=None, header={"typ": kind}) == "TOKEN_WRONG_USE"
    assert refused(other_verifier, token_use="access") == "TOKEN_WRONG_USE"


def test_without_a_provider_no_id_token_is_taken():
    with pytest.raises(Refusal) as refusal:
        Verifier(AuthConfiguration()).identity(
            signed(id_claims("https://id.example")), nonce=None, now=NOON
        )

    assert refusal.value.code == "PROVIDER_UNAVAILABLE"
