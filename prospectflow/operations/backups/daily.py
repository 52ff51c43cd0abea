"""When the next backup is due, where one is made each day at the same hour."""

from datetime import datetime, time, timedelta

AGAIN_AFTER = timedelta(minutes=15)  # where one failed


def is_due(at: time, *, now: datetime, newest: datetime | None, failed: datetime | None) -> bool:
    """Whether none was made since the last time that it was this hour (UTC), nor failed just now.

    So one that was missed, since the machine was off, is made as soon as it runs again.
    """
    if failed and now < failed + AGAIN_AFTER:
        return False
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    last = today if today <= now else today - timedelta(days=1)
    return newest is None or newest < last
