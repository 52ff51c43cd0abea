"""The page of a mailbox: its password goes in, stays sealed, and goes to no other server."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from crm.tests.name_server import NameServer
from outreach.models import Mailbox
from outreach.services.health import Health
from outreach.services.mailbox_secrets import dkim_record
from outreach.services.mailboxes import set_password
from outreach.services.signing_in import oauth_secrets
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox

SAFE = {"smtp_security": "tls", "imap_security": "tls"}


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def mailbox(organisation) -> Mailbox:
    with tenant(organisation.pk):
        mailbox = make_mailbox(**SAFE)
        set_password(mailbox, "un secret à garder")
        mailbox.save()
    return mailbox


def page_of(mailbox: Mailbox) -> str:
    return reverse("console:outreach_mailbox_change", args=[mailbox.pk])


def post(client: Client, mailbox: Mailbox, **changed: Any) -> HttpResponse:
    """Post the form as the page shows it, with what the person changed."""
    form = client.get(page_of(mailbox)).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}
    data |= {"windows": '{"mon": [["09:00", "12:00"]]}', "blackout_dates": "[]"}
    return client.post(page_of(mailbox), data | changed)


def errors(answer: HttpResponse) -> dict[str, list[str]]:
    return answer.context["adminform"].form.errors


def fresh(mailbox: Mailbox, organisation) -> Mailbox:
    with tenant(organisation.pk):
        return Mailbox.objects.get(pk=mailbox.pk)


def test_a_password_goes_in_and_never_comes_out(owner, organisation, mailbox):
    answer = post(owner, mailbox, password="un autre secret")

    assert answer.status_code == 302
    sealed = fresh(mailbox, organisation).sealed_password
    assert sealed != mailbox.sealed_password
    shown = owner.get(page_of(mailbox)).text
    assert "un autre secret" not in shown
    assert sealed not in shown


def test_windows_that_cannot_be_read_are_refused_with_a_sentence(owner, mailbox):
    assert errors(post(owner, mailbox, windows='{"mon": ["9h"]}'))["windows"]


ELSEWHERE = [
    ("smtp_host", "mail.attacker.example"),
    ("smtp_port", 2526),
    ("smtp_security", "starttls"),
    ("imap_host", "mail.attacker.example"),
    ("imap_port", 2144),
    ("imap_security", "starttls"),
    ("username", "somebody"),
]


@pytest.mark.parametrize(("field", "value"), ELSEWHERE)
def test_a_kept_password_is_not_handed_to_another_server(
    owner, organisation, mailbox, field, value
):
    answer = post(owner, mailbox, **{field: value})

    assert "Type the password again" in errors(answer)["password"][0]
    assert getattr(fresh(mailbox, organisation), field) == getattr(mailbox, field)


@pytest.mark.parametrize(("field", "value"), ELSEWHERE)
def test_a_server_is_changed_by_who_knows_the_password(owner, organisation, mailbox, field, value):
    post(owner, mailbox, password="un secret à garder", **{field: value})

    assert getattr(fresh(mailbox, organisation), field) == value


def test_what_is_no_server_changes_without_the_password(owner, organisation, mailbox):
    post(owner, mailbox, display_name="Inès")

    assert fresh(mailbox, organisation).display_name == "Inès"


@pytest.mark.parametrize("protocol", ["smtp", "imap"])
@pytest.mark.parametrize(
    ("debug", "host", "refused"),
    [
        (True, "127.0.0.1", False),
        (True, "::1", False),
        (True, "localhost", False),
        (True, "mail.example.com", True),
        (True, "10.0.0.1", True),
        (False, "127.0.0.1", True),
    ],
)
def test_a_password_travels_in_the_open_on_a_laptop_alone(
    owner, mailbox, settings, protocol, debug, host, refused
):
    settings.DEBUG = debug
    changed = {f"{protocol}_security": "plain", f"{protocol}_host": host}

    answer = post(owner, mailbox, password="un secret à garder", **changed)

    assert (answer.status_code == 200) == refused
    if refused:
        assert "Choose TLS or STARTTLS" in errors(answer)[f"{protocol}_security"][0]


@pytest.mark.parametrize("field", ["smtp_port", "imap_port"])
@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_no_server_has_is_refused(owner, mailbox, field, port):
    answer = post(owner, mailbox, password="un secret à garder", **{field: port})

    assert errors(answer)[field] == ["A port is a number from 1 to 65535."]


# A provider that is known, tokens and keys -------------------------------------------------------
TOKENS = {"oauth_client_id": "us", "oauth_client_secret": "hush", "oauth_refresh_token": "renew-me"}


def test_servers_that_are_left_empty_are_the_providers(owner, organisation, mailbox):
    empty = {"smtp_host": "", "imap_host": "", "provider": "ovh", "password": "un secret"}

    assert post(owner, mailbox, **empty).status_code == 302

    changed = fresh(mailbox, organisation)
    assert (changed.smtp_host, changed.smtp_port) == ("ssl0.ovh.net", 465)
    assert (changed.imap_host, changed.imap_security) == ("ssl0.ovh.net", "tls")


def test_more_than_the_provider_lets_out_is_refused(owner, mailbox):
    refused = post(owner, mailbox, provider="google", daily_limit=2001)

    assert "2,000 mails a day at most" in errors(refused)["daily_limit"][0]


def test_a_sign_in_by_oauth_is_kept_sealed(owner, organisation, mailbox):
    answer = post(owner, mailbox, provider="google", sign_in="oauth", **TOKENS)

    assert answer.status_code == 302, errors(answer)
    changed = fresh(mailbox, organisation)
    assert oauth_secrets(changed) == {"client_secret": "hush", "refresh_token": "renew-me"}
    assert changed.oauth_token_url == "https://oauth2.googleapis.com/token"
    assert changed.sealed_password == ""
    shown = owner.get(page_of(mailbox)).text
    assert "renew-me" not in shown
    assert "Scopes to ask for: https://mail.google.com/" in shown


def test_a_key_is_made_and_its_record_is_shown(owner, organisation, mailbox):
    owner.post(reverse("console:mailbox_renew_dkim", args=[mailbox.pk]))

    record = dkim_record(fresh(mailbox, organisation))
    shown = owner.get(page_of(mailbox)).text
    assert record.name in shown
    assert record.value in shown
    assert "Publish this TXT record" in shown
    assert "PRIVATE KEY" not in shown


def streamed(client: Client, name: str, mailbox: Mailbox) -> str:
    answer = client.post(reverse(f"console:{name}", args=[mailbox.pk]))
    assert answer.streaming
    return answer.getvalue().decode()


def test_each_server_is_tried_and_named(owner, mailbox):
    """Nothing listens there; each refusal is ours, and the page ends as it should."""
    shown = streamed(owner, "mailbox_check", mailbox)

    assert shown.count("Nobody listens at this host and port: check both") == 2
    assert shown.rstrip().endswith("</html>")


def test_the_domain_is_asked_about_and_the_page_keeps_it(owner, organisation, mailbox, settings):
    with NameServer() as server:
        server.resolver(settings)
        server.domains["acme.fr"] = {"TXT": ['"v=spf1 +all"'], "MX": ["10 mx.example."]}
        with tenant(organisation.pk):
            Mailbox.objects.update(address="ada@acme.fr")
        shown = streamed(owner, "mailbox_domain", mailbox)

    assert "The SPF record lets everybody send (+all)" in shown
    assert "Answers go to mx.example." in shown
    assert "The SPF record lets everybody send (+all)" in owner.get(page_of(mailbox)).text


def test_a_mailbox_that_bounces_too_much_says_so(owner, mailbox, monkeypatch):
    sick = {mailbox.pk: Health(1000, 60, 0)}
    monkeypatch.setattr("outreach.admin.mailboxes.measured", lambda ids, *, now: sick)

    assert "6.0% of 1,000 mails of the last 30 days bounced for good" in (
        owner.get(page_of(mailbox)).text
    )


def test_a_new_mailbox_has_no_state_yet(owner):
    assert owner.get(reverse("console:outreach_mailbox_add")).status_code == 200


def test_hours_show_how_they_are_written(owner, mailbox):
    form = owner.get(page_of(mailbox)).context["adminform"].form

    for name in ("windows", "blackout_dates"):
        example = form.fields[name].help_text.partition("Such as ")[2].partition(";")[0]
        assert post(owner, mailbox, **{name: example}).status_code == 302
        assert post(owner, mailbox, **{name: example + "!"}).status_code == 200
