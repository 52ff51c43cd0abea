"""Tokens as moto's Cognito issues them."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

import boto3
import pytest
from moto import mock_aws

from iam.auth import AuthConfiguration, Refusal, Verifier
from iam.tests.auth.publisher import KEYS, Publisher

ADDRESS, PASSWORD = "Anna@Example.com", "Secret-word-1"
COGNITOS_OWN_SCOPE = "aws.cognito.signin.user.admin"  # moto's tokens carry no other


@pytest.fixture
def cognito() -> Iterator[tuple[str, str, dict[str, str]]]:
    """A pool, its client, and the tokens of Anna, who also gave herself an organisation."""
    with mock_aws():
        client = boto3.client("cognito-idp", "eu-west-1")
        pool = _pool_of(client)
        app = client.create_user_pool_client(
            UserPoolId=pool,
            ClientName="web",
            ReadAttributes=["email", "email_verified", "given_name", "family_name"],
        )["UserPoolClient"]["ClientId"]
        yield pool, app, _tokens(client, pool, app)


def _pool_of(client) -> str:
    attributes = [{"Name": "organisation_id", "AttributeDataType": "String", "Mutable": True}]
    made = client.create_user_pool(
        PoolName="people", UsernameAttributes=["email"], Schema=attributes
    )
    pool = made["UserPool"]["Id"]
    told = {
        "email": ADDRESS,
        "email_verified": "true",
        "given_name": "Anna",
        "custom:organisation_id": "somebody-elses",
    }
    client.admin_create_user(
        UserPoolId=pool,
        Username=ADDRESS,
        UserAttributes=[{"Name": name, "Value": value} for name, value in told.items()],
    )
    client.admin_set_user_password(
        UserPoolId=pool, Username=ADDRESS, Password=PASSWORD, Permanent=True
    )
    return pool


def _tokens(client, pool: str, app: str) -> dict[str, str]:
    return client.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=app,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": ADDRESS, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]


@pytest.fixture
def moto_keys(publisher: Publisher) -> str:
    """The address at which moto's one key is really served."""
    packed = (files("moto") / "cognitoidp/resources/jwks-public.json.gz").read_bytes()
    publisher.keys = json.loads(gzip.decompress(packed))["keys"]
    return publisher.issuer + KEYS


@pytest.fixture
def verifier(cognito, moto_keys) -> Verifier:
    pool, app, _ = cognito
    environment = {
        "COGNITO_USER_POOL_ID": pool,
        "COGNITO_CLIENT_ID": app,
        "OIDC_PERSON_SCOPE": COGNITOS_OWN_SCOPE,
    }
    derived = AuthConfiguration.from_environment(environment)
    return Verifier(
        AuthConfiguration(
            issuer=derived.issuer,
            client_id=derived.client_id,
            person_scope=derived.person_scope,
            cognito=derived.cognito,
            jwks_uri=moto_keys,
        )
    )


def test_cognitos_id_token_signs_in(cognito, verifier):
    anna = verifier.identity(cognito[2]["IdToken"], nonce=None, now=datetime.now(UTC))

    assert (anna.email, anna.first_name, anna.last_name) == ("anna@example.com", "Anna", "")


def test_what_a_person_wrote_about_themselves_is_not_read(cognito, verifier):
    anna = verifier.identity(cognito[2]["IdToken"], nonce=None, now=datetime.now(UTC))

    assert "somebody-elses" not in repr(anna)


def test_cognitos_access_token_calls(cognito, verifier):
    caller = verifier.caller(cognito[2]["AccessToken"], now=datetime.now(UTC))

    assert (caller.client_id, caller.is_machine) == (cognito[1], False)
    assert caller.scopes == {COGNITOS_OWN_SCOPE}


def test_both_tokens_name_the_same_person(cognito, verifier):
    now = datetime.now(UTC)
    caller = verifier.caller(cognito[2]["AccessToken"], now=now)

    assert caller.subject == verifier.identity(cognito[2]["IdToken"], nonce=None, now=now).subject


def test_neither_token_stands_in_for_the_other(cognito, verifier):
    now = datetime.now(UTC)

    with pytest.raises(Refusal) as of_access:
        verifier.identity(cognito[2]["AccessToken"], nonce=None, now=now)
    with pytest.raises(Refusal) as of_identity:
        verifier.caller(cognito[2]["IdToken"], now=now)

    assert {of_access.value.code, of_identity.value.code} == {"TOKEN_WRONG_USE"}


def test_another_pools_tokens_are_refused_though_moto_signs_them_alike(cognito, moto_keys):
    pool, app, tokens = cognito
    another = AuthConfiguration(
        issuer="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_another",
        client_id=app,
        cognito=True,
        jwks_uri=moto_keys,
    )

    with pytest.raises(Refusal) as refusal:
        Verifier(another).caller(tokens["AccessToken"], now=datetime.now(UTC))

    assert refusal.value.code == "TOKEN_INVALID"
