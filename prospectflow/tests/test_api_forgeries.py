"""What a caller claims for themselves grants nothing, and no header leads or breaks anything."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from crm.models import Company
from iam.models import Membership, Role, User
from iam.tests.auth.publisher import Publisher, access_claims, machine_claims, signed
from iam.tests.providers import free_port
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_company, make_user
from prospectflow.testing.processes import environment

COMPANIES = "/api/v1/companies/"
ME = "/api/v1/me/"
MEGABYTE = 2**20
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "/\tevil.example",
    "/x\r\nSet-Cookie: a=b",
    " //evil.example",
    "/" + "x" * 5000,
    "\0",
]


@pytest.fixture
def publisher(settings: Any) -> Iterator[Publisher]:
    """A provider whose tokens this server takes."""
    publisher = Publisher()
    settings.AUTH = publisher.cognito()
    yield publisher
    publisher.stop()


@pytest.fixture
def viewer(organisation) -> User:
    """A viewer of Acme, whom the provider calls anna-1."""
    user = make_user(cognito_sub="anna-1")
    with tenant(organisation.pk):
        Membership.objects.create(user=user, role=Role.VIEWER)
    return user


def token(publisher: Publisher, *, kid: str = "first", claims: Any = access_claims, **told) -> str:
    now = int(time.time())
    return signed(claims(publisher.issuer, iat=now, exp=now + 600, **told), kid=kid)


def bearing(token: str, **headers: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"} | headers)


# Claims ---------------------------------------------------------------------------------------
def test_claims_of_a_token_grant_neither_a_role_nor_an_organisation(
    publisher, viewer, other_organisation
):
    with tenant(other_organisation.pk):
        make_company(name="Theirs")
    claims = {
        "custom:organisation_id": str(other_organisation.pk),
        "custom:role": "owner",
        "cognito:groups": ["admin", "owner"],
        "role": "owner",
        "organisation": "other",
    }
    client = bearing(token(publisher, **claims))

    told = client.get(ME).json()
    listed = client.get(COMPANIES).json()

    assert (told["organisation"]["slug"], told["organisation"]["role"]) == ("acme", "viewer")
    assert [each["slug"] for each in told["organisations"]] == ["acme"]
    assert listed["results"] == []
    answer = client.post(COMPANIES, {"name": "Mine"}, "application/json")
    assert refusal(answer) == (403, "FORBIDDEN")


def test_a_token_of_nobody_here_grants_nothing_whatever_it_claims(publisher, organisation):
    claims = {"custom:organisation_id": str(organisation.pk), "custom:role": "owner"}

    person = bearing(token(publisher, sub="nobody", **claims))
    program = bearing(token(publisher, claims=machine_claims, **claims))

    assert refusal(person.get(COMPANIES))[0] == 403
    assert refusal(program.get(COMPANIES))[0] == 403


@pytest.mark.parametrize(
    ("field", "value"), [("role", "owner"), ("organisation_id", None), ("organisation", None)]
)
def test_a_body_cannot_say_who_sends_it(organisation, other_organisation, field, value):
    member = api_client(Role.MEMBER, organisation)

    answer = member.post(COMPANIES, {"name": "New", field: value or str(other_organisation.pk)})

    assert faults(answer) == {field: "unknown_field"}
    for each in (organisation, other_organisation):
        with tenant(each.pk):
            assert not Company.objects.exists()


def test_nobody_promotes_themselves(organisation):
    for role in (Role.MEMBER, Role.VIEWER, Role.ADMIN):
        client = api_client(role, organisation)
        listed = client.get("/api/v1/memberships/").json()["results"]
        own = next(each for each in listed if each["role"] == role)

        answer = client.patch(f"/api/v1/memberships/{own['id']}/", {"role": "owner"})

        assert refusal(answer)[0] in {400, 403, 409}
        with tenant(organisation.pk):
            assert Membership.objects.get(pk=own["id"]).role == role


@pytest.mark.parametrize(
    "slug", ["other", "Acme", "acme,other", "x" * 5000, "../acme", "%61cme", "é", "acme\0"]
)
def test_an_organisation_that_is_not_the_callers_is_refused(organisation, other_organisation, slug):
    member = api_client(Role.MEMBER, organisation)

    answer = member.get(COMPANIES, headers={"X-Organisation": slug})

    assert refusal(answer) == (403, "NOT_A_MEMBER")


# Tokens, over the whole chain -----------------------------------------------------------------
def bad_tokens(publisher: Publisher) -> dict[str, tuple[str, str]]:
    """One of each kind, and the code it is refused with; iam/tests/auth has every kind."""
    now, issuer = int(time.time()), publisher.issuer
    good = access_claims(issuer, iat=now, exp=now + 600)
    unsigned = "eyJhbGciOiJub25lIn0." + signed(good).split(".")[1] + "."
    return {
        "expired": (signed(good | {"iat": now - 900, "exp": now - 300}), "TOKEN_EXPIRED"),
        "from the future": (signed(good | {"iat": now + 300, "exp": now + 900}), "TOKEN_INVALID"),
        "of another client": (signed(good | {"client_id": "another"}), "TOKEN_INVALID"),
        "of another issuer": (signed(good | {"iss": "https://evil.example"}), "TOKEN_INVALID"),
        "for signing in": (signed(good | {"token_use": "id"}), "TOKEN_WRONG_USE"),
        "by a rotated-out key": (signed(good, kid="gone"), "TOKEN_INVALID"),
        "by nobody": (unsigned, "TOKEN_INVALID"),
        "above 16 KB": ("x" * MEGABYTE, "TOKEN_INVALID"),
    }


def test_every_bad_token_is_refused_over_http_and_writes_nothing(publisher, viewer, organisation):
    with tenant(organisation.pk):
        Membership.objects.filter(user=viewer).update(role=Role.MEMBER)
    assert bearing(token(publisher)).get(COMPANIES).status_code == 200
    tokens = bad_tokens(publisher)

    answers = {
        name: bearing(bad).post(COMPANIES, {"name": "New"}, "application/json")
        for name, (bad, _) in tokens.items()
    }

    said = {name: refusal(answer) for name, answer in answers.items()}
    assert said == {name: (401, code) for name, (_, code) in tokens.items()}
    assert all("WWW-Authenticate" in answer.headers for answer in answers.values())
    with tenant(organisation.pk):
        assert not Company.objects.exists()


# Redirects ------------------------------------------------------------------------------------
@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_signing_in_by_password_leads_nowhere_else(organisation, wanted):
    user = make_user(password="a long passphrase")
    form = {"username": user.email, "password": "a long passphrase", "next": wanted}

    in_form = Client().post("/login/", form)
    in_query = Client().post("/login/", form | {"next": ""}, query_params={"next": wanted})
    already = Client()
    already.force_login(user, "django.contrib.auth.backends.ModelBackend")

    for answer in (in_form, in_query, already.get("/login/", {"next": wanted})):
        assert_it_stays_here(answer)


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_signing_out_leads_nowhere_else(organisation, wanted):
    for page in ("/logout/", "/oidc/logout/"):
        client = Client()
        client.force_login(make_user(), "django.contrib.auth.backends.ModelBackend")

        answer = client.post(page, {"next": wanted}, query_params={"next": wanted})

        assert_it_stays_here(answer)


def assert_it_stays_here(answer: Any) -> None:
    """As browsers read the address: they take a backslash for a slash, and skip control ones."""
    assert answer.status_code < 400
    where = answer.headers.get("Location", "/").replace("\\", "/")
    assert where.isprintable()
    assert urlsplit(urljoin("http://testserver/login/", where)).netloc == "testserver"


@pytest.mark.parametrize(
    "given", ["a\r\nX-Evil: 1", "x" * 65, "<script>", "é", "short", "a b c d e"]
)
def test_an_id_of_a_request_that_is_not_well_formed_is_not_repeated(db, given):
    answer = Client().get(COMPANIES, headers={"X-Request-ID": given})

    assert given not in answer.headers["X-Request-ID"]
    assert answer.headers["X-Request-ID"].isalnum()


# The server that serves in production ---------------------------------------------------------
@pytest.fixture
def granian(committed) -> Iterator[int]:
    """The port of a real web process, stopped at the end."""
    port = free_port()
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command, "prospectflow.wsgi:application"],
        cwd=settings.BASE_DIR,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if said(port, b"GET /t/none.gif HTTP/1.1\r\n").startswith("HTTP/1.1 200"):
                break
            time.sleep(0.1)
        yield port
        assert process.poll() is None, "the server died"
    finally:
        process.terminate()
        process.wait(timeout=20)


def said(port: int, head: bytes, *, host: bytes = b"127.0.0.1") -> str:
    """The first line of the answer; nothing where the server hung up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(head + b"Host: " + host + b"\r\nConnection: close\r\n\r\n")
            return connection.recv(4096).decode("latin-1").partition("\r\n")[0]
    except OSError:
        return ""


def test_no_header_breaks_the_server(granian):
    ask = b"GET /api/v1/companies/ HTTP/1.1\r\n"
    heads = {
        "1 MB of token": ask + b"Authorization: Bearer " + b"x" * MEGABYTE + b"\r\n",
        "1 MB of cookie": ask + b"Cookie: sessionid=" + b"x" * MEGABYTE + b"\r\n",
        "1 MB of organisation": ask + b"X-Organisation: " + b"x" * MEGABYTE + b"\r\n",
        "20 KB of token": ask + b"Authorization: Bearer " + b"x" * 20_000 + b"\r\n",
        "NUL": ask + b"Authorization: Bearer a\0b\r\n",
        "no UTF-8": ask + b"X-Organisation: \xff\xfe\r\n",
        "a lone line feed": ask + b"X-Organisation: acme\nX-Evil: 1\r\n",
        "a line that goes on": ask + b"X-Organisation: acme\r\n X-Evil: 1\r\n",
        "1 MB of address": b"GET /api/v1/" + b"x" * MEGABYTE + b" HTTP/1.1\r\n",
        "a NUL in the address": b"GET /api/v1/companies/%00/ HTTP/1.1\r\n",
        "a bad escape": b"GET /api/v1/companies/%zz%ff/ HTTP/1.1\r\n",
        "a NUL in the query": b"GET /api/v1/companies/?search=%00&limit=%ff HTTP/1.1\r\n",
        "no method": b"\0\0\0 / HTTP/1.1\r\n",
        "two lengths": ask + b"Content-Length: 5\r\nContent-Length: 6\r\n",
        "a length that is none": ask + b"Content-Length: -1\r\n",
    }

    answers = {name: said(granian, head) for name, head in heads.items()}

    broken = {name: line for name, line in answers.items() if line and line.split()[1][0] != "4"}
    assert broken == {}
    assert said(granian, ask).startswith("HTTP/1.1 401")
    assert said(granian, ask, host=b"evil.example").startswith("HTTP/1.1 400")
