"""Each subject asked, one after the other; what cannot be asked is a finding too."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from prospectflow.errors import DomainError

from .configuration import configuration
from .findings import Finding
from .machine import backup, disk
from .outreach import mailboxes, queue, sending
from .servers import clocks, connections, replica, role, services, sessions, versions

type Ask = Callable[[datetime], Iterator[Finding]]

AWAY = "It does not answer, or not as it should: see that it runs and that we may ask it."
SUBJECTS: dict[str, Ask] = {
    "versions": versions,
    "services": services,
    "role": role,
    "settings": configuration,
    "connections": connections,
    "replica": replica,
    "sessions": sessions,
    "queue": queue,
    "sending": sending,
    "mailboxes": mailboxes,
    "disk": disk,
    "backup": backup,
    "clocks": clocks,
}


def examine(*, now: datetime) -> Iterator[tuple[str, list[Finding]]]:
    """Each subject with what was found of it. Nothing is changed."""
    for subject, ask in SUBJECTS.items():
        yield subject, _found(ask, now)


def _found(ask: Ask, now: datetime) -> list[Finding]:
    """What was found; an error's own text may name hosts and people, so its kind alone is told."""
    found: list[Finding] = []
    try:
        found.extend(ask(now))
    except DomainError as error:
        found.append(Finding("not asked", type(error).__name__, str(error)))
    except (DatabaseError, InterfaceError, RedisError, OSError) as error:
        found.append(Finding("not asked", type(error).__name__, AWAY))
    return found
