"""Each condition has its status and its code, and docs/api.md names every code."""

import re
from contextlib import nullcontext
from unittest.mock import patch

import pytest
from django.conf import settings
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from iam.auth import REFUSALS as TOKEN_REFUSALS
from iam.auth import Refusal
from iam.models import Membership
from iam.services import move_membership, sign_out_everywhere
from prospectflow.api import errors, middleware
from prospectflow.errors import DomainError
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.middleware import REFUSALS as PLACE_REFUSALS
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import NOON, make_company, make_organisation, make_user

COMPANIES = "/api/v1/companies/"
ROW = re.compile(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \| (\d{3}) \|", re.M)
SAID = re.compile(r'[pP]roblem(?:_body)?\(\s*(\d{3}),\s*"([A-Z_]+)"')


def documented() -> dict[str, int]:
    page = (settings.BASE_DIR / "docs" / "api.md").read_text()
    return {
        code: int(status)
        for codes, status in ROW.findall(page)
        for code in re.findall(r"[A-Z_]+", codes)
    }


def in_the_code() -> set[tuple[str, int]]:
    told = {(code, status) for code, (status, _) in (TOKEN_REFUSALS | PLACE_REFUSALS).items()}
    told |= {(code, status) for status, code, _ in errors.SENTENCES.values()}
    told |= {(code, status) for status, (code, _) in middleware.SENTENCES.items()}
    for room in ("prospectflow", "iam", "crm", "outreach", "tracking"):
        for file in (settings.BASE_DIR / room).rglob("*.py"):
            if "tests" not in file.parts and "node_modules" not in file.parts:
                told |= {(code, int(status)) for status, code in SAID.findall(file.read_text())}
    return told | {("VALIDATION_FAILED", 400)}


def rules(kind: type[Exception] = DomainError) -> set[str]:
    """The codes of every rule below the console, whose refusals are pages."""
    below = [each for each in kind.__subclasses__() if ".console." not in each.__module__]
    return {errors.screaming(each.__name__) for each in below}.union(*map(rules, below))


def test_the_page_names_every_code_with_its_status_and_no_other():
    assert set(documented().items()) == in_the_code()


def test_no_rule_bears_the_name_of_another_refusal():
    assert {code for code, status in documented().items() if status != 409} & rules() == set()


def bearer(header):
    return lambda acme: Client(headers={"Authorization": header})


def with_token(code):
    def client(acme):
        caller = api_client("member", acme)
        raising = patch("iam.bearer.checked", side_effect=Refusal(code))
        return caller, raising

    return client


def with_trouble(error):
    return lambda acme: (
        api_client("member", acme),
        patch("prospectflow.api.viewsets.TenantViewSet.filter_queryset", side_effect=error),
    )


def member_of_two(acme):
    client = api_client("member", acme)
    with tenant(acme.pk):
        user = Membership.objects.get(role="member").user
    with tenant(make_organisation().pk):
        Membership.objects.create(user=user, role="viewer")
    return client


def disabled_member(acme):
    client = api_client("member", acme)
    with tenant(acme.pk):
        move_membership(Membership.objects.get(role="member"), "disabled", at=NOON)
    return client


def closed_account(acme):
    client = api_client("member", acme)
    with tenant(acme.pk):
        user = Membership.objects.get(role="member").user
    user.is_active = False
    user.save()
    return client


def signed_out(acme):
    client = api_client("member", acme)
    with tenant(acme.pk):
        user = Membership.objects.get(role="member").user
    sign_out_everywhere(user, at=client.caller.issued_at)
    return client


def session_without_organisation(acme):
    browser = Client()
    browser.force_login(make_user(), "django.contrib.auth.backends.ModelBackend")
    return browser


def naming(slug):
    def client(acme):
        client = api_client("member", acme)
        client.defaults["HTTP_X_ORGANISATION"] = slug
        return client

    return client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asker", "status", "code"),
    [
        (lambda acme: Client(), 401, "AUTHENTICATION_REQUIRED"),
        (bearer("Basic x"), 401, "WRONG_SCHEME"),
        (bearer("Bearer "), 401, "TOKEN_MISSING"),
        (bearer("Bearer malformed"), 401, "TOKEN_INVALID"),
        (bearer("Bearer " + "x" * 20_000), 401, "TOKEN_INVALID"),
        (with_token("TOKEN_EXPIRED"), 401, "TOKEN_EXPIRED"),
        (with_token("TOKEN_WRONG_USE"), 401, "TOKEN_WRONG_USE"),
        (with_token("SCOPE_MISSING"), 403, "SCOPE_MISSING"),
        (with_token("PROVIDER_UNAVAILABLE"), 503, "PROVIDER_UNAVAILABLE"),
        (signed_out, 401, "TOKEN_REVOKED"),
        (closed_account, 403, "ACCOUNT_DISABLED"),
        (session_without_organisation, 403, "MISSING_ORGANISATION"),
        (disabled_member, 403, "MISSING_ORGANISATION"),
        (member_of_two, 403, "ORGANISATION_REQUIRED"),
        (naming("nowhere"), 403, "NOT_A_MEMBER"),
        (naming(""), 200, None),
        (naming("ACME"), 403, "NOT_A_MEMBER"),
        (with_trouble(RedisAway("secret")), 503, "SESSION_STORE_UNAVAILABLE"),
        (with_trouble(RuntimeError("secret")), 500, "INTERNAL_ERROR"),
    ],
)
def test_who_asks_and_how_it_is_refused(asker, status, code):
    acme = make_organisation(slug="acme")
    client = asker(acme)
    client, trouble = client if isinstance(client, tuple) else (client, nullcontext())

    with trouble:
        answer = client.get(COMPANIES)

    if code is None:
        assert answer.status_code == status
        return
    assert refusal(answer) == (status, code)
    assert b"secret" not in answer.content
    assert ("WWW-Authenticate" in answer.headers) == (status == 401 or code == "SCOPE_MISSING")


@pytest.mark.django_db
def test_a_role_that_lacks_it_and_an_object_of_others():
    acme, other = make_organisation(), make_organisation()
    with tenant(other.pk):
        foreign = f"{COMPANIES}{make_company().pk}/"

    for client in (api_client("viewer", acme), machine_client("viewer", acme)):
        assert refusal(client.post(COMPANIES, {"name": "A"})) == (403, "FORBIDDEN")
        assert refusal(client.get(foreign)) == (404, "NOT_FOUND")
    for method in ("put", "patch", "delete"):
        answer = getattr(api_client("admin", acme), method)(foreign, {"name": "Mine"})
        assert refusal(answer) == (404, "NOT_FOUND")


@pytest.mark.django_db
def test_neither_body_nor_query_nor_header_grants_a_place():
    acme, other = make_organisation(), make_organisation()
    client = api_client("viewer", acme)
    claims = {"organisation_id": str(other.pk), "role": "owner", "custom:role": "owner"}

    written = client.post(COMPANIES, {"name": "A"} | claims)
    read = client.get(COMPANIES, claims, headers={"X-Organisation-Id": str(other.pk)})

    assert refusal(written) == (403, "FORBIDDEN")
    assert faults(read) == dict.fromkeys(claims, "unknown_field")
