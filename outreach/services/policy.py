"""Why mails may not leave now: the facts that the rules look at, gathered for many at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from crm.choices import Diffusion
from iam.models import Organisation
from outreach.calendar import Week
from outreach.models import (
    Campaign,
    Draft,
    Enrollment,
    Mailbox,
    Message,
    Task,
    WorkflowStep,
)
from outreach.policy.facts import Case, Ledger
from outreach.policy.rules import INBOX_FRESH_FOR, QUIET_PERIOD, Reason
from outreach.policy.rules import reasons as reasons_of
from outreach.services.approval import Rendered, rendered
from outreach.services.consents import tracked_among
from outreach.services.hours import place_followed, windows_of
from outreach.services.ledgers import ledgers_for
from outreach.services.suppressing import SuppressionsUnreadable, suppressions_among
from outreach.services.switches import closed_switches
from outreach.states import DraftStatus, EnrollmentState, TaskStatus
from prospectflow.errors import DomainError
from prospectflow.tenancy.among import Ids, Words, by_id

__all__ = [
    "INBOX_FRESH_FOR",
    "QUIET_PERIOD",
    "Reason",
    "gather",
    "may_send",
    "may_send_each",
    "reasons",
]

OF_AN_ENROLLMENT = ("campaign", "position", "mailbox", "state", "paused_until") + tuple(
    f"position__{each}"
    for each in ("company", "person", "email", "email_status", "provenance", "created_at")
    + ("company__diffusion", "company__country", "company__department")
)
"""What is judged, and what `rendered` looks at besides."""
OF_A_TEXT = ("organisation", "variant", "recipient", "subject", "body_text", "approved_hash")


def may_send(task: Task, *, now: datetime) -> list[Reason]:
    """Every reason that holds this task's mail back at `now`; none means that it may leave."""
    return list(reasons(task, now=now))


def may_send_each(tasks: Sequence[Task], *, now: datetime) -> dict[UUID, list[Reason]]:
    """The same for each of the tasks, in a number of queries that does not grow with theirs."""
    return {case.task_id: list(reasons_of(case, now=now)) for case in gather(tasks, now=now)}


def reasons(task: Task, *, now: datetime) -> Iterator[Reason]:
    """The reasons one by one."""
    (case,) = gather([task], now=now)
    return reasons_of(case, now=now)


def gather(
    tasks: Sequence[Task], *, now: datetime, leased: bool = False, texts: bool = True
) -> list[Case]:
    """All that the rules look at, task by task, read in a bounded number of queries.

    Every row but the tasks themselves is read anew, and joined to them: enrolment, position,
    company, mailbox, campaign, step. Cases of one mailbox share its ledger. `leased` is for whoever
    holds the leases: tasks that are leased count as waiting. Without `texts` no mail is rendered,
    and none counts as changed.
    """
    if not tasks:
        return []
    _join(tasks)
    drafts = _drafts(tasks, texts=texts)
    mails = _mails(drafts) if texts else {}
    wrote_from = _wrote_from(tasks)
    suppressions, fault = _suppressions(tasks)
    rows = _Gathered(
        ledgers=ledgers_for(_mailboxes_of(tasks), now=now),
        wrote_from=wrote_from,
        read_at=_read_at(wrote_from),
        windows=_windows_of({task.campaign for task in tasks}),
        suppressions=suppressions,
        suppressions_fault=fault,
        answered=_answered(tasks),
        contacts=_contacts(tasks, now),
        drafts=drafts,
        mails=mails,
        switches=tuple((switch.code, switch.sentence) for switch in closed_switches()),
    )
    return [_case(task, rows, leased) for task in tasks]


type Answered = dict[tuple[UUID, UUID], set[UUID]]  # campaign, company -> enrolments
type Contacts = dict[str, list[tuple[UUID | None, datetime]]]  # address -> enrolment, when


@dataclass(frozen=True)
class _Gathered:
    """What was read for all tasks, each part by the key that a case finds its own with."""

    ledgers: Mapping[UUID, Ledger]
    wrote_from: Mapping[UUID, set[UUID | None]]  # enrolment -> mailboxes
    read_at: Mapping[UUID, datetime | None]  # mailbox -> when its inbox was read
    windows: Mapping[UUID, Week | str | None]  # campaign -> windows, or what is wrong with them
    suppressions: Mapping[str, str]  # address -> reason
    suppressions_fault: str
    answered: Answered
    contacts: Contacts
    drafts: Mapping[UUID, Draft]
    mails: Mapping[UUID, Rendered | str]  # task -> its mail, or why there can be none
    switches: tuple[tuple[str, str], ...]


def _case(task: Task, rows: _Gathered, leased: bool) -> Case:
    enrollment, position = task.enrollment, task.enrollment.position
    company, address = position.company, position.email or ""
    draft, windows = rows.drafts.get(task.pk), rows.windows[task.campaign_id]
    mail = rows.mails.get(task.pk)
    wrote_from = rows.wrote_from.get(enrollment.pk, set())
    is_mine = leased and task.status == TaskStatus.LEASED
    return Case(
        task_id=task.pk,
        enrollment_id=enrollment.pk,
        campaign_id=task.campaign_id,
        position_id=position.pk,
        company_id=company.pk,
        address=address,
        scheduled_for=task.scheduled_for,
        ledger=rows.ledgers.get(enrollment.mailbox_id) if enrollment.mailbox_id else None,
        status=TaskStatus.SCHEDULED if is_mine else task.status,
        step_index=task.workflow_step.step_index,
        step_is_active=task.workflow_step.is_active,
        campaign_status=task.campaign.status,
        windows=None if isinstance(windows, str) else windows,
        windows_fault=windows if isinstance(windows, str) else "",
        place=place_followed(task.campaign, company),
        enrollment_state=enrollment.state,
        paused_until=enrollment.paused_until,
        email_status=position.email_status,
        is_opposed=company.diffusion == Diffusion.OPPOSED,
        suppression=rows.suppressions.get(address, ""),
        suppressions_fault=rows.suppressions_fault,
        company_answered=bool(
            rows.answered.get((task.campaign_id, company.pk), set()) - {enrollment.pk}
        ),
        last_contact=_last_by_others(rows.contacts.get(address, []), enrollment.pk),
        draft_status=draft.status if draft else None,
        changed=_change(draft, mail, address),
        draft=draft,
        mail=None if isinstance(mail, str) else mail,
        has_written=bool(wrote_from),
        other_inboxes=tuple(
            rows.read_at.get(each) for each in wrote_from - {enrollment.mailbox_id} if each
        ),
        switches=rows.switches,
    )


def _last_by_others(contacts: list[tuple[UUID | None, datetime]], own: UUID) -> datetime | None:
    return max((at for enrollment_id, at in contacts if enrollment_id != own), default=None)


def _join(tasks: Sequence[Task]) -> None:
    """Set on the tasks what they belong to, as it stands now.

    Few joins: one over all of them takes longer to plan than to run.
    """
    steps = WorkflowStep.objects.in_bulk({task.workflow_step_id for task in tasks})
    campaigns = Campaign.objects.in_bulk({task.campaign_id for task in tasks})
    rows = Enrollment.objects.select_related("position__company").only(*OF_AN_ENROLLMENT)
    enrollments = by_id(rows, (task.enrollment_id for task in tasks))
    mailboxes = Mailbox.objects.in_bulk(
        {each.mailbox_id for each in enrollments.values() if each.mailbox_id}
    )
    for enrollment in enrollments.values():
        enrollment.mailbox = mailboxes[enrollment.mailbox_id] if enrollment.mailbox_id else None
    for task in tasks:
        task.workflow_step = steps[task.workflow_step_id]
        task.campaign = campaigns[task.campaign_id]
        task.enrollment = enrollments[task.enrollment_id]


def _drafts(tasks: Sequence[Task], *, texts: bool) -> dict[UUID, Draft]:
    of_task = {task.pk: task for task in tasks}
    wanted = ("task", "status", *(OF_A_TEXT if texts else ()))
    rows = Draft.objects.filter(task__among=Ids(of_task)).only(*wanted)
    drafts = {each.task_id: each for each in rows}
    for task_id, draft in drafts.items():
        draft.task = of_task[task_id]
    return drafts


def _mailboxes_of(tasks: Sequence[Task]) -> list[Mailbox]:
    found = (task.enrollment.mailbox for task in tasks)
    return list({mailbox.pk: mailbox for mailbox in found if mailbox}.values())


def _wrote_from(tasks: Sequence[Task]) -> dict[UUID, set[UUID | None]]:
    """Enrolment -> the mailboxes that it was written to from; None is one that was deleted."""
    wrote = Message.objects.outbound().filter(
        enrollment__among=Ids(task.enrollment_id for task in tasks), sent_at__isnull=False
    )
    found: defaultdict[UUID, set[UUID | None]] = defaultdict(set)
    for enrollment_id, mailbox_id in wrote.values_list("enrollment_id", "mailbox_id").distinct():
        if enrollment_id:
            found[enrollment_id].add(mailbox_id)
    return found


def _read_at(wrote_from: Mapping[UUID, set[UUID | None]]) -> dict[UUID, datetime | None]:
    asked = {each for mailboxes in wrote_from.values() for each in mailboxes if each}
    return dict(Mailbox.objects.filter(pk__in=asked).values_list("pk", "last_synced_at"))


def _windows_of(campaigns: set[Campaign]) -> dict[UUID, Week | str | None]:
    return {campaign.pk: _windows(campaign) for campaign in campaigns}


def _windows(campaign: Campaign) -> Week | str | None:
    try:
        return windows_of(campaign)
    except DomainError as error:
        return f"The campaign's windows cannot be read: {error}"


def _addresses(tasks: Sequence[Task]) -> set[str]:
    found = (task.enrollment.position.email for task in tasks)
    return {address for address in found if address}


def _suppressions(tasks: Sequence[Task]) -> tuple[dict[str, str], str]:
    """Address -> why it must not be written to; or the sentence why that cannot be told."""
    try:
        found = suppressions_among(_addresses(tasks))
        return {address: entry.reason for address, entry in found.items()}, ""
    except SuppressionsUnreadable as error:
        return {}, str(error)


def _answered(tasks: Sequence[Task]) -> Answered:
    """Who of these companies answered in these campaigns, or said no."""
    answers = Enrollment.objects.filter(
        campaign__in={task.campaign_id for task in tasks},
        position__company__among=Ids({task.enrollment.position.company_id for task in tasks}),
        state__in=[EnrollmentState.REPLIED, EnrollmentState.UNSUBSCRIBED],
    )
    found: Answered = defaultdict(set)
    for campaign_id, company_id, enrollment_id in answers.values_list(
        "campaign_id", "position__company_id", "pk"
    ):
        found[campaign_id, company_id].add(enrollment_id)
    return found


def _contacts(tasks: Sequence[Task], now: datetime) -> Contacts:
    """When each of the addresses was last written to by each enrolment, within the quiet period."""
    sent = Message.objects.outbound().filter(
        to_address__among=Words(_addresses(tasks)), sent_at__gt=now - QUIET_PERIOD
    )
    found: Contacts = defaultdict(list)
    for address, enrollment_id, at in (
        sent.order_by()
        .values("to_address", "enrollment_id")
        .annotate(last=Max("sent_at"))
        .values_list("to_address", "enrollment_id", "last")
    ):
        found[address].append((enrollment_id, at))
    return found


def _mails(drafts: Mapping[UUID, Draft]) -> dict[UUID, Rendered | str]:
    """Task -> the mail that a person approved as it would leave now, or why it cannot."""
    approved = [draft for draft in drafts.values() if draft.status == DraftStatus.APPROVED]
    if not approved:
        return {}
    identity = Organisation.objects.get(pk=approved[0].organisation_id)
    tracked = tracked_among(draft.task for draft in approved)
    return {
        draft.task_id: _mail(draft, identity, tracks=draft.task_id in tracked) for draft in approved
    }


def _mail(draft: Draft, identity: Organisation, *, tracks: bool) -> Rendered | str:
    try:
        return rendered(draft, identity=identity, tracks=tracks)
    except DomainError as error:
        return f"What was approved cannot be sent: {error}"


def _change(draft: Draft | None, mail: Rendered | str | None, address: str) -> str:
    """What became other since a person approved it, where anything did."""
    if draft is None or mail is None:
        return ""
    if isinstance(mail, str):
        return mail
    if (mail.recipient, mail.hash) == (address, draft.approved_hash):
        return ""
    return "What would be sent is not what was approved."
