"""Approval: a person stands for exactly what leaves, and any change takes that away."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from crm.models import Consent
from iam.models import Organisation
from outreach.models import Mailbox, Message, Task
from outreach.services.approval import (
    AlreadySent,
    approve,
    edit,
    reject,
    rendered,
    unapprove,
)
from outreach.services.policy import may_send
from outreach.services.sending import intend
from outreach.states import Direction
from outreach.tests.making import (
    MORNING,
    draft_of,
    fresh,
    make_open_campaign,
    make_ready,
    message_of,
)
from prospectflow.testing.factories import (
    NOON,
    make_mailbox,
    make_person,
    make_position,
    make_step,
)

pytestmark = pytest.mark.usefixtures("inside")


LONG_AGO = MORNING - timedelta(days=30)


def consent(person, state, at=LONG_AGO):
    Consent.objects.create(person=person, state=state, at=at, source="test")


def reason_codes(task, at=MORNING):
    return [reason.code for reason in may_send(fresh(task), now=at)]


def try_to_send(task, at=MORNING):
    """What a worker commits before it connects; the network is not part of these tests."""
    return intend(task.campaign.from_mailbox_id, now=at, worker="w", frozen=lambda message: None)


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


@contextmanager
def refused(match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():  # noqa: PT012
        yield
        sql("SET CONSTRAINTS ALL IMMEDIATE")


def change_subject(task):
    edit(
        draft_of(task),
        subject="Autre chose",
        body_text=draft_of(task).body_text,
        at=NOON,
        user=None,
    )


def change_body(task):
    edit(
        draft_of(task), subject=draft_of(task).subject, body_text="Bonjour Bob,", at=NOON, user=None
    )


def change_address(task):
    position = task.enrollment.position
    position.email = "new@address.example"
    position.save()


def change_signature(task):
    Mailbox.objects.update(signature="Camille")


def change_display_name(task):
    Mailbox.objects.update(display_name="Someone Else")


def change_legal_identity(task):
    Organisation.objects.filter(pk=task.organisation_id).update(legal_name="Other SAS")


def blank_legal_identity(task):
    Organisation.objects.filter(pk=task.organisation_id).update(siren="")


def withdraw_consent(task):
    consent(task.enrollment.position.person, "withdrawn", at=MORNING)


def change_mailbox(task):
    make_mailbox(address="other@acme.example.com")
    task.campaign.from_mailbox = Mailbox.objects.get(address="other@acme.example.com")
    task.campaign.save()


CHANGES = [
    change_subject,
    change_body,
    change_address,
    change_signature,
    change_display_name,
    change_legal_identity,
    blank_legal_identity,
    withdraw_consent,
    change_mailbox,
]


@pytest.fixture
def approved():
    """An approved mail to somebody who agreed to be measured."""
    person = make_person()
    consent(person, "given")
    campaign = make_open_campaign(track_opens=True)
    return make_ready(campaign, position=make_position(person=person))


def test_the_hash_is_that_of_exactly_what_leaves(approved):
    draft = draft_of(approved)
    mail = rendered(draft)

    intention = try_to_send(approved)

    message = message_of(approved)
    assert draft.approved_hash == mail.hash == message.content_hash
    assert (message.subject, message.body_text, message.body_html, message.to_address) == (
        mail.subject,
        mail.text,
        mail.html,
        mail.recipient,
    )
    assert bytes(intention.message.raw) == bytes(message.raw)


def test_what_is_approved_contains_the_signature_the_footer_and_the_pixel(approved):
    Mailbox.objects.update(signature="À bientôt, Camille")

    mail = rendered(draft_of(approved))

    assert "À bientôt, Camille" in mail.text
    assert "732829320" in mail.text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    assert "/u/" in mail.text
    assert mail.html.count("<img") == 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_any_change_takes_the_approval_away_and_nothing_leaves(approved, change):
    assert reason_codes(approved) == []

    change(approved)

    assert set(reason_codes(approved)) & {"changed_since_approval", "not_approved"}
    assert try_to_send(fresh(approved)) is None
    assert draft_of(approved).status == "pending"
    assert draft_of(approved).approved_hash is None
    assert message_of(approved) is None
    assert fresh(approved).status == "scheduled"


@pytest.mark.parametrize(
    "change",
    [each for each in CHANGES if each is not blank_legal_identity],
    ids=lambda change: change.__name__,
)
def test_what_was_changed_leaves_once_somebody_stands_for_it_again(approved, change):
    change(approved)
    try_to_send(fresh(approved))

    approve(draft_of(approved), at=MORNING, rule="test")
    Task.objects.update(scheduled_for=MORNING)

    assert reason_codes(approved) == []
    intention = try_to_send(fresh(approved))
    assert intention.message.to_address == fresh(approved).enrollment.position.email


def test_a_mail_that_waits_for_its_retry_is_withdrawn_when_what_was_approved_changed(approved):
    try_to_send(approved)
    Task.objects.update(status="scheduled")  # the server clearly refused it, for now
    Mailbox.objects.update(next_send_at=None)

    change_signature(approved)

    assert try_to_send(fresh(approved)) is None
    assert draft_of(approved).status == "pending"
    assert message_of(approved) is None
    approve(draft_of(approved), at=MORNING, rule="test")
    Task.objects.update(scheduled_for=MORNING)
    assert try_to_send(fresh(approved)) is not None


def test_without_consent_there_is_no_pixel():
    tracking = make_ready(make_open_campaign(track_opens=True))

    assert "<img" not in rendered(draft_of(tracking)).html


def test_raw_sql_that_changes_an_approved_text_takes_the_approval_away(approved):
    for column in ("subject", "body_text", "recipient"):
        draft = approve(draft_of(approved), at=MORNING, rule="test")

        sql(f"UPDATE drafts SET {column} = 'other@x.example' WHERE id = %s", draft.pk)

        after = draft_of(approved)
        assert (after.status, after.approved_hash, after.approved_at, after.approved_rule) == (
            "pending",
            None,
            None,
            "",
        )


def test_raw_sql_that_brings_its_own_hash_does_not_fool_the_sender(approved):
    sql("UPDATE drafts SET body_text = 'Bonjour Eve,', approved_hash = repeat('0', 64)")

    assert reason_codes(approved) == ["changed_since_approval"]
    assert try_to_send(approved) is None


def message_fields(task, **fields):
    return {
        "direction": Direction.OUTBOUND,
        "task": task,
        "enrollment": task.enrollment,
        "position": task.enrollment.position,
        "rfc822_message_id": f"<{task.pk}@x.example>",
        "to_address": task.enrollment.position.email,
    } | fields


def insert_message(**fields):
    """Straight into the table, as no function of ours would."""
    Message.objects.bulk_create([Message(**fields)])


def test_nothing_outbound_enters_the_database_without_a_draft(approved):
    with refused("without an approved draft"):
        insert_message(**message_fields(approved, content_hash="0" * 64))


def test_nothing_outbound_enters_the_database_with_another_hash(approved):
    with refused("messages_approved_text"):
        insert_message(**message_fields(approved, draft=draft_of(approved), content_hash="0" * 64))


def test_nothing_outbound_enters_the_database_without_a_hash(approved):
    with refused("messages_outbound_is_frozen"):
        insert_message(**message_fields(approved, draft=draft_of(approved)))


def test_nothing_outbound_enters_the_database_with_the_draft_of_another_task(approved):
    other = draft_of(make_ready())
    with refused("messages_draft_of_task"):
        insert_message(**message_fields(approved, draft=other, content_hash=other.approved_hash))


def test_nothing_outbound_enters_the_database_with_a_draft_nobody_approved(approved):
    draft = draft_of(approved)
    mark = draft.approved_hash
    unapprove(draft)
    with refused("messages_approved_text"):
        insert_message(**message_fields(approved, draft=draft, content_hash=mark))


def test_a_second_message_for_one_task_is_refused_by_the_database(approved):
    try_to_send(approved)
    draft = draft_of(approved)

    with refused("messages_one_per_task"):
        insert_message(**message_fields(approved, draft=draft, content_hash=draft.approved_hash))


@pytest.mark.parametrize("column", ["subject", "body_text", "recipient"])
def test_the_text_of_a_sent_draft_cannot_change_by_raw_sql(approved, column):
    try_to_send(approved)

    with refused("messages_approved_text"):
        sql(f"UPDATE drafts SET {column} = 'other@x.example'")


def test_what_was_sent_is_not_rewritten_by_raw_sql(approved):
    try_to_send(approved)

    for change in ("content_hash = repeat('0', 64)", "direction = 'inbound'"):
        with refused("What was sent is not rewritten"):
            sql(f"UPDATE messages SET {change}")


@pytest.mark.parametrize("act", [edit, reject, approve], ids=lambda act: act.__name__)
def test_a_draft_that_has_left_is_neither_edited_nor_rejected_nor_approved_again(approved, act):
    try_to_send(approved)
    Mailbox.objects.update(signature="A new one")
    more = {edit: {"subject": "x", "body_text": "y", "user": None}, reject: {"user": None}}

    with pytest.raises(AlreadySent):
        act(draft_of(approved), at=NOON, **more.get(act, {}))


def test_an_edit_that_changes_nothing_takes_nothing_away(approved):
    draft = draft_of(approved)

    edit(draft, subject=draft.subject, body_text=draft.body_text, at=NOON, user=None)

    assert (draft_of(approved).status, draft_of(approved).edits) == ("approved", [])


def test_a_rejected_draft_is_never_sent_and_ends_a_sequence_of_one(approved):
    reject(draft_of(approved), at=NOON, user=None)

    after = fresh(approved)
    assert (after.status, after.enrollment.state) == ("skipped", "finished")
    assert "not_approved" in reason_codes(approved)
    assert try_to_send(approved) is None


def test_after_a_rejected_draft_the_sequence_goes_on_with_the_next_step(approved):
    following = make_step(approved.campaign, delay_days=1)

    reject(draft_of(approved), at=MORNING, user=None)

    planned = Task.objects.get(workflow_step=following)
    assert planned.scheduled_for == MORNING + timedelta(days=1)
    assert fresh(approved).enrollment.state == "active"


def test_a_mail_that_cannot_be_built_goes_back_to_a_person_with_a_sentence(approved, settings):
    settings.PUBLIC_URL = "http://prospects.example"
    approve(draft_of(approved), at=NOON, rule="test")

    assert try_to_send(approved) is None

    assert draft_of(approved).status == "pending"
    assert "needs an https address" in fresh(approved).last_error
    assert fresh(approved).status == "scheduled"
    assert fresh(approved).scheduled_for > MORNING


@pytest.mark.parametrize(
    ("provenance", "said"),
    [
        ({"*": {"source": "pharow"}}, "Pharow"),
        ({"*": {"source": "generic"}}, "un fichier professionnel"),
        ({"*": {"source": "pharow"}, "email": {"source": "hand"}}, "notre carnet d’adresses"),
        ({}, "notre fichier"),
    ],
)
def test_a_mail_says_where_its_address_came_from(provenance, said):
    when = {"at": "2026-03-14T09:00:00+00:00"}
    facts = {name: fact | when for name, fact in provenance.items()}
    task = make_ready(position=make_position(provenance=facts))

    text = rendered(draft_of(task)).text

    assert said in text
    assert ("14 mars 2026" in text) is bool(provenance)
