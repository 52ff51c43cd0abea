"""A mailbox's domain: its report, what it holds back, and when it is looked at again."""

from datetime import timedelta

import pytest

from crm.tests.name_server import BROKEN, SILENT
from outreach.models import Mailbox
from outreach.services import domain_checks
from outreach.services.campaigns import CampaignNotReady, keep_ready, missing, start
from outreach.services.domain_checks import check_domain, failures_of, mailboxes_to_check
from outreach.services.mailbox_secrets import renew_dkim_key, signs
from outreach.tests.domains.publishing import DOMAIN, published, txt
from outreach.tests.making import make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_mailbox, make_step


@pytest.fixture
def mailbox(organisation, server) -> Mailbox:
    server.domains[DOMAIN] = txt("v=spf1 include:_spf.google.com ~all") | {"MX": ["10 mx.example."]}
    server.domains["_spf.google.com"] = txt("v=spf1 ip4:192.0.2.0/24 ~all")
    server.domains[f"_dmarc.{DOMAIN}"] = txt("v=DMARC1; p=none")
    server.domains[f"google._domainkey.{DOMAIN}"] = txt(published())
    with tenant(organisation.pk):
        return make_mailbox(address=f"zoe@{DOMAIN}", provider="google")


def stored(mailbox: Mailbox) -> Mailbox:
    with tenant(mailbox.organisation_id):
        return Mailbox.objects.get(pk=mailbox.pk)


def checked(mailbox: Mailbox, at=NOON) -> dict[str, str]:
    report = check_domain(mailbox.organisation_id, mailbox.pk, now=at)
    return {kind: each["state"] for kind, each in report.items()}


def test_the_report_is_kept_with_its_hour(mailbox):
    assert checked(mailbox) == dict.fromkeys(["spf", "dkim", "dmarc", "mx"], "ok")

    assert stored(mailbox).domain_checked_at == NOON
    assert stored(mailbox).domain_report["dmarc"] == {
        "state": "ok",
        "sentence": f"DMARC asks for none at _dmarc.{DOMAIN}.",
    }
    assert failures_of(stored(mailbox)) == []


def test_what_fails_is_told_in_sentences_and_what_is_unknown_is_not(mailbox, server):
    server.domains[DOMAIN] = {"MX": ["0 ."]} | txt("v=spf1 +all")
    server.domains[f"_dmarc.{DOMAIN}"] = SILENT

    checked(mailbox)

    assert failures_of(stored(mailbox)) == [
        "SPF: The SPF record lets everybody send (+all): end it with ~all.",
        f"MX: {DOMAIN} says that it takes no mail (null MX): answers are lost.",
    ]


def test_the_providers_usual_selector_may_be_missing(mailbox, server):
    del server.domains[f"google._domainkey.{DOMAIN}"]

    assert checked(mailbox)["dkim"] == "unknown"


def test_our_own_key_has_to_be_the_one_that_is_published(mailbox, server):
    with tenant(mailbox.organisation_id):
        record = renew_dkim_key(stored_inside(mailbox), at=NOON)
    assert checked(mailbox)["dkim"] == "fail"
    server.domains[record.name] = txt(published())
    assert checked(mailbox)["dkim"] == "fail"
    server.domains[record.name] = txt(record.value)
    assert checked(mailbox)["dkim"] == "ok"


def test_mails_are_signed_from_when_the_key_was_seen_until_it_is_missing(mailbox, server):
    with tenant(mailbox.organisation_id):
        record = renew_dkim_key(stored_inside(mailbox), at=NOON)
    states = []
    for answer in (SILENT, txt(record.value), BROKEN, None):
        server.domains[record.name] = answer
        checked(mailbox)
        states.append(signs(stored(mailbox)))

    assert states == [False, True, True, False]


def stored_inside(mailbox: Mailbox) -> Mailbox:
    return Mailbox.objects.get(pk=mailbox.pk)


def test_a_report_on_what_was_changed_meanwhile_is_not_kept(mailbox, monkeypatch):
    asked = domain_checks._asked

    def meanwhile(row: Mailbox):
        with tenant(mailbox.organisation_id):
            Mailbox.objects.update(address="zoe@elsewhere.example")
        return asked(row)

    monkeypatch.setattr(domain_checks, "_asked", meanwhile)
    checked(mailbox)

    assert stored(mailbox).domain_checked_at is None
    assert stored(mailbox).domain_report == {}


@pytest.mark.parametrize("domain", ["studio.example.com", "example.org", "a.b.test", "localhost"])
def test_a_name_reserved_for_examples_is_unknown_and_not_asked(mailbox, server, domain):
    with tenant(mailbox.organisation_id):
        Mailbox.objects.update(address=f"zoe@{domain}")

    assert checked(mailbox) == dict.fromkeys(["spf", "dkim", "dmarc", "mx"], "unknown")
    assert not server.asked


@pytest.mark.parametrize("domain", ["example.fr", "myexample.com", "test.fr"])
def test_a_name_that_only_looks_reserved_is_asked(mailbox, server, domain):
    with tenant(mailbox.organisation_id):
        Mailbox.objects.update(address=f"zoe@{domain}")

    assert checked(mailbox)["mx"] == "fail"


def test_a_mailbox_that_is_gone_is_no_error(mailbox):
    with tenant(mailbox.organisation_id):
        Mailbox.objects.all().delete()

    assert checked(mailbox) == {}


def test_a_domain_is_looked_at_again_after_a_day(mailbox):
    def due(at) -> bool:
        with tenant(mailbox.organisation_id):
            return mailbox.pk in mailboxes_to_check(now=at)

    assert due(NOON)
    checked(mailbox)
    assert not due(NOON + timedelta(hours=23))
    assert due(NOON + timedelta(hours=25))
    assert due(NOON - timedelta(hours=1))  # the clock was set back


@pytest.mark.parametrize(("state", "starts"), [("fail", False), ("warn", True), ("unknown", True)])
def test_a_campaign_does_not_start_from_a_domain_that_fails(inside, state, starts):
    report = {"spf": {"state": state, "sentence": "There is no SPF record."}}
    campaign = make_open_campaign(make_mailbox(domain_report=report), status="draft")
    make_step(campaign)

    if starts:
        start(campaign, at=NOON)
    else:
        with pytest.raises(CampaignNotReady, match=r"not ready \(SPF: There is no SPF record\)"):
            start(campaign, at=NOON)

    campaign.refresh_from_db()
    assert (campaign.status == "running") == starts


def test_a_paused_campaign_goes_on_though_its_domain_fails_by_now(inside):
    report = {"spf": {"state": "fail", "sentence": "There is no SPF record."}}
    campaign = make_open_campaign(make_mailbox(domain_report=report), status="paused")
    make_step(campaign)

    assert list(missing(campaign)) == []
    assert start(campaign, at=NOON).status == "running"


def test_a_campaign_that_runs_may_be_changed_though_its_domain_fails(inside):
    report = {"spf": {"state": "fail", "sentence": "There is no SPF record."}}
    campaign = make_open_campaign(make_mailbox(domain_report=report))
    make_step(campaign)

    keep_ready(campaign)
