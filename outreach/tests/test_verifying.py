"""Checking the domains of all addresses: page by page, resumed anywhere, never by a guess."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from time import sleep
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.choices import EmailStatus
from crm.models import MailDomain, Position
from crm.tests.name_server import BROKEN, SILENT, NameServer
from iam.models import AuditEvent
from outreach.models import AddressCheck
from outreach.services import verifying
from outreach.services.verifying import ask_for_check, run_check, start_check
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import NOON, make_organisation, make_position

MAIL, NULL_MX = {"MX": ["10 mx.example."]}, {"MX": ["0 ."]}
DOMAINS = {
    "good.example": MAIL,
    "closed.example": NULL_MX,
    "slow.example": SILENT,
    "broken.example": BROKEN,
}
LATER = NOON + timedelta(days=40)


@pytest.fixture
def server(settings: Any) -> Iterator[NameServer]:
    with NameServer() as server:
        server.domains |= DOMAINS
        server.resolver(settings)
        yield server


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(verifying, "PAGE", 2)


def check(organisation, *, at: datetime = NOON, **options: Any) -> AddressCheck:
    """A whole check, or as much of it as `stopping` lets."""
    with tenant(organisation.pk):
        started = start_check(at=at)
    run_check(organisation.pk, started.pk, clock=lambda: at, **options)
    with tenant(organisation.pk):
        return AddressCheck.objects.get(pk=started.pk)


def fill(organisation, *emails: str, **fields: Any) -> None:
    with tenant(organisation.pk):
        for email in emails:
            make_position(email=email, **fields)


def statuses(organisation) -> dict[str, str]:
    with tenant(organisation.pk):
        return dict(Position.objects.order_by("email").values_list("email", "email_status"))


def state_of(organisation) -> list[Any]:
    """All that a check leaves behind."""
    with tenant(organisation.pk):
        positions = Position.objects.order_by("email")
        return [
            list(positions.values_list("email", "email_status", "provenance")),
            list(MailDomain.objects.order_by("domain").values_list("domain", "state", "evidence")),
            list(AddressCheck.objects.values_list("report", "finished_at")),
        ]


def test_the_report_counts_every_level(organisation, server):
    fill(organisation, "info@good.example", email_is_role=True, email_status="catch_all")
    fill(organisation, "a@good.example", email_status="catch_all_likely", email_is_free=True)
    fill(organisation, "a@closed.example", email_is_disposable=True)
    fill(organisation, "a@slow.example", "a@broken.example", "a@nowhere.example")
    fill(organisation, None, "")

    done = check(organisation)

    assert done.finished_at == NOON
    assert done.report == {
        "syntax": 6,
        "accepts": 2,
        "refuses": 2,
        "unknown": 2,
        "role": 1,
        "free": 1,
        "disposable": 1,
        "catch_all": 2,
        "domains_asked": 5,
        "made_invalid": 2,
        "given_back": 0,
    }


def test_an_address_whose_domain_takes_no_mail_is_invalid_and_says_why(organisation, server):
    facts = {"email": {"source": "pharow"}, "email_status": {"source": "pharow"}}
    fill(organisation, "a@closed.example", email_status="valid", provenance=facts)

    check(organisation)

    with tenant(organisation.pk):
        position = Position.objects.get()
        assert MailDomain.objects.get().evidence == "takes no mail (null MX, RFC 7505)"
    assert position.email_status == "invalid"
    learnt = {"source": "mx", "at": NOON.isoformat(), "before": "valid"}
    assert position.provenance == facts | {"email_status": learnt}


@pytest.mark.parametrize("status", EmailStatus.values)
@pytest.mark.parametrize("domain", ["slow.example", "broken.example", "good.example"])
def test_a_domain_that_does_not_refuse_leaves_every_status(organisation, server, domain, status):
    fill(organisation, f"a@{domain}", email_status=status)
    before = state_of(organisation)[0]

    check(organisation)

    assert state_of(organisation)[0] == before


def test_what_a_person_said_and_what_forbids_writing_stand(organisation, server):
    by_hand = {"email_status": {"source": "hand"}}
    fill(organisation, "hand@closed.example", email_status="valid", provenance=by_hand)
    fill(organisation, "never@closed.example", email_status="do_not_contact")
    fill(organisation, "bounced@closed.example", email_status="invalid")
    before = state_of(organisation)[0]

    assert check(organisation).report["made_invalid"] == 0

    assert state_of(organisation)[0] == before


def test_a_domain_that_takes_mail_again_gives_back_what_it_took(organisation, server):
    fill(organisation, "a@closed.example", email_status="catch_all_likely")
    fill(organisation, "bounced@closed.example", email_status="invalid")
    check(organisation)
    server.domains["closed.example"] = MAIL

    assert check(organisation, at=LATER).report["given_back"] == 1

    assert statuses(organisation) == {
        "a@closed.example": "catch_all_likely",
        "bounced@closed.example": "invalid",
    }
    assert check(organisation, at=LATER).report["given_back"] == 0


def test_an_invalid_address_stays_so_while_its_domain_does_not_say(organisation, server):
    fill(organisation, "a@closed.example")
    check(organisation)
    server.domains["closed.example"] = SILENT

    check(organisation, at=LATER)

    assert statuses(organisation) == {"a@closed.example": "invalid"}


# Broken off ---------------------------------------------------------------------------------------
class Killed(Exception):
    """The worker is gone."""


def after(moments: int, *, killed: bool):
    """Told to stop, or gone, at the n-th moment that it could be."""
    left = iter(range(moments))

    def stopping() -> bool:
        if next(left, None) is not None:
            return False
        if killed:
            raise Killed
        return True

    return stopping


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("moments", range(9))
def test_wherever_a_check_is_broken_off_going_on_ends_in_the_same_state(
    organisation, other_organisation, server, small_pages, moments, killed
):
    del server.domains["slow.example"]
    emails = [f"{name}@{domain}" for name in "ab" for domain in (*DOMAINS, "nowhere.example")]
    fill(organisation, *emails)
    fill(other_organisation, *emails)
    check(other_organisation)

    with tenant(organisation.pk):
        started = start_check(at=NOON)
    stopping = after(moments, killed=killed)
    with suppress(Killed):
        run_check(organisation.pk, started.pk, clock=lambda: NOON, stopping=stopping)
    with tenant(organisation.pk):
        assert AddressCheck.objects.get().finished_at is None
    done = check(organisation)

    assert done.pk == started.pk
    mine, theirs = state_of(organisation), state_of(other_organisation)
    for [(report, _)] in (mine[2], theirs[2]):
        del report["domains_asked"]  # what was learnt before the break is not asked again
    assert mine == theirs


def test_a_check_that_is_told_to_stop_keeps_what_it_learnt(organisation, server):
    fill(organisation, "a@good.example", "a@closed.example", "a@broken.example")

    stopped = check(organisation, stopping=after(1, killed=False))

    assert (stopped.finished_at, stopped.last_position) == (None, None)
    with tenant(organisation.pk):
        assert MailDomain.objects.exists()


def test_two_workers_on_one_check_count_each_page_once(organisation, server, small_pages):
    fill(organisation, *(f"{name}@good.example" for name in "abcd"))
    with tenant(organisation.pk):
        started = start_check(at=NOON)

    begun = []

    def meanwhile() -> bool:
        if begun == ["with the first page"]:
            begun.append("by another worker, to the end")
            run_check(organisation.pk, started.pk, clock=lambda: NOON)
        elif not begun:
            begun.append("with the first page")
        return False

    run_check(organisation.pk, started.pk, clock=lambda: NOON, stopping=meanwhile)

    with tenant(organisation.pk):
        assert AddressCheck.objects.get().report["syntax"] == 4
        assert AuditEvent.objects.filter(action="checked").count() == 1


def test_while_a_check_has_not_finished_another_is_the_same(organisation, server):
    with tenant(organisation.pk):
        first = start_check(at=NOON)
        assert start_check(at=LATER).pk == first.pk
    run_check(organisation.pk, first.pk, clock=lambda: NOON)

    with tenant(organisation.pk):
        assert start_check(at=LATER).pk != first.pk


def test_a_check_that_has_finished_does_nothing_more(organisation, server):
    fill(organisation, "a@good.example")
    done = check(organisation)
    fill(organisation, "b@closed.example")

    assert run_check(organisation.pk, done.pk, clock=lambda: LATER)

    assert statuses(organisation)["b@closed.example"] == "unknown"


# What is known already ----------------------------------------------------------------------------
def test_a_domain_is_asked_once_for_all_its_addresses(organisation, server, small_pages):
    fill(organisation, *(f"{name}@good.example" for name in "abcde"))

    check(organisation)

    assert server.asked == {"good.example": 1}


@pytest.mark.parametrize(
    ("domain", "kept"),
    [
        ("good.example", timedelta(days=30)),
        ("closed.example", timedelta(days=30)),
        ("broken.example", timedelta(hours=1)),
    ],
)
def test_a_domain_is_asked_again_only_when_its_answer_is_old(organisation, server, domain, kept):
    fill(organisation, f"a@{domain}")
    check(organisation)
    server.asked.clear()

    assert check(organisation, at=NOON + kept - timedelta(seconds=1)).report["domains_asked"] == 0
    assert not server.asked
    assert check(organisation, at=NOON + kept).report["domains_asked"] == 1
    assert server.asked[domain] == 1


def test_what_is_known_already_tells_on_new_addresses(organisation, server):
    fill(organisation, "a@closed.example")
    check(organisation)
    fill(organisation, "b@closed.example")

    assert check(organisation).report["made_invalid"] == 1

    assert set(statuses(organisation).values()) == {"invalid"}


# Organisations and costs --------------------------------------------------------------------------
def test_a_check_reads_and_changes_its_own_organisation_alone(
    organisation, other_organisation, server
):
    fill(organisation, "a@closed.example")
    fill(other_organisation, "b@closed.example")

    done = check(organisation)

    assert statuses(other_organisation) == {"b@closed.example": "unknown"}
    with tenant(other_organisation.pk):
        assert not MailDomain.objects.exists()
        assert not AddressCheck.objects.exists()
    with pytest.raises(AddressCheck.DoesNotExist):
        run_check(other_organisation.pk, done.pk, clock=lambda: NOON)
    assert check(other_organisation).report["domains_asked"] == 1


def test_a_page_costs_the_same_for_two_addresses_and_for_twenty(db, server):
    def cost(addresses: int) -> int:
        organisation = make_organisation()
        server.domains |= {f"d{n}.example": NULL_MX for n in range(0, addresses, 2)}
        fill(organisation, *(f"a@d{n}.example" for n in range(addresses)))
        with tenant(organisation.pk):
            started = start_check(at=NOON)
        with CaptureQueriesContext(connection) as queries:
            run_check(organisation.pk, started.pk, clock=lambda: NOON)
        return len(queries)

    assert cost(2) == cost(20)


def test_who_asked_and_what_came_of_it_stands_in_the_trail(organisation, server):
    fill(organisation, "a@closed.example", "a@good.example")

    done = check(organisation)

    with tenant(organisation.pk):
        entry = AuditEvent.objects.get(action="checked")
    assert (entry.object_id, entry.description) == (str(done.pk), "2 addresses, 1 made invalid")


def test_the_command_checks_to_the_end_and_says_what_it_found(
    committed, server, monkeypatch, settings
):
    organisation = make_organisation(slug="acme")
    fill(organisation, "a@closed.example", "a@good.example")
    monkeypatch.setenv("VERIFICATION_NAMESERVERS", f"127.0.0.1:{server.port}")

    code, printed, complained = processes.run("verify_addresses", "--organisation", "acme")

    assert (code, complained) == (0, "")
    told = dict(line.rsplit(None, 1) for line in printed.splitlines())
    assert (told["syntax"], told["accepts"], told["refuses"]) == ("2", "1", "1")
    assert told["made invalid"] == "1"
    assert statuses(organisation)["a@closed.example"] == "invalid"


def test_a_worker_checks_what_was_asked_for(committed, server, monkeypatch):
    organisation = make_organisation()
    fill(organisation, "a@closed.example")
    monkeypatch.setenv("VERIFICATION_NAMESERVERS", f"127.0.0.1:{server.port}")
    with tenant(organisation.pk):
        ask_for_check(at=NOON)

    code, _, complained = processes.run("worker", "--one-shot", "--queues", "verification")

    assert (code, complained) == (0, "")
    assert statuses(organisation) == {"a@closed.example": "invalid"}
    with tenant(organisation.pk):
        assert AddressCheck.objects.get().finished_at is not None


@pytest.mark.faults
def test_killed_while_it_asks_the_command_goes_on_with_the_same_check(
    committed, server, monkeypatch
):
    organisation = make_organisation(slug="acme")
    fill(organisation, "a@slow.example")
    monkeypatch.setenv("VERIFICATION_NAMESERVERS", f"127.0.0.1:{server.port}")
    with processes.start("verify_addresses", "--organisation", "acme") as process:
        while not server.asked and process.poll() is None:
            sleep(0.05)
        process.kill()
    server.domains["slow.example"] = MAIL

    code, printed, _ = processes.run("verify_addresses", "--organisation", "acme")

    assert (code, "accepts       1" in printed) == (0, True)
    with tenant(organisation.pk):
        assert AddressCheck.objects.get().report["syntax"] == 1


def test_the_command_refuses_an_organisation_that_is_not_there(committed):
    code, _, complained = processes.run("verify_addresses", "--organisation", "nobody")

    assert code == 2
    assert "nobody" in complained
