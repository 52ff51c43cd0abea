"""What a domain says of its mail, asked of a nameserver that really answers, or does not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import MailDomain, Position
from crm.tests.name_server import BROKEN, SILENT, NameServer
from crm.verifying import ask, ask_all, fresh, make_resolver, verification
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_position

MAIL = {"MX": ["20 b.mail.example.", "10 a.mail.example."]}
NULL_MX = {"MX": ["0 ."]}


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@pytest.mark.parametrize(
    ("told", "state", "evidence"),
    [
        (MAIL, "accepts", "MX 10 a.mail.example, 20 b.mail.example"),
        ({"A": ["192.0.2.1"]}, "accepts", "no MX, A 192.0.2.1"),
        ({"AAAA": ["2001:db8::1"]}, "accepts", "no MX, AAAA 2001:db8::1"),
        ({"CNAME": ["real.example."]}, "accepts", "MX 10 mx.real.example"),
        ({"MX": ["0 .", "10 a.mail.example."]}, "accepts", "MX 10 a.mail.example"),
        (NULL_MX, "refuses", "takes no mail (null MX, RFC 7505)"),
        ({"TXT": ["nothing"]}, "refuses", "neither a mail server nor an address"),
        (None, "refuses", "no such domain"),
        ({"CNAME": ["nowhere.example."]}, "refuses", "no such domain"),
        (SILENT, "unknown", "no answer in time"),
        (BROKEN, "unknown", "the nameservers did not say"),
    ],
)
def test_a_domain_takes_mail_as_its_records_say(server, settings, told, state, evidence):
    server.domains["acme.example"] = told
    server.domains["real.example"] = {"MX": ["10 mx.real.example."]}

    assert ask("acme.example", server.resolver(settings)) == (state, evidence)


def test_a_domain_with_accents_is_asked_by_the_name_that_dns_knows(server, settings):
    server.domains["xn--caf-dma.example"] = MAIL
    resolver = server.resolver(settings)

    assert ask("café.example", resolver).state == "accepts"
    assert ask("xn--caf-dma.example", resolver).state == "accepts"
    assert set(server.asked) == {"xn--caf-dma.example"}


@pytest.mark.parametrize("domain", ["", ".", "a..example", "x" * 64 + ".example", "ex ample\\"])
def test_what_can_be_no_domain_is_refused_without_a_question(server, settings, domain):
    assert ask(domain, server.resolver(settings)).state == "refuses"
    assert not server.asked


def test_where_there_is_no_nameserver_everything_is_unknown(settings):
    resolver = make_resolver()
    resolver.nameservers = []

    assert ask("acme.example", resolver) == ("unknown", "the nameservers did not say")


def test_a_nameserver_that_is_not_there_leaves_a_domain_unknown(settings):
    with NameServer() as gone:
        resolver = gone.resolver(settings)

    assert ask("acme.example", resolver).state == "unknown"


def test_the_next_nameserver_is_asked_where_the_first_is_broken(server, settings):
    with NameServer() as broken:
        broken.domains["acme.example"], server.domains["acme.example"] = BROKEN, MAIL
        resolver = server.resolver(settings)
        settings.VERIFICATION_NAMESERVERS = [
            ("127.0.0.1", broken.port),
            ("127.0.0.1", server.port),
        ]
        resolver = make_resolver()

        assert ask("acme.example", resolver).state == "accepts"
        assert broken.asked["acme.example"] == 1


def test_many_are_asked_and_each_gets_its_own_answer(server, settings):
    server.domains |= {f"d{n}.example": MAIL if n % 2 else NULL_MX for n in range(50)}

    found = ask_all(server.domains, server.resolver(settings))

    assert {name for name, each in found.items() if each.state == "accepts"} == {
        f"d{n}.example" for n in range(1, 50, 2)
    }
    assert len(found) == 50


def test_whoever_is_told_to_stop_keeps_what_is_known_and_asks_no_more(server, settings):
    server.domains |= {f"d{n}.example": MAIL for n in range(200)}

    found = ask_all(server.domains, server.resolver(settings), stopping=lambda: True)

    assert 1 <= len(found) < 200
    assert sum(server.asked.values()) < 200


# In the database --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("accepts", timedelta(days=30)),
        ("refuses", timedelta(days=30)),
        ("unknown", timedelta(hours=1)),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_its_kind_is_kept(inside, state, kept):
    MailDomain.objects.create(domain="acme.example", state=state, checked_at=NOON)

    def is_fresh(later: timedelta) -> bool:
        return MailDomain.objects.filter(fresh(NOON + later)).exists()

    assert is_fresh(kept - timedelta(seconds=1))
    assert not is_fresh(kept)


@pytest.mark.parametrize(
    ("email", "word"),
    [
        ("a@accepts.example", "domain"),
        ("a@refuses.example", "refused"),
        ("a@unknown.example", "unknown"),
        ("a@other.example", "syntax"),
        (None, ""),
        ("", ""),
    ],
)
def test_a_position_says_how_far_its_address_was_verified(inside, email, word):
    for state in ("accepts", "refuses", "unknown"):
        MailDomain.objects.create(domain=f"{state}.example", state=state, checked_at=NOON)
    make_position(email=email)

    assert Position.objects.annotate(level=verification()).get().level == word


def test_what_one_organisation_learnt_of_a_domain_says_nothing_to_another(
    organisation, other_organisation
):
    with tenant(other_organisation.pk):
        MailDomain.objects.create(domain="acme.example", state="refuses", checked_at=NOON)

    with tenant(organisation.pk):
        make_position(email="a@acme.example")
        assert Position.objects.annotate(level=verification()).get().level == "syntax"


def test_the_level_of_many_positions_costs_one_query(inside):
    for _ in range(5):
        make_position()

    with CaptureQueriesContext(connection) as queries:
        list(Position.objects.annotate(level=verification()))

    assert len(queries) == 1
