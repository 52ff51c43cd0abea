"""Steps of a campaign that people are in: what a change does to their mails, and the change."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from iam.services import record
from outreach.models import Campaign, Draft, Enrollment, Message, Task, Variant, WorkflowStep
from outreach.planning import hour_of_next
from outreach.services.campaigns import check_subject, check_text, keep_ready
from outreach.services.cancelling import skip_all
from outreach.services.hours import sending_hours
from outreach.services.planning import hold_enrollments
from outreach.services.rewriting import send_to_review, write_anew
from outreach.states import OPEN, DraftStatus, ExperimentStatus, TaskStatus

if TYPE_CHECKING:
    from iam.models import User

TEXTS = {"subject_template": "subject", "body_template": "text"}
CHECKS = {"subject_template": check_subject, "body_template": check_text}
LEFT = (TaskStatus.TRANSMITTING, TaskStatus.SENT, TaskStatus.UNKNOWN)
AT_ONCE = 1_000
SWITCHED_OFF = "The step was switched off."
MOVE = """
UPDATE tasks AS t SET scheduled_for = told.hour
FROM unnest(%(ids)s::uuid[], %(hours)s::timestamptz[]) AS told (id, hour)
WHERE t.organisation_id = iam.current_organisation_id() AND t.id = told.id
"""


@dataclass(frozen=True)
class Effect:
    """What a change of a step does, in mails; where a person is meant, it says so."""

    stay: int = 0
    back_to_review: int = 0
    rewritten: int = 0
    by_hand: int = 0
    moved: int = 0
    skipped: int = 0
    sent: int = 0
    ahead: int = 0
    past: int = 0
    elsewhere: str = ""  # whence new mails take what was changed here, in a sentence

    @property
    def touches(self) -> bool:
        """Whether anything happens that a person should know of before they go on."""
        return any(number for name, number in asdict(self).items() if name != "sent")

    @property
    def sentences(self) -> list[str]:
        """The same in words, one sentence for each thing that happens."""
        counts = [(SENTENCES[name], n) for name, n in asdict(self).items() if name in SENTENCES]
        told = [_plural(sentence, n) for sentence, n in counts if n]
        return [*told, self.elsewhere] if self.elsewhere else told


# What a count means: for one, and for several.
SENTENCES = {
    "stay": "{n} approved mail stays as it is.|{n} approved mails stay as they are.",
    "back_to_review": "{n} approved mail falls back to review.|"
    "{n} approved mails fall back to review.",
    "rewritten": "{n} draft is written anew.|{n} drafts are written anew.",
    "by_hand": "{n} draft keeps the text that somebody gave it by hand.|"
    "{n} drafts keep the texts that somebody gave them by hand.",
    "moved": "{n} waiting mail gets another hour.|{n} waiting mails get another hour.",
    "skipped": "{n} waiting mail is not sent: its person goes on with what follows.|"
    "{n} waiting mails are not sent: their people go on with what follows.",
    "ahead": "{n} person on the way will come to it.|{n} people on the way will come to it.",
    "past": "{n} person on the way is past it and does not get it.|"
    "{n} people on the way are past it and do not get it.",
    "sent": "{n} mail of it has left and is untouched.|"
    "{n} mails of it have left and are untouched.",
}


def _plural(sentence: str, number: int) -> str:
    one, many = sentence.split("|")
    return (one if number == 1 else many).format(n=number)


def effect_of(
    step: WorkflowStep, changes: Mapping[str, Any], *, keep_approved: bool = True
) -> Effect:
    """What `change_step` would do now, in a few counts; `step` is the row as it stands."""
    changed = _changed(step, changes)
    if changed.get("is_active") is False:
        return Effect(skipped=_open(step).count(), sent=_sent(step))
    counts: dict[str, Any] = dict(_drafts_counted(step, changed, keep_approved=keep_approved))
    if "delay_days" in changed:
        counts["moved"] = _movable(step).count()
    if changed.keys() & {"is_active", "step_index"} and changes.get("is_active", step.is_active):
        counts |= _on_the_way(step, changes.get("step_index", step.step_index))
    sent = _sent(step) if changed else 0
    return Effect(**counts, sent=sent, elsewhere=_elsewhere(step, changed))


def effect_of_new(step: WorkflowStep) -> Effect:
    """Who would come to this step, which is to be added, and who is past it."""
    return Effect(**_on_the_way(step, step.step_index)) if step.is_active else Effect()


@transaction.atomic
def change_step(
    step: WorkflowStep,
    changes: Mapping[str, Any],
    *,
    keep_approved: bool = True,
    at: datetime,
    user: "User | None",
) -> Effect:
    """Change a step and what waits of it; what was approved stays, or falls back to review.

    Drafts that nobody approved are written anew, but for those that somebody wrote on. With
    another delay, mails that wait get another hour. The waiting mails of a step that is switched
    off are skipped, and their people go on. Raises TemplateRefused (outreach.templating), or
    CampaignNotReady for a change that a running campaign cannot bear; then nothing changes.
    """
    Campaign.objects.select_for_update(no_key=True, of=["self"]).get(pk=step.campaign_id)
    step = WorkflowStep.objects.select_for_update(no_key=True).get(pk=step.pk)
    changed = _changed(step, changes)
    for name in TEXTS.keys() & changed.keys():
        CHECKS[name](changed[name])
    _hold_open(step)
    effect = effect_of(step, changes, keep_approved=keep_approved)
    for name, value in changed.items():
        setattr(step, name, value)
    step.save(update_fields=list(changed))
    keep_ready(step.campaign)
    _carry_out(step, changed, keep_approved=keep_approved, at=at)
    if effect.touches:
        text = f"{step} of {step.campaign}: {' '.join(effect.sentences)}"
        record("changed", at=at, user=user, target=step, text=text)
    return effect


def _carry_out(
    step: WorkflowStep, changed: Mapping[str, Any], *, keep_approved: bool, at: datetime
) -> None:
    if changed.get("is_active") is False:
        skip_all(_open(step), reason=SWITCHED_OFF, at=at)
        return
    if drafts := _drafts(step, changed):
        if not keep_approved:
            send_to_review(drafts)
        write_anew(drafts)
    if "delay_days" in changed:
        _move(step)


def _changed(step: WorkflowStep, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What would be another value than it is."""
    return {name: value for name, value in changes.items() if getattr(step, name) != value}


def _hold_open(step: WorkflowStep) -> None:
    """Nobody writes, sends or stops these mails until the change is there: enrolments first."""
    hold_enrollments(_open(step).values_list("enrollment_id", flat=True))
    held = _open(step).select_for_update(no_key=True).order_by("id").values_list("pk")
    list(held)


def _open(step: WorkflowStep) -> QuerySet[Task]:
    """Its mails that have not left and still can be kept from it."""
    return Task.objects.filter(workflow_step=step.pk, status__in=OPEN)


def _sent(step: WorkflowStep) -> int:
    return Task.objects.filter(workflow_step=step.pk, status__in=LEFT).count()


def _drafts(step: WorkflowStep, changed: Mapping[str, Any]) -> QuerySet[Draft] | None:
    """The texts that the change concerns: a variant's own words are not the step's."""
    concerned = Q()
    for name in TEXTS.keys() & changed.keys():
        silent = Q(**{f"variant__{name}": ""}) | Q(**{f"variant__{name}": None})
        concerned |= Q(variant=None) | silent
    if not concerned:
        return None
    return Draft.objects.filter(concerned, task__workflow_step=step, task__status__in=OPEN)


def _drafts_counted(
    step: WorkflowStep, changed: Mapping[str, Any], *, keep_approved: bool
) -> Iterator[tuple[str, int]]:
    drafts = _drafts(step, changed)
    if drafts is None:
        return
    approved = Q(status=DraftStatus.APPROVED)
    told = Q(status=DraftStatus.PENDING)
    if not keep_approved:
        told |= approved
    counts = drafts.aggregate(
        approved=Count("pk", filter=approved),
        rewritten=Count("pk", filter=told & Q(edits=[])),
        by_hand=Count("pk", filter=told & ~Q(edits=[])),
    )
    yield "stay" if keep_approved else "back_to_review", counts.pop("approved")
    yield from counts.items()


def _elsewhere(step: WorkflowStep, changed: Mapping[str, Any]) -> str:
    """Says so where each variant of a running experiment has words of its own for what changed."""
    texts = [name for name in TEXTS if name in changed]
    experiment = Q(
        step_experiment__workflow_step=step.pk, step_experiment__status=ExperimentStatus.RUNNING
    )
    variants = list(Variant.objects.filter(experiment).order_by("key")) if texts else []
    taken = [TEXTS[name] for name in texts if all(getattr(each, name) for each in variants)]
    if not variants or not taken:
        return ""
    keys = " and ".join(each.key for each in variants)
    return f"New mails take their {' and '.join(taken)} from the variants {keys}, not from here."


def _on_the_way(step: WorkflowStep, index: int) -> dict[str, Any]:
    """Of the people who have no mail of this step yet: who comes to it, and who is past it."""
    tasks = Task.objects.filter(enrollment=OuterRef("pk"))
    going = Enrollment.objects.going().filter(campaign=step.campaign_id)
    if not step._state.adding:
        going = going.exclude(Exists(tasks.filter(workflow_step=step.pk)))
    past = going.filter(Exists(tasks.filter(step_index__gte=index))).count()
    return {"ahead": going.count() - past, "past": past}


def _movable(step: WorkflowStep) -> QuerySet[Task]:
    """Its mails that wait for so many days after another one, and were never tried."""
    before = Task.objects.filter(enrollment=OuterRef("enrollment")).exclude(workflow_step=step.pk)
    return Task.objects.filter(
        Exists(before), workflow_step=step.pk, status=TaskStatus.SCHEDULED, attempts=0
    )


def _move(step: WorkflowStep) -> None:
    """Each at the hour that it would have been given with the step as it is now."""
    for some in batched(list(_movable(step).values_list("pk", flat=True)), AT_ONCE):
        hours = dict(_hours(step, Task.objects.filter(pk__in=some)))
        with connection.cursor() as cursor:
            cursor.execute(MOVE, {"ids": list(hours), "hours": list(hours.values())})


def _hours(step: WorkflowStep, tasks: QuerySet[Task]) -> Iterator[tuple[UUID, datetime]]:
    rows = list(
        tasks.select_related("campaign", "enrollment__mailbox", "enrollment__position__company")
    )
    left = Message.objects.outbound().filter(enrollment__in=[row.enrollment_id for row in rows])
    last = dict(left.order_by("sent_at").values_list("enrollment_id", "sent_at"))
    for task in rows:
        enrollment = task.enrollment
        if enrollment.mailbox is None:
            continue
        hours = sending_hours(enrollment.mailbox, task.campaign, enrollment.position.company)
        before = last.get(enrollment.pk) or enrollment.last_activity_at or enrollment.enrolled_at
        hour = hour_of_next(hours, before, step.delay_days)
        yield task.pk, max(hour, enrollment.paused_until or hour)
