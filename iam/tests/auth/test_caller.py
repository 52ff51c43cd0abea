"""Who calls with an access token, and which access tokens open nothing."""

from datetime import timedelta

import pytest

from iam.auth import AuthConfiguration, Caller, Refusal, Verifier
from iam.tests.auth.publisher import (
    NOON,
    access_claims,
    id_claims,
    machine_claims,
    rfc9068_claims,
    signed,
)


def code_for(verifier, claims, **header):
    with pytest.raises(Refusal) as refusal:
        verifier.caller(signed(claims, **header), now=NOON)
    return refusal.value.code


def test_a_persons_access_token_names_person_and_client(verifier):
    anna = verifier.caller(signed(access_claims(verifier.configuration.issuer)), now=NOON)

    assert anna == Caller(
        subject="anna-1",
        client_id="our-client",
        is_machine=False,
        issued_at=NOON,
        expires_at=NOON + timedelta(hours=1),
        scopes=frozenset({"openid", "email"}),
    )


def test_people_come_only_through_clients_that_are_welcome(publisher, verifier):
    claims = access_claims(publisher.issuer, client_id="second-client")
    hospitable = Verifier(publisher.cognito(api_client_ids=frozenset({"second-client"})))

    assert code_for(verifier, claims) == "TOKEN_INVALID"
    assert hospitable.caller(signed(claims), now=NOON).client_id == "second-client"


@pytest.mark.parametrize("scope", [None, "", "email", "openid2 notopenid", ["openid"], 7])
def test_people_need_the_scope_for_people(verifier, scope):
    claims = access_claims(verifier.configuration.issuer, scope=scope)

    assert code_for(verifier, claims) == "SCOPE_MISSING"


def test_a_machine_of_any_client_passes_with_its_scopes(verifier):
    robot = verifier.caller(signed(machine_claims(verifier.configuration.issuer)), now=NOON)

    assert robot.is_machine
    assert (robot.subject, robot.scopes) == ("robot", {"prospectflow/read"})


def test_a_person_named_like_their_client_is_no_machine(verifier):
    claims = machine_claims(verifier.configuration.issuer, username="robot")

    assert code_for(verifier, claims) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("is_machine", "scope", "reads", "writes"),
    [
        (True, "prospectflow/read", True, False),
        (True, "prospectflow/write", True, True),
        (True, "openid", False, False),
        (True, "", False, False),
        (False, "openid", True, True),
        (False, "prospectflow/write", False, False),
    ],
)
def test_scopes_say_what_a_caller_may_do(is_machine, scope, reads, writes):
    caller = Caller(
        subject="s",
        client_id="c",
        is_machine=is_machine,
        issued_at=NOON,
        expires_at=NOON,
        scopes=frozenset(scope.split()),
    )

    assert caller.may_read(AuthConfiguration()) is reads
    assert caller.may_write(AuthConfiguration()) is writes


@pytest.mark.parametrize("use", [None, "id", "refresh", True])
def test_cognito_must_say_that_it_is_an_access_token(verifier, use):
    claims = access_claims(verifier.configuration.issuer, token_use=use)

    assert code_for(verifier, claims) == "TOKEN_WRONG_USE"


def test_an_id_token_opens_nothing(verifier, other_verifier):
    claims = id_claims(verifier.configuration.issuer)

    assert code_for(verifier, claims) == "TOKEN_WRONG_USE"
    assert code_for(other_verifier, claims | {"token_use": None}) == "TOKEN_WRONG_USE"


def test_other_providers_tokens_follow_rfc_9068(other_verifier):
    token = signed(rfc9068_claims(other_verifier.configuration.issuer), typ="at+jwt")

    assert other_verifier.caller(token, now=NOON).subject == "anna-1"


def test_other_providers_machines_are_known_by_their_subject(other_verifier):
    claims = rfc9068_claims(
        other_verifier.configuration.issuer, sub="robot", client_id="robot", username="robot"
    )

    assert other_verifier.caller(signed(claims, typ="at+jwt"), now=NOON).is_machine


@pytest.mark.parametrize(
    "claim", [{"nonce": "n-1"}, {"at_hash": "x"}, {"c_hash": "x"}, {"token_use": "id"}]
)
def test_what_only_id_tokens_say_is_refused_whatever_the_type(other_verifier, claim):
    claims = rfc9068_claims(other_verifier.configuration.issuer, **claim)

    assert code_for(other_verifier, claims, typ="at+jwt") == "TOKEN_WRONG_USE"


@pytest.mark.parametrize("kind", ["JWT", None, "", 7, ["at+jwt"]])
def test_other_providers_must_say_that_it_is_an_access_token(other_verifier, kind):
    claims = rfc9068_claims(other_verifier.configuration.issuer)

    assert code_for(other_verifier, claims, typ=kind) == "TOKEN_WRONG_USE"


@pytest.mark.parametrize("audience", [None, "our-client", ["another"]])
def test_other_providers_tokens_must_be_made_out_to_our_api(other_verifier, audience):
    claims = rfc9068_claims(other_verifier.configuration.issuer, aud=audience)

    assert code_for(other_verifier, claims, typ="at+jwt") == "TOKEN_INVALID"


def test_without_an_audience_of_our_own_no_access_token_is_taken(publisher):
    verifier = Verifier(publisher.other(api_audience=""))

    with pytest.raises(Refusal, match="OIDC_API_AUDIENCE") as refusal:
        verifier.caller(signed(rfc9068_claims(publisher.issuer), typ="at+jwt"), now=NOON)

    assert (refusal.value.code, publisher.asked) == ("TOKEN_INVALID", [])


def test_without_a_provider_no_access_token_is_taken():
    with pytest.raises(Refusal, match="no provider") as refusal:
        Verifier(AuthConfiguration()).caller(signed(access_claims("x")), now=NOON)

    assert refusal.value.code == "TOKEN_INVALID"


@pytest.mark.parametrize("client", [None, "", " ", 7, "a\x00b", "x" * 256])
def test_a_token_without_a_usable_client_is_invalid(verifier, client):
    claims = access_claims(verifier.configuration.issuer, client_id=client)

    assert code_for(verifier, claims) == "TOKEN_INVALID"
