"""What /metrics says: what this process and its siblings counted, and how things stand."""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from prospectflow.instruments import REGISTRY

__all__ = ["CONTENT_TYPE_LATEST", "counted", "exposition", "processes"]


class _Families(Collector):
    """Metrics that bear the labels that all have in common."""

    def __init__(self, families: Iterable[Metric], common: dict[str, str]) -> None:
        self.families, self.common = families, common

    def collect(self) -> Iterator[Metric]:
        for family in self.families:
            family.samples = [
                sample._replace(labels={**sample.labels, **self.common})
                for sample in family.samples
            ]
            yield family


def exposition(families: Iterable[Metric], *, service: str) -> bytes:
    """The families in Prometheus's text format; each sample says which service, and where."""
    common = {"service": service, "environment": settings.ENVIRONMENT}
    registry = CollectorRegistry()
    registry.register(_Families(list(families), common))
    return generate_latest(registry)


def counted() -> Iterable[Metric]:
    """What was counted here, or by all processes that share the folder of metrics."""
    if not settings.METRICS_DIRECTORY:
        return REGISTRY.collect()
    collector: Any = MultiProcessCollector
    return collector(CollectorRegistry(), settings.METRICS_DIRECTORY).collect()


def processes() -> Iterator[Metric]:
    """Memory, time and files of these processes, added up; the start is the first one's."""
    found = [
        list(ProcessCollector(registry=None, pid=partial(str, pid)).collect()) for pid in _ids()
    ]
    for same in zip(*found, strict=False):
        family = same[0]
        values = [sample.value for each in same for sample in each.samples]
        value = min(values) if "start_time" in family.name else sum(values)
        family.samples = [family.samples[0]._replace(value=value)]
        yield family


def _ids() -> list[int]:
    """The processes that share the folder and still live; without one, this process."""
    if not settings.METRICS_DIRECTORY:
        return [os.getpid()]
    files = Path(settings.METRICS_DIRECTORY).glob("*.db")
    ids = {int(file.stem.rpartition("_")[2]) for file in files}
    return sorted(pid for pid in ids | {os.getpid()} if Path(f"/proc/{pid}").exists())
