"""When the last good backup was made, for whoever watches."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from prometheus_client.core import Metric

from prospectflow.monitoring.gauges import plain, reading

from .retention import newest

LAST = "prospectflow_last_backup_timestamp_seconds"
MEANING = "When the newest whole backup was made; 0: there is none."


@reading("backups")
def backups(now: datetime) -> Iterator[Metric]:
    """The age of the newest whole backup in BACKUP_DIRECTORY."""
    made_at = newest(settings.BACKUP_DIRECTORY)
    yield plain(LAST, MEANING, made_at.timestamp() if made_at else 0.0)
