"""When the last good backup was made, and the last one that was copied, for whoever watches."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from prometheus_client.core import Metric

from prospectflow.monitoring.gauges import plain, reading

from .copying import newest_copy
from .retention import newest

LAST = "prospectflow_last_backup_timestamp_seconds"
MEANING = "When the newest whole backup was made; 0: there is none."
LAST_COPY = "prospectflow_last_backup_copy_timestamp_seconds"
OF_A_COPY = "When the newest whole backup that was copied elsewhere was made; 0: none was."


@reading("backups")
def backups(now: datetime) -> Iterator[Metric]:
    """When the newest whole one in BACKUP_DIRECTORY was made, and the newest with a copy."""
    yield plain(LAST, MEANING, _seconds(newest(settings.BACKUP_DIRECTORY)))
    if settings.BACKUP_COPY_TO:
        yield plain(LAST_COPY, OF_A_COPY, _seconds(newest_copy(settings.BACKUP_DIRECTORY)))


def _seconds(made_at: datetime | None) -> float:
    return made_at.timestamp() if made_at else 0.0
