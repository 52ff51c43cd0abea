"""Each fact of the demo can be false, and one false fact makes the demo fail."""

import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rich.console import Console

from outreach.tests.conversing import make_sent, make_two_steps
from outreach.tests.making import MORNING
from prospectflow.operations.demo.facts import (
    Fact,
    all_approved,
    no_step_twice,
    none_after_stop,
    untouched,
)
from prospectflow.operations.demo.recipients import _received
from prospectflow.operations.demo.telling import tell_facts
from prospectflow.operations.management.commands import demo
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_enrollment

TRUE, FALSE = Fact("The sky is blue", ()), Fact("Pigs fly", tuple(f"pig {n}" for n in range(9)))


@pytest.fixture
def store(organisation):
    """Two mails as they stand in the mail server's store, byte for byte what was sent."""
    with tenant(organisation.pk):
        campaign = make_two_steps()
        sent = [make_sent(campaign) for _ in range(2)]
    return [received(bytes(each.raw)) for each in sent]


def received(raw):
    return _received(message_from_bytes(raw, policy=policy.default), MORNING)


def changed(mail, old, new):
    """The same mail with other bytes."""
    raw = mail.mail.as_bytes()
    assert old in raw
    return received(raw.replace(old, new))


def test_mails_as_they_were_sent_make_every_fact_true(organisation, other_organisation, store):
    facts = [
        no_step_twice(store),
        none_after_stop(store, {store[0].recipient: MORNING}),
        all_approved(store, organisation.pk),
        untouched(other_organisation.pk, 0),
    ]

    assert [fact.against for fact in facts] == [(), (), (), ()]


def test_the_same_step_twice_is_false(store):
    follow_up = replace(store[0], step=1)
    assert no_step_twice([*store, follow_up]).holds

    fact = no_step_twice([*store, store[0], follow_up])

    assert fact.against == (f"{store[0].recipient}: step 1, 2 times",)


def test_a_mail_after_a_stop_is_false(store):
    first, second = store
    heard = {first.recipient: MORNING - timedelta(seconds=1), second.recipient: MORNING}

    fact = none_after_stop(store, heard)

    assert [each.partition(":")[0] for each in fact.against] == [first.recipient]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"b?VW5l", b"b?RGV1eCA="),
        (b"Bonjour Ada", b"Bonjour Bea"),
        (b"<p>Bonjour Ada", b"<p>Bonjour Bea"),
        (b"Camille", b"Sofia"),
        (b"text/html", b"text/enriched"),
        (b"text/plain", b"text/enriched"),
    ],
)
def test_a_mail_that_differs_from_what_was_approved_is_false(organisation, store, old, new):
    first, second = store

    fact = all_approved([changed(first, old, new), second], organisation.pk)

    assert [each.partition(":")[0] for each in fact.against] == [first.recipient]


def test_a_mail_to_another_than_approved_is_false(organisation, store):
    other = replace(store[0], recipient="somebody@else.example.com")

    assert all_approved([other], organisation.pk).against[0].startswith("somebody@else")


def test_a_mail_approved_elsewhere_is_false(other_organisation, store):
    assert len(all_approved(store, other_organisation.pk).against) == 2


def test_a_mail_that_is_not_ours_at_all_is_false(organisation):
    stray = received(b"From: a@b.example\r\nTo: c@d.example\r\nSubject: Hello\r\n\r\n\xff")

    assert not all_approved([stray], organisation.pk).holds


def test_of_an_empty_store_nothing_is_true(organisation):
    facts = no_step_twice([]), none_after_stop([], {}), all_approved([], organisation.pk)

    assert [fact.against for fact in facts] == [("The store holds no mail.",)] * 3


def test_a_touched_organisation_is_false(other_organisation):
    with tenant(other_organisation.pk):
        make_enrollment()

    assert untouched(other_organisation.pk, 1).against == ("enrolments: 1",)
    assert untouched(other_organisation.pk, 2).against == ("companies: 1", "enrolments: 1")


def test_a_mail_of_the_other_organisation_is_false(other_organisation):
    with tenant(other_organisation.pk):
        make_sent()
        make_company()

    assert untouched(other_organisation.pk, 2).against == ("enrolments: 1", "messages: 1")


@pytest.mark.parametrize("place", range(4))
def test_one_false_fact_is_told_and_enough(place):
    facts = [FALSE if n == place else TRUE for n in range(4)]
    said = StringIO()

    assert not tell_facts(Console(file=said, width=100), facts)

    told = said.getvalue()
    assert (told.count("FALSE"), told.count("true")) == (1, 3)
    assert "pig 0" in told
    assert tell_facts(Console(file=said), [TRUE] * 4)


@pytest.mark.parametrize("holds", [True, False])
def test_a_false_fact_ends_the_demo_with_one(monkeypatch, holds):
    @contextmanager
    def nowhere(*_):
        yield None

    monkeypatch.setattr(demo, "_migrate", lambda: None)
    monkeypatch.setattr(demo, "web_process", nowhere)
    monkeypatch.setattr(demo.embedded, "empty_mail", lambda directory: None)
    monkeypatch.setattr(demo.cast, "gather", lambda mail: None)
    monkeypatch.setattr(demo, "_invite", lambda *_: None)
    monkeypatch.setattr(demo, "play_all", lambda *_: holds)
    monkeypatch.setattr("prospectflow.tenancy.roles.refuse_powerful_role", lambda: None)

    if holds:
        call_command("demo", no_serve=True)
    else:
        with pytest.raises(CommandError, match="must be true is false") as refusal:
            call_command("demo", no_serve=True)
        assert refusal.value.returncode == 1
    assert logging.getLogger("outreach.stops").level == logging.INFO  # a restore reads them
