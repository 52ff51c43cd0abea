"""Drafts: what the composer writes, what the gates let pass, and how a person reviews it."""

import pytest

from outreach.mail import MailRefused
from outreach.models import Draft
from outreach.services.approval import (
    DraftNotReady,
    approve,
    edit,
    skip,
)
from outreach.services.campaigns import VARIABLES
from outreach.services.drafting import compose
from outreach.tests.making import (
    MORNING,
    draft_of,
    fresh,
    make_due,
    make_open_campaign,
)
from prospectflow.testing.factories import (
    NOON,
    make_campaign,
    make_company,
    make_draft,
    make_person,
    make_position,
    make_step,
    make_user,
)

pytestmark = pytest.mark.usefixtures("inside")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"subject": " "}, "The subject is empty."),
        ({"body_text": ""}, "The body is empty."),
        ({"subject": "Re: notre échange"}, "pretends to be an answer"),
        ({"body_text": "Bonjour {{ first_name }},"}, "is a placeholder"),
        ({"body_text": "Bonjour ,\n\nUne idée."}, "greets nobody"),
    ],
)
def test_a_text_with_an_error_of_the_gates_is_not_approved(fields, sentence):
    draft = make_draft(task=make_due(), **fields)

    with pytest.raises(DraftNotReady, match=sentence):
        approve(draft, at=NOON, user=make_user())

    assert draft_of(draft.task).status == "pending"


def test_a_draft_is_not_approved_while_the_campaign_has_no_mailbox():
    draft = make_draft(task=make_due(make_campaign()))

    with pytest.raises(DraftNotReady, match="has no mailbox to send from"):
        approve(draft, at=NOON, rule="test")


def test_the_approval_says_who_when_and_by_which_rule():
    person, draft = make_user(), make_draft(task=make_due())

    by_person = approve(draft, at=NOON, user=person)
    assert (by_person.approved_by, by_person.approved_at, by_person.approved_rule) == (
        person,
        NOON,
        "",
    )

    by_rule = approve(draft, at=MORNING, rule="every text without an error")
    assert (by_rule.approved_by, by_rule.approved_rule) == (None, "every text without an error")


def test_an_edit_keeps_what_the_text_was_and_who_changed_it():
    person, draft = make_user(), make_draft(task=make_due())

    edit(draft, subject="Deux", body_text=draft.body_text, at=NOON, user=person)
    edit(draft, subject="Trois", body_text="Bonjour,", at=MORNING, user=None)

    kept = draft_of(draft.task).edits
    assert [(each["by"], each["at"]) for each in kept] == [
        (str(person.pk), NOON.isoformat()),
        ("", MORNING.isoformat()),
    ]
    assert [each["before"]["subject"] for each in kept] == [draft.subject, "Deux"]
    assert kept[1]["before"]["body_text"] == draft.body_text


def test_a_skipped_draft_goes_to_the_end_of_the_queue_and_stays_to_be_reviewed():
    first, second, third = (make_draft(task=make_due()) for _ in range(3))

    skip(first, at=NOON, user=None)
    assert list(Draft.objects.to_review()) == [second, third, first]

    skip(second, at=NOON, user=None)
    skip(third, at=NOON, user=None)
    skip(third, at=NOON, user=None)
    assert list(Draft.objects.to_review()) == [first, second, third]


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_missing_first_name_greets_nobody_by_half(name):
    task = make_due(position=make_position(person=make_person(first_name=name)))

    draft = compose(task, at=NOON)

    assert draft.body_text.startswith("Bonjour,\n")
    assert [each["code"] for each in draft.problems if each["level"] == "error"] == []
    assert "missing_value" in [each["code"] for each in draft.problems]


def test_every_variable_a_template_may_name_is_given_by_the_composer():
    body = " | ".join(f"{name}={{{{ {name} }}}}" for name in sorted(VARIABLES))
    campaign = make_open_campaign()
    make_step(campaign, body_template=body)
    company = make_company(name="Le Fournil", city="Marseille", activity="Boulangerie")
    person = make_person(salutation="Madame")

    draft = compose(
        make_due(campaign, position=make_position(company=company, person=person)), at=NOON
    )

    assert draft.body_text == (
        "activity=Boulangerie | city=Marseille | company=Le Fournil | first_name=Ada"
        " | job_title=Gérante | last_name=Lovelace | salutation=Madame"
        " | sender_name=Camille Durand | value_prop=Short films that sell."
    )


def test_composing_twice_gives_the_same_draft():
    task = make_due()

    assert compose(task, at=NOON) == compose(fresh(task), at=MORNING)
    assert Draft.objects.count() == 1


def test_a_subject_is_one_line_however_it_was_written():
    campaign = make_open_campaign()
    make_step(campaign, subject_template="Une idée\n\n pour\t{{ company }}")
    task = make_due(campaign, position=make_position(company=make_company(name="Le\nFournil")))

    draft = compose(task, at=NOON)
    assert draft.subject == "Une idée pour Le Fournil"

    edit(draft, subject="Une\r\nautre idée", body_text=draft.body_text, at=NOON, user=None)
    assert draft_of(task).subject == "Une autre idée"


@pytest.mark.parametrize("address", [None, "jérôme@shop.example", "not an address"])
def test_a_mail_to_an_address_that_cannot_be_mailed_is_not_approved(address):
    task = make_due(position=make_position(email=address))

    with pytest.raises(MailRefused, match="is no address that can be mailed"):
        approve(compose(task, at=NOON), at=NOON, rule="test")
