"""Steps that change while people are in the campaign: what was approved stays, or is read again."""

from datetime import timedelta

import pytest

from iam.models import AuditEvent
from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    Message,
    StepExperiment,
    Task,
    Variant,
    WorkflowStep,
)
from outreach.services import rewriting
from outreach.services.approval import approve, edit
from outreach.services.campaigns import CampaignNotReady
from outreach.services.drafting import compose, found_problems
from outreach.services.editing_steps import Effect, change_step, effect_of, effect_of_new
from outreach.services.planning import plan_after
from outreach.services.policy import may_send
from outreach.services.sending import intend
from outreach.templating import TemplateRefused
from outreach.tests.making import (
    MORNING,
    draft_of,
    fresh,
    make_due,
    make_open_campaign,
    make_ready,
    message_of,
)
from prospectflow.testing.factories import make_step, make_task
from prospectflow.testing.rows import make_message, make_row, make_variant

pytestmark = pytest.mark.usefixtures("inside")
NEW = {"body_template": "Bonsoir {{ first_name }},\n\nUne autre idée pour {{ company }}."}


@pytest.fixture
def campaign():
    campaign = make_open_campaign()
    make_step(campaign)
    return campaign


@pytest.fixture
def step(campaign):
    return campaign.steps.first()


def make_pending(campaign, **fields):
    task = make_due(campaign, **fields)
    compose(task, at=MORNING)
    return task


def make_edited(campaign):
    task = make_pending(campaign)
    edit(draft_of(task), subject="À moi", body_text="De ma main.", at=MORNING, user=None)
    return task


def make_sent(campaign, **fields):
    """A task of the first step whose mail left."""
    task = make_ready(campaign, **fields)
    make_message(draft=draft_of(task), sent_at=MORNING, status="sent")
    Task.objects.filter(pk=task.pk).update(status="sent")
    return fresh(task)


def change(step, changes, **options):
    options = {"keep_approved": True, "at": MORNING, "user": None} | options
    expected = effect_of(
        WorkflowStep.objects.get(pk=step.pk), changes, keep_approved=options["keep_approved"]
    )
    done = change_step(step, changes, **options)
    assert done == expected  # what the preview said is what was done
    return done


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


def test_another_delay_moves_what_waits_from_the_hour_of_the_mail_before(campaign):
    follow_up = make_step(campaign, delay_days=3)
    first = make_sent(campaign)  # on a Tuesday
    waiting = make_task(
        enrollment=first.enrollment,
        workflow_step=follow_up,
        scheduled_for=MORNING + timedelta(days=3),
    )

    effect = change(follow_up, {"delay_days": 1})

    assert effect == Effect(moved=1)
    assert fresh(waiting).scheduled_for == MORNING + timedelta(days=1)


def test_the_first_step_and_what_was_tried_keep_their_hours_whatever_the_delay(campaign, step):
    follow_up = make_step(campaign, delay_days=3)
    tried = make_task(
        enrollment=make_sent(campaign).enrollment, workflow_step=follow_up, attempts=1
    )
    first = make_due(campaign)
    hours = fresh(first).scheduled_for, fresh(tried).scheduled_for

    assert change(follow_up, {"delay_days": 1}).moved == 0
    assert change(step, {"delay_days": 9}).moved == 0

    assert (fresh(first).scheduled_for, fresh(tried).scheduled_for) == hours


def test_a_mail_never_moves_before_the_end_of_its_persons_absence(campaign):
    follow_up = make_step(campaign, delay_days=3)
    enrollment = make_sent(campaign).enrollment
    back = MORNING + timedelta(days=20)
    Enrollment.objects.update(paused_until=back)
    waiting = make_task(enrollment=enrollment, workflow_step=follow_up, scheduled_for=back)

    change(follow_up, {"delay_days": 1})

    assert fresh(waiting).scheduled_for == back


def test_the_people_of_a_step_that_is_switched_off_go_on_with_the_next(campaign, step):
    following = make_step(campaign)
    task = make_ready(campaign)

    effect = change(step, {"is_active": False})

    assert effect == Effect(skipped=1)
    assert fresh(task).status == "skipped"
    planned = Task.objects.get(workflow_step=following)
    assert (planned.enrollment_id, planned.status) == (task.enrollment_id, "scheduled")


def test_a_mail_that_comes_back_to_a_step_that_was_switched_off_meanwhile_is_skipped(
    campaign, step
):
    following = make_step(campaign)
    task = make_ready(campaign)
    Task.objects.update(status="transmitting")
    assert change(step, {"is_active": False}) == Effect(sent=1)
    Task.objects.update(status="scheduled")  # the server had said: later

    assert intend(task.mailbox_id, now=MORNING, worker="w", frozen=lambda message: None) is None

    assert fresh(task).status == "skipped"
    assert Task.objects.get(workflow_step=following).enrollment_id == task.enrollment_id


def test_the_people_of_the_last_step_end_when_it_is_switched_off(campaign, step):
    last = make_step(campaign)
    task = make_task(enrollment=make_sent(campaign).enrollment, workflow_step=last)

    change(last, {"is_active": False})

    assert fresh(task).status == "skipped"
    assert Enrollment.objects.get().state == "finished"


def test_the_only_step_of_a_running_campaign_is_not_switched_off(campaign, step):
    task = make_due(campaign)

    with pytest.raises(CampaignNotReady):
        change_step(step, {"is_active": False}, at=MORNING, user=None)

    assert fresh(task).status == "scheduled"


def test_a_step_that_is_added_tells_who_comes_to_it_and_who_is_past_it(campaign):
    make_step(campaign, step_index=5)
    make_due(campaign)
    on_the_last = make_due(campaign)
    Task.objects.filter(pk=on_the_last.pk).delete()
    make_task(enrollment=on_the_last.enrollment, workflow_step=campaign.steps.last())

    between = effect_of_new(WorkflowStep(campaign=campaign, step_index=3))
    after_all = effect_of_new(WorkflowStep(campaign=campaign, step_index=9))

    assert between == Effect(ahead=1, past=1)
    assert after_all == Effect(ahead=2)


def test_a_step_that_moves_keeps_the_hours_of_what_waits(campaign, step):
    make_step(campaign, step_index=5)
    task = make_due(campaign)

    effect = change(step, {"step_index": 7})

    assert fresh(task).scheduled_for == MORNING
    assert fresh(task).step_index == 7
    assert effect == Effect()


def test_who_had_a_step_before_it_moved_behind_finishes_instead_of_waiting_for_it(campaign, step):
    last = make_step(campaign)
    enrollment = make_sent(campaign).enrollment
    waiting = make_task(enrollment=enrollment, workflow_step=last)
    change(step, {"step_index": 7})
    Task.objects.filter(pk=waiting.pk).update(status="sent")

    plan_after([fresh(waiting)], now=MORNING)

    assert Enrollment.objects.get().state == "finished"
    assert Task.objects.count() == 2


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
