"""The readings as Prometheus reads them; what cannot be read keeps nothing else back."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from django.db import DatabaseError, InterfaceError, connections
from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.services.switches import closed_everywhere
from outreach.states import CampaignStatus, MailboxStatus
from prospectflow.errors import DomainError
from prospectflow.monitoring import readings
from prospectflow.monitoring.pooler import pool
from prospectflow.tenancy.replica import REPLICA, ReplicaUnfit, lag

type Reading = Callable[[datetime], Iterable[Metric]]

FAILURES = (DomainError, ReplicaUnfit, DatabaseError, InterfaceError, OSError)
IN_THE_AIR = ("leased", "transmitting", "unknown")
READINGS: dict[str, Reading] = {}

logger = logging.getLogger(__name__)


def reading(name: str) -> Callable[[Reading], Reading]:
    """Have a function's gauges be read at every scrape, under this name in the log."""

    def register(function: Reading) -> Reading:
        READINGS[name] = function
        return function

    return register


def gauges(*, now: datetime) -> Iterator[Metric]:
    """What every reading says; one that fails is told by `prospectflow_reading_ok`."""
    ok = gauge("prospectflow_reading_ok", "Whether these gauges could be read.", "reading")
    for name, read in READINGS.items():
        try:
            yield from list(read(now))
            ok.add_metric([name], 1.0)
        except FAILURES as error:
            told = " ".join(f"{type(error).__name__} {error}".split())
            logger.warning("The figures of %s could not be read: %s", name, told)
            ok.add_metric([name], 0.0)
    yield ok


def gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    """A gauge without a value yet."""
    return GaugeMetricFamily(name, meaning, labels=labels)


def plain(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    """A gauge of one value."""
    return GaugeMetricFamily(name, meaning, value=value)


def _by(label: str, name: str, meaning: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = gauge(name, meaning, label)
    for state, value in values.items():
        family.add_metric([state], value)
    return family


@reading("queue")
def _queues(now: datetime) -> Iterator[Metric]:
    found = readings.queues(now=now)
    for name, meaning, field in (
        ("queue_depth", "Jobs that are due and wait.", "due"),
        ("queue_oldest_job_seconds", "Since when the oldest of them is due.", "oldest_seconds"),
        ("queue_running_jobs", "Jobs that workers are at.", "running"),
        ("queue_failed_jobs", "Jobs that failed within 30 days.", "failed"),
    ):
        values = {queue.name: float(getattr(queue, field)) for queue in found}
        yield _by("queue", name, meaning, values)


@reading("workers")
def _workers(now: datetime) -> Iterator[Metric]:
    found = readings.workers(now=now)
    yield plain("prospectflow_workers", "Workers that are alive.", found.alive)
    if found.heard_seconds_ago is not None:
        meaning = "How long ago a worker was heard of."
        yield plain("prospectflow_worker_heartbeat_seconds", meaning, found.heard_seconds_ago)


@reading("outreach")
def _outreach(now: datetime) -> Iterator[Metric]:
    found = readings.monitored(now=now)
    running = found.campaigns.get(CampaignStatus.RUNNING, 0)
    yield plain("active_campaigns", "Campaigns that run.", running)
    mailboxes = dict.fromkeys(MailboxStatus.values, 0) | found.mailboxes
    yield _by("status", "prospectflow_mailboxes", "Mailboxes.", mailboxes)
    mails = dict.fromkeys(IN_THE_AIR, 0) | found.mails
    yield _by("status", "prospectflow_mails", "Mails in the air, or in doubt.", mails)
    meaning = "How long ago the longest unread inbox was read."
    yield plain("prospectflow_inbox_lag_seconds", meaning, found.inbox_lag_seconds)


@reading("switches")
def _switches(now: datetime) -> Iterator[Metric]:
    meaning = "Whether all sending is stopped, or waits for a restore to be confirmed."
    yield plain("prospectflow_sending_stopped", meaning, float(bool(closed_everywhere())))


@reading("pool")
def _pool(now: datetime) -> Iterator[Metric]:
    found = pool()
    yield _by("state", "db_connection_pool_size", "Connections.", dict(found.states))
    yield plain("db_connection_pool_limit", "Clients there may be.", found.clients_at_most)
    meaning = "How long the first client in line has waited for a connection."
    yield plain("db_connection_pool_wait_seconds", meaning, found.longest_wait_seconds)


@reading("replica")
def _replica(now: datetime) -> Iterator[Metric]:
    if REPLICA in connections.databases:
        yield plain("prospectflow_replica_lag_seconds", "How far the replica is behind.", lag())
