"""What mailboxes have sent today, and what they still may."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Case, CharField, Count, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Lower

from outreach.calendar import Schedule, local_day, midnight_before
from outreach.models import Mailbox, Message
from outreach.policy.facts import Ledger, Ramp
from outreach.presets import PRESETS, ceiling_of
from outreach.services.health import health_of
from outreach.services.mailboxes import schedule_of
from prospectflow.errors import DomainError


def ledgers_of(mailbox_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Ledger]:
    """Each mailbox's day as it stands, in a bounded number of queries however many there are."""
    return ledgers_for(Mailbox.objects.filter(pk__in=set(mailbox_ids)), now=now)


def ledgers_for(mailboxes: Iterable[Mailbox], *, now: datetime) -> dict[UUID, Ledger]:
    """The same for rows that are at hand."""
    mailboxes = list(mailboxes)
    if not mailboxes:
        return {}
    hours = {mailbox.pk: _schedule(mailbox) for mailbox in mailboxes}
    limited = [each.pk for each in mailboxes if each.domain_limit is not None]
    sent = _sent_today(hours, limited, now)
    ledgers = {each.pk: _ledger(each, hours[each.pk], sent[each.pk], now) for each in mailboxes}
    for mailbox_id, health in health_of(list(ledgers), now=now).items():
        ledgers[mailbox_id].health = health
    for mailbox_id, begun_at in _first_mails(mailboxes).items():
        schedule = ledgers[mailbox_id].schedule
        ledgers[mailbox_id].first_day = local_day(schedule, begun_at) if schedule else None
    return ledgers


def _schedule(mailbox: Mailbox) -> Schedule | str:
    """Its hours, or the sentence why they cannot be told."""
    try:
        return schedule_of(mailbox)
    except DomainError as error:
        return str(error)


def _ledger(
    mailbox: Mailbox, hours: Schedule | str, to_domain: Counter[str], now: datetime
) -> Ledger:
    schedule = hours if isinstance(hours, Schedule) else None
    preset, ramp = PRESETS.get(mailbox.provider), mailbox.ramp_start
    pause = preset.shortest_pause if preset else 0
    return Ledger(
        mailbox_id=mailbox.pk,
        address=mailbox.address,
        schedule=schedule,
        schedule_fault=hours if isinstance(hours, str) else "",
        status=mailbox.status,
        status_reason=mailbox.status_reason,
        most_a_day=min(mailbox.daily_limit, ceiling_of(mailbox.provider)),
        ramp=None if ramp is None else Ramp(ramp, mailbox.ramp_step),
        domain_limit=mailbox.domain_limit,
        pace_min=max(mailbox.pace_min_seconds, pause),
        pace_max=max(mailbox.pace_max_seconds, pause),
        day=local_day(schedule, now) if schedule else None,
        sent_today=to_domain.total(),
        to_domain=to_domain,
        next_send_at=mailbox.next_send_at,
        read_at=mailbox.last_synced_at,
    )


def _sent_today(
    hours: Mapping[UUID, Schedule | str], limited: Sequence[UUID], now: datetime
) -> Mapping[UUID, Counter[str]]:
    """Mailbox -> receiving domain -> mails since the mailbox's own midnight, in one query.

    Those that know no limit by domain have all under "": they may write to thousands a day.
    """
    today = Q(pk__in=[])
    for mailbox_id, schedule in hours.items():
        if isinstance(schedule, Schedule):
            today |= Q(mailbox_id=mailbox_id, sent_at__gte=midnight_before(schedule, now))
    received_at = Func(Lower("to_address"), Value("@"), Value(-1), function="split_part")
    domain = Case(
        When(mailbox_id__in=limited, then=received_at),
        default=Value(""),
        output_field=CharField(),
    )
    rows = Message.objects.outbound().filter(today).annotate(domain=domain).order_by()
    counted = rows.values("mailbox_id", "domain").annotate(mails=Count("pk"))
    sent: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    for mailbox_id, name, mails in counted.values_list("mailbox_id", "domain", "mails"):
        sent[mailbox_id][name] = mails
    return sent


def _first_mails(mailboxes: Iterable[Mailbox]) -> dict[UUID, datetime]:
    """When each of those that warm up sent its first mail, if it did."""
    ramping = [mailbox.pk for mailbox in mailboxes if mailbox.ramp_start is not None]
    if not ramping:
        return {}
    first = Message.objects.outbound().filter(mailbox=OuterRef("pk"), sent_at__isnull=False)
    begun = Mailbox.objects.filter(pk__in=ramping).annotate(
        begun_at=Subquery(first.order_by("sent_at").values("sent_at")[:1])
    )
    return dict(begun.filter(begun_at__isnull=False).values_list("pk", "begun_at"))
