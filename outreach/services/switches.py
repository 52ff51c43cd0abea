"""Whether anything may leave at all: for the whole platform, for one organisation, for this copy
of the database.
"""

import logging
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from iam.models import Organisation, User
from iam.services import record
from outreach.models import Platform
from prospectflow.errors import DomainError
from prospectflow.tenancy.fields import CurrentOrganisation

OF_THE_PLATFORM = """
SELECT p.database_mark IS DISTINCT FROM outreach.database_mark(),
    p.sending_stopped_at, p.sending_stopped_reason
FROM outreach.platform AS p
"""
OF_AN_ORGANISATION = """
SELECT p.database_mark IS DISTINCT FROM outreach.database_mark(),
    p.sending_stopped_at, p.sending_stopped_reason, o.sending_stopped_at, o.sending_stopped_reason
FROM outreach.platform AS p, iam.organisations AS o
WHERE o.id = %s
"""
RESTORED = (
    "This database was restored, or copied: nothing is sent until an operator has confirmed it"
    " (manage.py confirm_restore)."
)
LONGEST_REASON = 500

logger = logging.getLogger(__name__)


class ReasonNeeded(DomainError):
    """Say why all sending stops: whoever wonders later reads it."""


class Switch(NamedTuple):
    """Something that keeps every mail from leaving; `since` where that is known."""

    code: str
    sentence: str
    since: datetime | None = None


def closed_switches(organisation_id: UUID | None = None) -> list[Switch]:
    """What keeps every mail of the organisation from leaving, in one query.

    Without an id it is the one that is served; with one it may be asked outside of a scope.
    """
    if organisation_id is None:
        answer = _asked(OF_AN_ORGANISATION.replace("%s", "iam.current_organisation_id()"))
    else:
        answer = _asked(OF_AN_ORGANISATION, organisation_id)
    restored, *platform, stopped_at, reason = answer
    found = _closed(restored, *platform)
    if stopped_at:
        sentence = f"All sending of this organisation is stopped: {reason}."
        found.append(Switch("organisation_stopped", sentence, stopped_at))
    return found


def closed_everywhere() -> list[Switch]:
    """What keeps every mail of every organisation from leaving; asked inside a scope or outside."""
    return _closed(*_asked(OF_THE_PLATFORM))


def is_restored() -> bool:
    """Whether this is another database than the one that an operator confirmed last."""
    return any(switch.code == "restored" for switch in closed_everywhere())


def is_platform_stopped() -> bool:
    """Whether an operator stopped everybody's sending."""
    return any(switch.code == "platform_stopped" for switch in closed_everywhere())


def _asked(query: str, *values: UUID) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def _closed(restored: bool, stopped_at: datetime | None, reason: str) -> list[Switch]:
    found = [Switch("restored", RESTORED)] if restored else []
    if stopped_at:
        found.append(Switch("platform_stopped", f"All sending is stopped: {reason}.", stopped_at))
    return found


@transaction.atomic
def stop_organisation(*, reason: str, at: datetime, user: User | None = None) -> bool:
    """Keep every mail of the organisation that is served from leaving, from the next one on.

    Whether that is new: the first reason stands. Raises ReasonNeeded.
    """
    organisation = Organisation.objects.select_for_update().get(pk=CurrentOrganisation())
    changed = _stop(organisation, reason, at)
    if changed:
        text = f"All sending: {organisation.sending_stopped_reason}"
        record("stopped", at=at, user=user, target=organisation, text=text)
    return changed


@transaction.atomic
def resume_organisation(*, at: datetime, user: User | None = None, reason: str = "") -> bool:
    """Let the organisation's mails leave again; whether they had been stopped."""
    organisation = Organisation.objects.select_for_update().get(pk=CurrentOrganisation())
    changed = _resume(organisation)
    if changed:
        text = f"All sending: {_sentence(reason)}" if reason.strip() else "All sending"
        record("resumed", at=at, user=user, target=organisation, text=text)
    return changed


@transaction.atomic
def stop_platform(*, reason: str, at: datetime, user: User | None = None) -> bool:
    """Keep every mail of every organisation from leaving; whether that is new.

    Raises ReasonNeeded.
    """
    platform = Platform.objects.select_for_update().get()
    changed = _stop(platform, reason, at)
    if changed:
        why = platform.sending_stopped_reason
        logger.warning("All sending is stopped by %s: %s", user or "an operator", why)
    return changed


@transaction.atomic
def resume_platform(*, at: datetime, user: User | None = None, reason: str = "") -> bool:
    """Let mails leave again, but for organisations that are stopped; whether it was stopped."""
    changed = _resume(Platform.objects.select_for_update().get())
    if changed:
        why = _sentence(reason) or "no reason given"
        logger.warning("Mails leave again since %s, by %s: %s", at, user or "an operator", why)
    return changed


def _stop(row: Organisation | Platform, reason: str, at: datetime) -> bool:
    reason = _sentence(reason)
    if not reason:
        raise ReasonNeeded
    if row.sending_stopped_at:
        return False
    row.sending_stopped_at, row.sending_stopped_reason = at, reason
    row.save(update_fields=["sending_stopped_at", "sending_stopped_reason"])
    return True


def _resume(row: Organisation | Platform) -> bool:
    if row.sending_stopped_at is None:
        return False
    row.sending_stopped_at, row.sending_stopped_reason = None, ""
    row.save(update_fields=["sending_stopped_at", "sending_stopped_reason"])
    return True


def _sentence(reason: str) -> str:
    """The reason on one line, as it stands within a sentence."""
    return " ".join(reason.split()).rstrip(".")[:LONGEST_REASON]
