"""Texts that change while people are in the campaign: what was approved stays, or is read again."""

import pytest

from iam.models import AuditEvent
from outreach.models import Campaign, Draft, Message, StepExperiment, Task, Variant, WorkflowStep
from outreach.services import rewriting
from outreach.services.approval import approve
from outreach.services.drafting import compose, found_problems
from outreach.services.editing_steps import Effect, change_step, effect_of
from outreach.services.policy import may_send
from outreach.templating import TemplateRefused
from outreach.tests.editing.changing import NEW, change, make_edited, make_pending, make_sent
from outreach.tests.making import MORNING, draft_of, fresh, make_ready, message_of
from prospectflow.testing.factories import make_step, make_task
from prospectflow.testing.rows import make_message, make_row, make_variant

pytestmark = pytest.mark.usefixtures("inside")


def test_what_is_approved_stays_to_the_letter_and_may_still_leave(campaign, step):
    task = make_ready(campaign)
    before = draft_of(task)

    effect = change(step, NEW)

    after = draft_of(task)
    assert effect == Effect(stay=1)
    assert (after.status, after.approved_hash) == ("approved", before.approved_hash)
    assert after.body_text == before.body_text
    assert may_send(fresh(task), now=MORNING) == []


def test_what_is_approved_falls_back_to_review_with_the_new_text_when_that_is_chosen(
    campaign, step
):
    task = make_ready(campaign)

    effect = change(step, NEW, keep_approved=False)

    after = draft_of(task)
    assert effect == Effect(back_to_review=1, rewritten=1)
    assert (after.status, after.approved_hash, after.approved_at) == ("pending", None, None)
    assert after.body_text.startswith("Bonsoir Ada,")
    assert [reason.code for reason in may_send(fresh(task), now=MORNING)] == ["not_approved"]


def test_drafts_that_nobody_approved_are_written_anew(campaign, step):
    task = make_pending(campaign)

    effect = change(step, NEW | {"subject_template": "Autre chose, {{ first_name }}"})

    after = draft_of(task)
    assert effect == Effect(rewritten=1)
    assert after.subject == "Autre chose, Ada"
    assert "Une autre idée pour Company" in after.body_text
    assert after.problems == found_problems(task, after.subject, after.body_text)


@pytest.mark.parametrize("keep_approved", [True, False])
def test_what_somebody_wrote_by_hand_is_never_lost(campaign, step, keep_approved):
    pending, approved = make_edited(campaign), make_edited(campaign)
    approve(draft_of(approved), at=MORNING)

    effect = change(step, NEW, keep_approved=keep_approved)

    assert draft_of(pending).body_text == draft_of(approved).body_text == "De ma main."
    assert draft_of(approved).status == ("approved" if keep_approved else "pending")
    assert effect.by_hand == (1 if keep_approved else 2)
    assert effect.rewritten == 0


def test_what_has_left_is_untouched(campaign, step):
    task = make_sent(campaign)
    before = draft_of(task)

    effect = change(step, NEW, keep_approved=False)

    assert effect == Effect(sent=1)
    assert not effect.touches
    assert draft_of(task).approved_hash == before.approved_hash
    assert message_of(task).status == "sent"


def test_a_mail_that_the_server_refused_for_now_is_withdrawn_when_it_falls_back(campaign, step):
    task = make_ready(campaign)
    make_message(draft=draft_of(task), status="queued")
    Task.objects.update(status="deferred", attempts=1)

    change(step, NEW, keep_approved=False)

    assert message_of(task) is None
    assert draft_of(task).status == "pending"


def make_compared(step, status="running", **own):
    """An experiment on the step: its variants by their key, each with words of its own."""
    experiment = make_row(StepExperiment, workflow_step=step, status=status)
    for key, words in own.items():
        make_variant(step_experiment=experiment, key=key, **words)


BOTH = {"subject_template": "De la variante", "body_template": "De la variante."}


def test_a_change_says_where_variants_speak_in_the_place_of_the_step(step):
    make_compared(step, a=BOTH, b={"body_template": "De b."})

    effect = change(step, NEW | {"subject_template": "Autrement"})

    assert effect.touches
    assert effect.sentences == [
        "New mails take their text from the variants a and b, not from here."
    ]


@pytest.mark.parametrize(
    ("status", "changes"),
    [("stopped", NEW), ("draft", NEW), ("running", {"exit_on_reply": False})],
)
def test_variants_that_do_not_speak_are_not_told_of(step, status, changes):
    make_compared(step, status, a=BOTH, b=BOTH)

    assert effect_of(step, changes).sentences == []


def test_a_variants_own_words_are_not_the_steps(campaign, step):
    silent, speaking = make_pending(campaign), make_pending(campaign)
    variant = make_row(Variant)
    variant.body_template = "Le texte de la variante."
    variant.save()
    Draft.objects.filter(task=speaking).update(variant=variant)
    before = draft_of(speaking).body_text

    effect = change(step, NEW)

    assert effect == Effect(rewritten=1)
    assert draft_of(speaking).body_text == before
    assert draft_of(silent).body_text.startswith("Bonsoir")


def test_a_follow_up_without_a_subject_goes_on_under_the_first_mails_subject(campaign):
    first = make_sent(campaign)
    follow_up = make_step(campaign, subject_template="")
    task = make_task(enrollment=first.enrollment, workflow_step=follow_up)
    compose(task, at=MORNING)
    before = draft_of(task).subject

    change(follow_up, NEW)

    assert before
    assert draft_of(task).subject == before


def test_a_text_that_nothing_can_be_written_from_changes_nothing(campaign, step):
    task = make_pending(campaign)
    before = draft_of(task).body_text

    with pytest.raises(TemplateRefused):
        change_step(step, {"body_template": "{{ prenom }}"}, at=MORNING, user=None)

    assert draft_of(task).body_text == before
    assert WorkflowStep.objects.get().body_template == step.body_template


def test_a_draft_that_can_no_longer_be_written_is_taken_away_and_stops_no_other(
    campaign, step, monkeypatch
):
    spoilt, fine = make_pending(campaign), make_pending(campaign)
    real = rewriting.text_of

    def text_of(task, variant, *, thread):
        if task.pk == spoilt.pk:
            raise TemplateRefused
        return real(task, variant, thread=thread)

    monkeypatch.setattr(rewriting, "text_of", text_of)
    change_step(step, NEW, at=MORNING, user=None)

    assert not Draft.objects.filter(task=spoilt).exists()
    assert draft_of(fine).body_text.startswith("Bonsoir")
    assert "no_draft" in [reason.code for reason in may_send(fresh(spoilt), now=MORNING)]


def test_a_change_of_nothing_does_nothing(campaign, step):
    make_ready(campaign)

    effect = change(step, {"body_template": step.body_template, "delay_days": 0})

    assert effect == Effect()


def test_a_change_that_touches_mails_stands_in_the_trail_with_what_it_did(campaign, step):
    make_ready(campaign)

    change(step, NEW, keep_approved=False)

    entry = AuditEvent.objects.get(action="changed", description__contains="falls back to review")
    assert entry.object_id == str(step.pk)


def test_the_effect_costs_the_same_for_one_mail_and_for_many(
    campaign, step, django_assert_max_num_queries
):
    changes = NEW | {"delay_days": 4}

    def cost():
        with django_assert_max_num_queries(1000) as counted:
            change_step(WorkflowStep.objects.get(), changes, at=MORNING, user=None)
        return len(counted)

    make_pending(campaign)
    of_one = cost()
    WorkflowStep.objects.update(body_template="Bonjour {{ first_name }}.", delay_days=0)
    for _ in range(5):
        make_pending(campaign)

    assert cost() == of_one


def test_a_campaign_that_is_paused_is_edited_alike(campaign, step):
    task = make_pending(campaign)
    Campaign.objects.update(status="paused")

    change(step, NEW)

    assert draft_of(task).body_text.startswith("Bonsoir")
    assert not Message.objects.exists()
