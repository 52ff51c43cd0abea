"""A moment as an operator writes it."""

from datetime import datetime

from django.core.management.base import CommandError


def moment_of_the_past(text: str, now: datetime) -> datetime:
    """The moment before `now` that the text names; CommandError where it names none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment > now:
        raise CommandError(
            f'"{text}" is no moment of the past: write it with its zone,'
            " such as 2026-11-24T02:00+01:00.",
            returncode=2,
        )
    return moment
