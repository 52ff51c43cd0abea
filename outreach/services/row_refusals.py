"""Rows of a file that this organisation must not take in, or should not without a thought."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import batched
from typing import Any

from crm.importing.engine import Import
from crm.importing.staging import ask, run
from outreach.models import ImportUpload, Suppression
from outreach.services.policy import QUIET_PERIOD
from outreach.services.suppressing import suppressed_among

AT_ONCE = 10_000  # addresses

SUPPRESSED_DOMAINS = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'refused', %(column)s, l.email, 'suppressed_domain',
    jsonb_build_object('value', l.email, 'domain', s.domain)
FROM pg_temp.live AS l JOIN outreach.suppressions AS s ON s.domain = split_part(l.email, '@', 2)
"""
SUPPRESSED_ADDRESSES = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT row, 'refused', %(column)s, email, 'suppressed_address', '{}'
FROM pg_temp.live WHERE email = ANY (%(addresses)s)
"""
ALREADY_IN = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'refused', %(column)s, l.email, 'already_in_campaign', jsonb_build_object(
    'value', l.email, 'campaign', %(campaign_name)s::text,
    'day', to_char(inside.enrolled_at, 'YYYY-MM-DD'))
FROM pg_temp.live AS l JOIN (
    SELECT p.email, min(e.enrolled_at) AS enrolled_at
    FROM outreach.campaign_enrollments AS e JOIN crm.positions AS p ON p.id = e.position_id
    WHERE e.campaign_id = %(campaign)s GROUP BY p.email
) AS inside USING (email)
"""
# From the last mail, not from the import: mail-less campaigns disturbed nobody.
RECENTLY = """
INSERT INTO pg_temp.staged_problems (row, kind, "column", value, code, detail)
SELECT l.row, 'warning', %(column)s, l.email, 'recently_contacted', jsonb_build_object(
    'value', l.email, 'campaign', last.name,
    'days', extract(day FROM %(now)s::timestamptz - last.sent_at)::integer)
FROM pg_temp.live AS l JOIN (
    SELECT DISTINCT ON (m.to_address) m.to_address AS email, m.sent_at, c.name
    FROM outreach.messages AS m
    JOIN outreach.campaign_enrollments AS e ON e.id = m.enrollment_id
    JOIN outreach.campaigns AS c ON c.id = e.campaign_id
    WHERE m.direction = 'outbound' AND m.sent_at >= %(since)s AND e.campaign_id <> %(campaign)s
    ORDER BY m.to_address, m.sent_at DESC
) AS last USING (email)
"""


def refusals_for(upload: ImportUpload, *, now: datetime) -> Callable[[Import], None]:
    """What this organisation adds to the problems of this file's rows."""

    def refusing(job: Import) -> None:
        refuse_suppressed(job)
        if upload.campaign is not None:
            told = {
                "column": job.address_column,
                "campaign": upload.campaign.pk,
                "campaign_name": upload.campaign.name,
                "now": now,
                "since": now - QUIET_PERIOD,
            }
            run(ALREADY_IN, told)
            run(RECENTLY, told)

    return refusing


def refuse_suppressed(job: Import) -> None:
    """Addresses and domains that must never be written to are not taken in, and are shown.

    Raises SuppressionsUnreadable.
    """
    if not Suppression.objects.exists():
        return
    run(SUPPRESSED_DOMAINS, {"column": job.address_column})
    for batch in batched(_live_addresses(), AT_ONCE):
        found = {"addresses": list(suppressed_among(batch)), "column": job.address_column}
        run(SUPPRESSED_ADDRESSES, found)


def _live_addresses() -> Iterator[str]:
    """Each address that goes on, page by page."""
    after = 0
    page: list[tuple[Any, ...]] = [()]
    while page:
        page = ask(
            "SELECT email, row FROM pg_temp.live AS l WHERE row > %(after)s AND email IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM pg_temp.staged_problems AS p"
            " WHERE p.row = l.row AND p.kind = 'refused') ORDER BY row LIMIT %(limit)s",
            {"after": after, "limit": AT_ONCE},
        )
        for email, row in page:
            yield email
            after = row
