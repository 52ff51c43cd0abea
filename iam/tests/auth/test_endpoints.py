"""Where the provider is: by discovery, or derived from Cognito's domain."""

import json

import pytest

from iam.auth import AuthConfiguration, Endpoints, Refusal, Verifier
from iam.tests.auth.publisher import DISCOVERY


def refused(verifier) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        verifier.endpoints()
    return refusal.value


def test_discovery_tells_every_address_once(publisher, verifier):
    assert verifier.endpoints() == verifier.endpoints()
    assert verifier.endpoints() == Endpoints(
        authorization=f"{publisher.issuer}/authorize",
        token=f"{publisher.issuer}/token",
        jwks=f"{publisher.issuer}/keys",
        end_session=f"{publisher.issuer}/logout",
    )
    assert publisher.asked == [DISCOVERY]


def test_an_issuer_with_a_closing_slash_is_discovered_too(publisher):
    issuer = f"{publisher.issuer}/"
    document = json.dumps(publisher.discovery() | {"issuer": issuer}).encode()
    publisher.answers[DISCOVERY] = (200, {}, document)

    endpoints = Verifier(publisher.other(issuer=issuer)).endpoints()

    assert endpoints.token == f"{publisher.issuer}/token"


def test_a_provider_without_a_way_out_has_an_empty_one(publisher, verifier):
    document = publisher.discovery()
    del document["end_session_endpoint"]
    publisher.answers[DISCOVERY] = (200, {}, json.dumps(document).encode())

    assert verifier.endpoints().end_session == ""


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"token_endpoint": 7},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"token_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:word@elsewhere.example/"},
        {"jwks_uri": "https://[::1/"},
        {"end_session_endpoint": ""},
    ],
)
def test_a_discovery_that_cannot_be_trusted_is_refused(publisher, verifier, change):
    document = json.dumps(publisher.discovery() | change).encode()
    publisher.answers[DISCOVERY] = (200, {}, document)

    refusal = refused(verifier)

    assert (refusal.code, refusal.status) == ("PROVIDER_UNAVAILABLE", 503)
    assert "elsewhere" not in refusal.detail


@pytest.mark.parametrize("body", [b"[]", b"null", b"<html>", b""])
def test_a_discovery_that_is_no_object_is_refused(publisher, verifier, body):
    publisher.answers[DISCOVERY] = (200, {}, body)

    assert refused(verifier).code == "PROVIDER_UNAVAILABLE"


def test_a_provider_that_recovers_is_asked_again(publisher, verifier):
    publisher.fails()
    assert refused(verifier).code == "PROVIDER_UNAVAILABLE"

    publisher.recovers()

    assert verifier.endpoints().token == f"{publisher.issuer}/token"


def test_cognitos_addresses_follow_from_its_domain_without_a_question():
    configuration = AuthConfiguration.from_environment(
        {
            "COGNITO_USER_POOL_ID": "eu-west-1_AbC123",
            "COGNITO_CLIENT_ID": "our-client",
            "COGNITO_DOMAIN": "login.example.com",
        }
    )

    assert Verifier(configuration).endpoints() == Endpoints(
        authorization="https://login.example.com/oauth2/authorize",
        token="https://login.example.com/oauth2/token",
        jwks="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123/.well-known/jwks.json",
        end_session="https://login.example.com/logout",
    )


def test_without_a_provider_there_are_no_addresses():
    refusal = refused(Verifier(AuthConfiguration()))

    assert refusal.code == "PROVIDER_UNAVAILABLE"
    assert "configured" in refusal.detail
