"""Mailboxes of known providers through the API: tokens, keys, what the domain publishes."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.tests.name_server import SILENT, NameServer
from iam.models import AuditEvent, Role
from outreach.mail.signing import make_key, public_record
from outreach.models import Mailbox
from outreach.services.sharing import set_shares
from outreach.services.signing_in import oauth_secrets
from outreach.tests.making import make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_enrollment, make_mailbox, make_step

MAILBOXES = "/api/v1/mailboxes/"
TOKENS = {"oauth_client_secret": "hush-hush", "oauth_refresh_token": "renew-me"}
GOOGLE = {
    "address": "zoe@atelier.fr",
    "username": "zoe@atelier.fr",
    "provider": "google",
    "sign_in": "oauth",
    "oauth_client_id": "us",
    **TOKENS,
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(organisation):
    return api_client(Role.ADMIN, organisation)


@pytest.fixture
def server(settings):
    with NameServer() as server:
        server.resolver(settings)
        yield server


def row(organisation) -> Mailbox:
    with tenant(organisation.pk):
        return Mailbox.objects.get()


def made(client, **fields) -> dict:
    answer = client.post(MAILBOXES, GOOGLE | fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_provider_that_is_known_needs_no_servers(admin):
    answer = made(admin)

    assert [answer[name] for name in ("smtp_host", "smtp_port", "smtp_security")] == [
        "smtp.gmail.com",
        465,
        "tls",
    ]
    assert answer["imap_host"] == "imap.gmail.com"
    assert answer["oauth_token_url"] == "https://oauth2.googleapis.com/token"


def test_secrets_go_in_and_never_come_out(admin, organisation):
    key = make_key()
    answer = admin.post(MAILBOXES, GOOGLE | {"dkim_selector": "s1", "dkim_key": key})

    assert (answer.json()["has_oauth"], answer.json()["has_dkim_key"]) == (True, True)
    kept = row(organisation)
    assert oauth_secrets(kept) == {"client_secret": "hush-hush", "refresh_token": "renew-me"}
    with tenant(organisation.pk):
        told = str(AuditEvent.objects.filter(object_id=str(kept.pk)).values_list("changes"))
    shown = admin.get(f"{MAILBOXES}{kept.pk}/").text + admin.get(MAILBOXES).text
    secret = [*TOKENS.values(), kept.sealed_oauth, kept.sealed_dkim_key, "PRIVATE KEY"]
    for text in (answer.text, shown, told):
        assert [each for each in secret if each in text] == []


def test_the_record_to_publish_is_the_public_half(admin):
    key = make_key()

    assert made(admin, dkim_selector="s1", dkim_key=key)["dkim_record"] == {
        "name": "s1._domainkey.atelier.fr",
        "value": public_record(key),
    }


def test_more_a_day_than_the_provider_lets_out_is_refused(admin):
    refused = admin.post(MAILBOXES, GOOGLE | {"daily_limit": 2001})

    assert faults(refused) == {"daily_limit": "invalid"}
    assert made(admin, daily_limit=2000)["daily_limit"] == 2000


@pytest.mark.parametrize("field", ["smtp_host", "oauth_token_url", "oauth_client_id", "username"])
def test_a_kept_token_is_not_handed_to_anybody_else(admin, organisation, field):
    address = f"{MAILBOXES}{made(admin)['id']}/"
    elsewhere = "https://attacker.example/" if field == "oauth_token_url" else "attacker.example"

    assert faults(admin.patch(address, {field: elsewhere})) == {"oauth_refresh_token": "invalid"}
    assert admin.patch(address, {field: elsewhere, **TOKENS}).status_code == 200


def test_a_key_is_made_here_under_a_selector_of_its_own(admin, organisation):
    address = f"{MAILBOXES}{made(admin)['id']}/"

    record = admin.post(f"{address}renew_dkim_key/").json()

    assert record == admin.get(address).json()["dkim_record"]
    assert record["name"].startswith("pf2")
    assert record["value"].startswith("v=DKIM1; k=rsa; p=")
    assert admin.get(address).json()["signs"] is False


def test_the_domain_is_checked_and_the_report_kept(admin, organisation, server):
    server.domains["atelier.fr"] = {"TXT": ['"v=spf1 +all"'], "MX": ["10 mx.example."]}
    server.domains["_dmarc.atelier.fr"] = SILENT
    address = f"{MAILBOXES}{made(admin)['id']}/"

    answer = admin.post(f"{address}check_domain/")

    report = json.loads(answer.getvalue())
    states = {name: each["state"] for name, each in report.items()}
    assert states == {"spf": "fail", "dkim": "unknown", "dmarc": "unknown", "mx": "ok"}
    shown = admin.get(address).json()
    assert shown["domain_report"] == report
    assert shown["domain_checked_at"] is not None


def test_what_was_found_of_another_domain_is_forgotten(admin, organisation, server):
    address = f"{MAILBOXES}{made(admin)['id']}/"
    admin.post(f"{address}check_domain/").getvalue()

    changed = admin.patch(address, {"address": "zoe@elsewhere.fr"}).json()

    assert changed["domain_report"] == dict.fromkeys(["spf", "dkim", "dmarc", "mx"])
    assert changed["domain_checked_at"] is None


def test_the_health_is_told(admin):
    assert made(admin)["health"] == {
        "level": "ok",
        "sentence": "",
        "sent": 0,
        "bounced": 0,
        "complaints": 0,
    }


@pytest.mark.parametrize("action", ["check_domain", "renew_dkim_key"])
def test_only_leaders_do_it(admin, organisation, action):
    address = f"{MAILBOXES}{made(admin)['id']}/{action}/"

    assert refusal(api_client(Role.MEMBER, organisation).post(address)) == (403, "FORBIDDEN")


def test_a_list_reads_no_secret(admin):
    made(admin)

    with CaptureQueriesContext(connection) as queries:
        admin.get(MAILBOXES)

    assert not any("sealed_" in query["sql"] for query in queries)


def test_those_whom_a_deleted_mailbox_had_not_written_to_go_to_the_others(admin, organisation):
    with tenant(organisation.pk):
        gone, left = make_mailbox(), make_mailbox()
        campaign = make_open_campaign(gone)
        set_shares(campaign, {left.pk: 1})
        make_step(campaign)
        enrolled = make_enrollment(campaign=campaign, mailbox=gone)

    assert admin.delete(f"{MAILBOXES}{gone.pk}/").status_code == 204

    with tenant(organisation.pk):
        enrolled.refresh_from_db()
    assert enrolled.mailbox_id == left.pk
