"""Opens, counted where the person consented, and the day's numbers made from the facts."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction
from django.db.models import F

from outreach.models import Message
from outreach.services.approval import OPEN, pixel_url
from outreach.services.consents import may_track_opens
from outreach.tokens import digest, token
from prospectflow.tenancy.context import tenant
from tracking.models import OpenStats, Pixel

PIXEL_LIFE = timedelta(days=180)
MACHINE_FOR = timedelta(seconds=10)  # nobody opens a mail this fast; scanners do
MACHINES = ("googleimageproxy", "ggpht.com", "yahoomailproxy", "python-requests", "curl/", "bot")


class Reader(StrEnum):
    """Who loaded a picture, as far as anybody can tell."""

    MACHINE = "machine"
    PERSON = "person"


def place_pixel(message: Message) -> None:
    """Remember the picture of a mail that carries one, by the hash of its token."""
    if message.task_id is None or message.sent_at is None:
        return
    if pixel_url(message.task_id) in (message.body_html or ""):
        mark = digest(token(OPEN, message.task_id))
        until = message.sent_at + PIXEL_LIFE
        Pixel.objects.get_or_create(
            message=message, defaults={"token_digest": mark, "expires_at": until}
        )


def record_open(candidate: str, *, user_agent: str, at: datetime) -> bool:
    """Count one load of a picture; False when the token is unknown, expired or consent is gone.

    Call it outside of a tenant scope, since the token alone says which organisation it is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM tracking.pixel_target(%s, %s)", [digest(candidate), at])
        found = cursor.fetchone()
    if found is None:
        return False
    organisation_id, message_id = found
    with tenant(organisation_id):
        message = Message.objects.select_related("task__campaign").get(pk=message_id)
        if message.task is None or not may_track_opens(message.task):
            return False
        _count(message, reader_of(message, user_agent=user_agent, at=at), at)
    return True


def reader_of(message: Message, *, user_agent: str, at: datetime) -> Reader:
    """A guess, never a certainty: proxies, scanners and loads within seconds are machines."""
    agent = user_agent.strip().lower()
    at_once = message.sent_at is not None and at < message.sent_at + MACHINE_FOR
    if at_once or agent in {"", "mozilla/5.0"} or any(mark in agent for mark in MACHINES):
        return Reader.MACHINE
    return Reader.PERSON


def _count(message: Message, reader: Reader, at: datetime) -> None:
    """Unique: a person's loads, once a day at most."""
    stats, _ = OpenStats.objects.select_for_update().get_or_create(message=message)
    stats.total_opens = F("total_opens") + 1
    if reader is Reader.MACHINE:
        stats.machine_opens = F("machine_opens") + 1
    elif stats.last_open_at is None or stats.last_open_at.date() < at.date():
        stats.unique_opens = F("unique_opens") + 1
    if reader is Reader.PERSON:
        stats.first_open_at, stats.last_open_at = stats.first_open_at or at, at
    stats.save()


ROLL_UP = """
INSERT INTO tracking.campaign_daily_stats AS counted
    (campaign_id, workflow_step_id, variant_id, day,
     sent, delivered, bounced, replied, unsubscribed, opened)
SELECT t.campaign_id, t.workflow_step_id, m.variant_id,
       (m.sent_at AT TIME ZONE coalesce(b.time_zone, 'UTC'))::date,
       count(*) FILTER (WHERE m.status IN ('sent', 'delivered', 'bounced')),
       count(*) FILTER (WHERE m.status IN ('sent', 'delivered')),
       count(*) FILTER (
           WHERE m.status = 'bounced' OR (m.status = 'failed' AND e.state = 'bounced')),
       count(*) FILTER (WHERE 'reply' = ANY (heard.verdicts)),
       count(*) FILTER (WHERE e.state = 'unsubscribed' AND m.id = last.id),
       count(*) FILTER (WHERE o.unique_opens > 0)
FROM outreach.messages m
JOIN outreach.tasks t ON t.organisation_id = m.organisation_id AND t.id = m.task_id
LEFT JOIN outreach.mailboxes b ON b.organisation_id = m.organisation_id AND b.id = m.mailbox_id
LEFT JOIN outreach.campaign_enrollments e
    ON e.organisation_id = m.organisation_id AND e.id = m.enrollment_id
LEFT JOIN tracking.message_open_stats o
    ON o.organisation_id = m.organisation_id AND o.message_id = m.id
LEFT JOIN LATERAL (
    SELECT array_agg(r.verdict) AS verdicts FROM outreach.messages r
    WHERE r.organisation_id = m.organisation_id AND r.task_id = m.task_id
      AND r.direction = 'inbound'
) heard ON true
LEFT JOIN LATERAL (
    SELECT s.id FROM outreach.messages s
    WHERE s.organisation_id = m.organisation_id AND s.enrollment_id = m.enrollment_id
      AND s.direction = 'outbound' ORDER BY s.sent_at DESC LIMIT 1
) last ON true
WHERE m.direction = 'outbound' AND m.sent_at >= %(since)s - interval '3 days'
  -- Whole days only: the condition looks at what is grouped by, in whatever zone.
  AND (m.sent_at AT TIME ZONE coalesce(b.time_zone, 'UTC'))::date
      >= (%(since)s AT TIME ZONE 'UTC')::date - 1
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
ON CONFLICT (organisation_id, campaign_id, workflow_step_id, variant_id, day) DO UPDATE SET
    sent = excluded.sent, delivered = excluded.delivered, bounced = excluded.bounced,
    replied = excluded.replied, unsubscribed = excluded.unsubscribed, opened = excluded.opened
WHERE (counted.sent, counted.delivered, counted.bounced,
       counted.replied, counted.unsubscribed, counted.opened)
    IS DISTINCT FROM (excluded.sent, excluded.delivered, excluded.bounced,
                      excluded.replied, excluded.unsubscribed, excluded.opened)
"""


@transaction.atomic
def roll_up(*, since: datetime) -> int:
    """Make the daily numbers of mails sent since then anew from the facts; returns rows changed.

    A day is the mailbox's own, and counted whole. An answer or an objection counts on the day and
    the step of the mail it was to, once a mail; an unsubscription on the last of its enrolment.
    """
    with connection.cursor() as cursor:
        cursor.execute(ROLL_UP, {"since": since})
        return int(cursor.rowcount)
