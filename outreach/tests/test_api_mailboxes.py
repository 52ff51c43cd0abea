"""Mailboxes through the API: secrets only go in, and servers are asked without quoting them."""

import json
import socket
from threading import Thread

import pytest

from iam.models import AuditEvent, Role
from outreach.credentials import unseal
from outreach.models import Mailbox
from outreach.services.mailboxes import set_password
from outreach.tests.mail_server import PASSWORD, running_mail_server
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_mailbox

MAILBOXES = "/api/v1/mailboxes/"
SECRET = "un secret à garder"  # noqa: S105
NEW = {
    "address": "Ada@Acme.example.com",
    "username": "ada",
    "password": SECRET,
    "smtp_host": "mail.acme.example.com",
    "imap_host": "mail.acme.example.com",
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(organisation):
    return api_client(Role.ADMIN, organisation)


@pytest.fixture
def mailbox(organisation) -> Mailbox:
    return add(organisation, smtp_security="tls", imap_security="tls")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_mail_server(tmp_path_factory.mktemp("mail") / "log") as running:
        yield running


def add(organisation, password=SECRET, **fields) -> Mailbox:
    with tenant(organisation.pk):
        mailbox = make_mailbox(**fields)
        set_password(mailbox, password)
        mailbox.save()
        mailbox.refresh_from_db()
    return mailbox


def page(mailbox: Mailbox, action: str = "") -> str:
    return f"{MAILBOXES}{mailbox.pk}/{action}"


def fresh(mailbox: Mailbox, organisation) -> Mailbox:
    with tenant(organisation.pk):
        return Mailbox.objects.get(pk=mailbox.pk)


def checked(client, mailbox: Mailbox) -> dict:
    answer = client.post(page(mailbox, "check/"))
    assert answer.status_code == 200
    return json.loads(answer.getvalue())  # streamed, once the scope is closed


def test_a_password_goes_in_sealed_and_never_comes_out(admin, organisation):
    answer = admin.post(MAILBOXES, NEW)

    assert answer.status_code == 201, answer.content
    assert (answer.json()["has_password"], answer.json()["status"]) == (True, "active")
    assert "password" not in answer.json()
    with tenant(organisation.pk):
        kept = Mailbox.objects.get(address="ada@acme.example.com")
        told = str(AuditEvent.objects.filter(object_id=str(kept.pk)).values_list("changes"))
    assert unseal(kept.sealed_password) == SECRET
    for text in (answer.text, told):
        assert SECRET not in text
        assert kept.sealed_password not in text


def test_one_field_is_changed_and_the_password_stays(admin, organisation, mailbox):
    answer = admin.patch(page(mailbox), {"display_name": "Inès", "daily_limit": 25})

    assert (answer.status_code, answer.json()["daily_limit"]) == (200, 25)
    assert fresh(mailbox, organisation).sealed_password == mailbox.sealed_password


@pytest.mark.parametrize("field", ["smtp_host", "imap_host", "username"])
def test_a_kept_password_is_not_handed_to_another_server(admin, organisation, mailbox, field):
    refused = admin.patch(page(mailbox), {field: "attacker.example"})
    accepted = admin.patch(page(mailbox), {field: "ours.example", "password": "known"})

    assert faults(refused) == {"password": "invalid"}
    assert accepted.status_code == 200
    assert unseal(fresh(mailbox, organisation).sealed_password) == "known"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smtp_port", 65536),
        ("imap_port", 0),
        ("smtp_port", "many"),
        ("smtp_security", "plain"),
        ("imap_security", "rot13"),
        ("windows", {"mon": ["9h"]}),
        ("windows", ["mon"]),
        ("windows", {"moon": []}),
        ("blackout_dates", 5),
        ("blackout_dates", ["soon"]),
        ("time_zone", "Mars/Olympus"),
        ("country", "XX"),
        ("subdivision", "XX"),
        ("daily_limit", 0),
        ("pace_max_seconds", 1),
        ("address", "nobody"),
        ("display_name", "a\0b"),
        ("status", "broken"),
        ("sealed_password", "x"),
        ("organisation", "x"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    admin, organisation, mailbox, settings, field, value
):
    settings.DEBUG = False

    answer = admin.patch(page(mailbox), {field: value})

    assert set(faults(answer)) - {"password"} == {field}  # which is asked for with another server
    assert fresh(mailbox, organisation).updated_at == mailbox.updated_at


def test_an_address_has_one_mailbox(admin, mailbox):
    assert refusal(admin.post(MAILBOXES, NEW | {"address": mailbox.address})) == (409, "CONFLICT")


def test_a_mailbox_is_paused_and_activated(admin, organisation, mailbox):
    paused = admin.post(page(mailbox, "pause/"))
    assert (paused.json()["status"], paused.json()["status_reason"]) == ("paused", "by hand")

    again = admin.post(page(mailbox, "pause/"), {"reason": "The domain moves."})
    assert again.json()["status_reason"] == "The domain moves."
    assert faults(admin.post(page(mailbox, "pause/"), {"why": "x"})) == {"why": "unknown_field"}

    admin.post(page(mailbox, "activate/"))

    active = fresh(mailbox, organisation)
    assert (active.status, active.status_reason) == ("active", "")


def test_a_mailbox_is_deleted(admin, organisation, mailbox):
    assert admin.delete(page(mailbox)).status_code == 204

    with tenant(organisation.pk):
        assert not Mailbox.objects.exists()


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_only_leaders_manage_mailboxes(organisation, mailbox, role):
    client = api_client(role, organisation)

    refused = [client.post(MAILBOXES, NEW), client.patch(page(mailbox), {"daily_limit": 1})]
    refused += [client.delete(page(mailbox))]
    refused += [client.post(page(mailbox, each)) for each in ("pause/", "activate/", "check/")]

    assert {refusal(each) for each in refused} == {(403, "FORBIDDEN")}
    assert client.get(page(mailbox)).status_code == 200


def test_another_organisations_mailbox_is_not_there(admin, other_organisation):
    theirs = add(other_organisation)

    for answer in (
        admin.patch(page(theirs), {"daily_limit": 1}),
        admin.delete(page(theirs)),
        admin.post(page(theirs, "check/")),
        admin.post(page(theirs, "pause/")),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")


def test_a_mailbox_that_works_is_told_with_its_folders(admin, organisation, server):
    ports = {"smtp_port": server.smtp_port, "imap_port": server.imap_port}
    mailbox = add(organisation, PASSWORD, username="ada@acme.example.com", **ports)

    answer = checked(admin, mailbox)

    assert (answer["works"], answer["code"]) == (True, "")
    assert "INBOX" in answer["folders"]


def test_a_refused_password_is_told_in_our_words(admin, organisation, server):
    ports = {"smtp_port": server.smtp_port, "imap_port": server.imap_port}
    mailbox = add(organisation, "wrong", username="ada@acme.example.com", **ports)

    answer = checked(admin, mailbox)

    assert (answer["works"], answer["code"]) == (False, "SMTP_SIGN_IN_REFUSED")


def test_what_another_service_says_is_not_passed_on(admin, organisation):
    with socket.create_server(("127.0.0.1", 0)) as service:

        def blurt() -> None:
            connection, _ = service.accept()
            connection.sendall(b"-ERR internal-secret of redis\r\n")
            connection.close()

        talking = Thread(target=blurt)
        talking.start()
        answer = checked(admin, add(organisation, smtp_port=service.getsockname()[1]))
        talking.join()

    assert (answer["works"], answer["code"]) == (False, "NO_SMTP_SERVER")
    assert "internal-secret" not in str(answer)


def test_a_password_that_no_key_opens_is_told(admin, organisation, mailbox):
    with tenant(organisation.pk):
        Mailbox.objects.update(sealed_password="broken")  # noqa: S106

    assert checked(admin, mailbox)["code"] == "CREDENTIAL_UNREADABLE"
