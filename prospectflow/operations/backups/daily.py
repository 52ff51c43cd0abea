"""When the next backup is due, where one is made each day at the same hour."""

from datetime import datetime, time, timedelta

AGAIN_AFTER = timedelta(minutes=15)


def waits(*, now: datetime, failed: datetime | None) -> bool:
    """Whether something failed so lately that nothing is tried yet."""
    return failed is not None and now < failed + AGAIN_AFTER


def is_due(at: time, *, now: datetime, newest: datetime | None) -> bool:
    """Whether none was made since the last time that it was this hour (UTC).

    So one that was missed, since the machine was off, is made as soon as it runs again.
    """
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    last = today if today <= now else today - timedelta(days=1)
    return newest is None or newest < last
