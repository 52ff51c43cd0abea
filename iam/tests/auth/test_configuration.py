"""The provider's settings: what is enough, what is derived, what is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

import iam.auth
from iam.auth import AuthConfiguration, ConfigurationError

POOL = {"COGNITO_USER_POOL_ID": "eu-west-1_AbC123", "COGNITO_CLIENT_ID": "our-client"}
ISSUER = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "our-client"}

read = AuthConfiguration.from_environment


def test_nothing_given_is_nothing_configured():
    assert read({}) == AuthConfiguration()
    assert not read({}).configured
    assert not read(dict.fromkeys(AuthConfiguration.VARIABLES, " ")).configured


def test_a_pool_and_a_client_are_enough():
    found = read(POOL)

    assert found.configured
    assert found.cognito
    assert found.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123"
    assert found.jwks_uri == f"{found.issuer}/.well-known/jwks.json"
    assert (found.client_id, found.client_secret) == ("our-client", "")


def test_an_issuer_and_a_client_are_enough():
    found = read(ISSUER)

    assert found == AuthConfiguration(issuer="https://id.example", client_id="our-client")
    assert found.configured
    assert not found.cognito


def test_cognito_by_its_issuer_is_still_cognito():
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123"

    assert read(ISSUER | {"OIDC_ISSUER": issuer}).cognito


def test_everything_else_may_be_given():
    found = read(
        ISSUER
        | {
            "OIDC_CLIENT_SECRET": "hush",
            "OIDC_API_AUDIENCE": "our-api",
            "OIDC_API_CLIENT_IDS": "second, third,,",
            "OIDC_PERSON_SCOPE": "people",
            "OIDC_READ_SCOPE": "r",
            "OIDC_WRITE_SCOPE": "w",
            "OIDC_TIMEOUT_SECONDS": "2.5",
        }
    )

    assert found == AuthConfiguration(
        issuer="https://id.example",
        client_id="our-client",
        client_secret="hush",
        api_audience="our-api",
        api_client_ids=frozenset({"second", "third"}),
        person_scope="people",
        read_scope="r",
        write_scope="w",
        timeout_seconds=2.5,
    )


def test_the_defaults_are_those_that_the_docs_name():
    found = AuthConfiguration()

    assert (found.leeway, found.key_lifetime) == (timedelta(seconds=60), timedelta(minutes=10))
    assert (found.person_scope, found.timeout_seconds) == ("openid", 5.0)
    assert (found.read_scope, found.write_scope) == ("prospectflow/read", "prospectflow/write")


@pytest.mark.parametrize(
    ("given", "domain"),
    [
        ("login.example.com", "login.example.com"),
        ("acme-live", "acme-live.auth.eu-west-1.amazoncognito.com"),
        ("", ""),
    ],
)
def test_a_prefix_of_the_domain_is_completed(given, domain):
    assert read(POOL | {"COGNITO_DOMAIN": given}).domain == domain


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"COGNITO_CLIENT_ID": "c"}, "COGNITO_USER_POOL_ID"),
        ({"COGNITO_REGION": "eu-west-1"}, "COGNITO_USER_POOL_ID"),
        ({"COGNITO_USER_POOL_ID": "eu-west-1_AbC"}, "COGNITO_CLIENT_ID"),
        (POOL | {"COGNITO_USER_POOL_ID": "AbC123"}, "COGNITO_USER_POOL_ID"),
        (POOL | {"COGNITO_USER_POOL_ID": "eu-west-1_Ab/../C"}, "COGNITO_USER_POOL_ID"),
        (POOL | {"COGNITO_REGION": "eu-west-3"}, "COGNITO_REGION"),
        (POOL | {"COGNITO_DOMAIN": "https://login.example.com"}, "COGNITO_DOMAIN"),
        (POOL | {"COGNITO_DOMAIN": "login.example.com/x"}, "COGNITO_DOMAIN"),
        (POOL | ISSUER, "COGNITO_USER_POOL_ID or OIDC_ISSUER"),
        (POOL | {"OIDC_CLIENT_ID": "c"}, "OIDC_CLIENT_ID"),
        (POOL | {"OIDC_API_AUDIENCE": "our-api"}, "OIDC_API_AUDIENCE"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID"),
        ({"OIDC_CLIENT_ID": "c"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "http://id.example"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "id.example"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://id.example/?x=1"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://id.example/#x"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://user@id.example"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://id.example:port"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://[::1"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "http://127.0.0.1.example"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://id.exa\nmple"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_ISSUER": "https://id.example/a b"}, "OIDC_ISSUER"),
        (ISSUER | {"OIDC_PERSON_SCOPE": "openid email"}, "OIDC_PERSON_SCOPE"),
        (ISSUER | {"OIDC_READ_SCOPE": "a b"}, "OIDC_READ_SCOPE"),
        (ISSUER | {"OIDC_WRITE_SCOPE": "a b"}, "OIDC_WRITE_SCOPE"),
        (ISSUER | {"OIDC_TIMEOUT_SECONDS": "soon"}, "OIDC_TIMEOUT_SECONDS"),
        (ISSUER | {"OIDC_TIMEOUT_SECONDS": "0"}, "OIDC_TIMEOUT_SECONDS"),
        (ISSUER | {"OIDC_TIMEOUT_SECONDS": "-1"}, "OIDC_TIMEOUT_SECONDS"),
        (ISSUER | {"OIDC_TIMEOUT_SECONDS": "nan"}, "OIDC_TIMEOUT_SECONDS"),
        (ISSUER | {"OIDC_TIMEOUT_SECONDS": "61"}, "OIDC_TIMEOUT_SECONDS"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(environment, variable):
    with pytest.raises(ConfigurationError, match=variable):
        read(environment)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9000/pool", "http://localhost:9000"])
def test_this_very_machine_may_speak_plain_http(issuer):
    assert read(ISSUER | {"OIDC_ISSUER": issuer}).issuer == issuer


@pytest.mark.parametrize(
    "fields",
    [
        {"issuer": "https://id.example"},
        {"client_id": "our-client"},
        {"issuer": "http://id.example", "client_id": "c"},
        {"issuer": "https://id.example", "client_id": "c", "jwks_uri": "http://id.example/keys"},
    ],
)
def test_a_written_configuration_is_held_to_the_same_rules(fields):
    with pytest.raises(ConfigurationError):
        AuthConfiguration(**fields)


def test_the_secret_does_not_show_itself():
    assert "hush" not in repr(read(POOL | {"COGNITO_CLIENT_SECRET": "hush"}))


def test_the_readme_names_every_variable():
    readme = (Path(iam.auth.__file__).parent / "README.md").read_text()

    assert [name for name in AuthConfiguration.VARIABLES if f"`{name}`" not in readme] == []
