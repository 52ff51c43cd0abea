"""The tokens of a laptop: signed by the provider's own key, and checked like any others."""

import shlex
from base64 import urlsafe_b64decode
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from iam.auth import AuthConfiguration, Refusal, Verifier
from iam.models import Membership, Role, User
from iam.services import register_service_account
from prospectflow.operations import embedded
from prospectflow.operations.embedded.oidc import PEOPLE
from prospectflow.operations.embedded.signing import key_file, key_id, sign_access_token
from prospectflow.operations.management.commands.demo import ready_call
from prospectflow.operations.management.commands.token import claims_for
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_user

ME = "/api/v1/me/"
BACK = "http://a.test/"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A running provider of its own, and the folder it stands in."""
    directory = tmp_path_factory.mktemp("provider") / ".local"
    embedded.start(directory, sign_in=True)
    yield directory
    embedded.reset(directory)


@pytest.fixture
def laptop(settings, provider, committed):
    """The project, as settings make it beside that provider."""
    settings.DEBUG = settings.EMBEDDED_PROVIDER = True
    settings.LOCAL_DIRECTORY = provider
    settings.AUTH = AuthConfiguration.from_environment(embedded.provider_settings(provider))
    return provider


@pytest.fixture
def acme(committed):
    """Acme, as other processes see it."""
    return make_organisation(name="Acme", slug="acme")


def owner_of(organisation) -> User:
    with tenant(organisation.pk):
        return Membership.objects.get(role=Role.OWNER).user


def token_of(capsys, *arguments: str) -> str:
    call_command("token", *arguments)
    return capsys.readouterr().out.strip()


def asked(client, token: str, address: str = ME, **options):
    return client.get(address, headers={"Authorization": f"Bearer {token}"}, **options)


def id_token_of(issuer: str, subject: str) -> str:
    """What a browser's sign-in at the provider brings."""
    said = {"client_id": "prospectflow", "response_type": "code", "redirect_uri": BACK}
    said |= {"scope": "openid email profile", "nonce": "n"}
    granted = requests.post(
        f"{issuer}/oauth2/authorize",
        params=said,
        data={"sub": subject},
        allow_redirects=False,
        timeout=5,
    )
    code = parse_qs(urlsplit(granted.headers["Location"]).query)["code"][0]
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    given |= {"client_id": "prospectflow"}
    return requests.post(f"{issuer}/oauth2/token", given, timeout=5).json()["id_token"]


def test_a_persons_token_opens_the_api_for_an_hour(laptop, acme, client, capsys):
    owner = owner_of(acme)

    token = token_of(capsys, owner.email.upper())
    answer = asked(client, token)

    assert answer.status_code == 200, answer.content
    assert owner.email in answer.content.decode()
    caller = Verifier(settings_auth(laptop)).caller(token, now=timezone.now())
    assert caller.expires_at - caller.issued_at == timedelta(hours=1)
    with pytest.raises(Refusal, match="expired"):
        Verifier(settings_auth(laptop)).caller(token, now=timezone.now() + timedelta(minutes=62))


def settings_auth(directory) -> AuthConfiguration:
    return AuthConfiguration.from_environment(embedded.provider_settings(directory))


def test_a_token_lasts_beyond_the_providers_end(laptop, acme, capsys):
    email = owner_of(acme).email
    token = token_of(capsys, email)

    embedded.stop(laptop)
    embedded.start(laptop, sign_in=True)

    assert Verifier(settings_auth(laptop)).caller(token, now=timezone.now()).subject == email


def test_the_first_token_sets_the_subject_that_the_first_sign_in_would(laptop, capsys):
    camille = make_user(email=PEOPLE[0].email, cognito_sub=None)
    signed_in = make_user(cognito_sub="long known")

    first = token_of(capsys, camille.email)
    token_of(capsys, signed_in.email)

    assert User.objects.get(pk=camille.pk).cognito_sub == PEOPLE[0].subject
    assert User.objects.get(pk=signed_in.pk).cognito_sub == "long known"
    verifier, now = Verifier(settings_auth(laptop)), timezone.now()
    identity = verifier.identity(
        id_token_of(settings_auth(laptop).issuer, PEOPLE[0].subject), nonce="n", now=now
    )
    assert verifier.caller(first, now=now).subject == identity.subject


def test_a_token_that_would_be_anothers_is_not_given(laptop):
    make_user(email="other@example.com", cognito_sub=PEOPLE[0].subject)
    camille = make_user(email=PEOPLE[0].email, cognito_sub=None)

    with pytest.raises(CommandError, match="already signs in") as refusal:
        call_command("token", camille.email)

    assert refusal.value.returncode == 2
    assert User.objects.get(pk=camille.pk).cognito_sub is None


def test_a_programs_token_reads_and_writes_as_its_service_account(laptop, acme, client, capsys):
    with tenant(acme.pk):
        register_service_account("Robot", "robot", Role.MEMBER)

    token, strangers = token_of(capsys, "--client-id=robot"), token_of(capsys, "--client-id=nobody")

    made = client.post(
        "/api/v1/companies/",
        {"name": "Made by a robot"},
        "application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert made.status_code == 201, made.content
    assert asked(client, strangers).json()["code"] == "PROGRAM_UNKNOWN"


def test_the_demos_last_line_is_a_request_that_a_shell_can_make(settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    command, address, _, header = shlex.split(ready_call("demo@example.com"))

    assert (command, address) == ("curl", f"http://127.0.0.1:8000{ME}")
    assert header == "Authorization: Bearer $(.venv/bin/python manage.py token demo@example.com)"


@pytest.mark.parametrize("email", ["nobody@example.com", "no address"])
def test_nobody_gets_no_token(laptop, email):
    with pytest.raises(CommandError) as refusal:
        call_command("token", email)

    assert refusal.value.returncode == 2


def test_a_closed_account_gets_no_token(laptop):
    closed = make_user(is_active=False)

    with pytest.raises(CommandError) as refusal:
        call_command("token", closed.email)

    assert refusal.value.returncode == 2


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("EMBEDDED", "DATABASE_URL is set"),
        ("DEBUG", "with DEBUG off"),
        ("EMBEDDED_PROVIDER", "Its own sign-in provider gives this server's tokens"),
    ],
)
def test_a_server_or_another_provider_gives_no_token(laptop, settings, setting, sentence):
    setattr(settings, setting, False)

    with pytest.raises(CommandError, match=sentence) as refusal:
        call_command("token", make_user().email)

    assert refusal.value.returncode == 2


def test_the_key_is_its_owners_alone_and_each_folder_has_its_own(laptop, tmp_path):
    ours, other = key_file(laptop), key_file(tmp_path / ".local")

    assert ours == key_file(laptop)
    assert ours.stat().st_mode & 0o777 == 0o600
    assert key_id(ours) != key_id(other)


def test_the_key_of_another_folder_opens_nothing(laptop, tmp_path):
    auth = settings_auth(laptop)
    claims = claims_for("robot", auth, machine=True, now=timezone.now())
    forged = sign_access_token(claims, key_file(tmp_path / ".local"))

    with pytest.raises(Refusal) as refusal:
        Verifier(auth).caller(forged, now=timezone.now())

    assert refusal.value.code == "TOKEN_INVALID"


def test_a_server_does_not_trust_the_laptops_key(laptop):
    token = sign_access_token(
        claims_for("robot", settings_auth(laptop), machine=True, now=timezone.now()),
        key_file(laptop),
    )
    issuer = settings_auth(laptop).issuer
    elsewhere = AuthConfiguration(  # a provider with the very same keys, under a name of its own
        issuer="https://id.example",
        client_id="us",
        api_audience="prospectflow-api",
        jwks_uri=f"{issuer}/jwks",
    )

    with pytest.raises(Refusal) as refusal:
        Verifier(elsewhere).caller(token, now=timezone.now())

    assert (refusal.value.code, refusal.value.reason) == ("TOKEN_INVALID", "another issuer")


def test_a_damaged_key_is_named(tmp_path):
    key_file(tmp_path).write_text("no key")

    with pytest.raises(embedded.EmbeddedError, match=r"key\.pem is damaged"):
        key_id(key_file(tmp_path))


def test_only_the_public_half_is_published(laptop):
    (key,) = requests.get(f"{settings_auth(laptop).issuer}/jwks", timeout=5).json()["keys"]

    assert key["kid"] == key_id(key_file(laptop))
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert len(urlsafe_b64decode(key["n"] + "==")) * 8 == 2048
