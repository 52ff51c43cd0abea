"""How tests read what /metrics says."""

from dataclasses import dataclass
from typing import Any, Self

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "only-prometheus-knows"
COMMON = {"service", "environment"}


@dataclass(frozen=True)
class Metrics:
    """One scrape."""

    text: str

    @classmethod
    def now(cls) -> Self:
        """What the web process of this test says at this moment."""
        answer = Client().get("/metrics")
        assert answer.status_code == 200, answer.text
        return cls(answer.text)

    @property
    def samples(self) -> list[Any]:
        """Each sample of each family."""
        families = text_string_to_metric_families(self.text)
        return [sample for family in families for sample in family.samples]

    @property
    def names(self) -> set[str]:
        """What the families' samples are called."""
        return {sample.name for sample in self.samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that bear these labels; 0 where there is none."""
        wanted = labels.items()
        return sum(
            each.value
            for each in self.samples
            if each.name == name and each.labels.items() >= wanted
        )

    def labels(self, name: str) -> set[str]:
        """The names of the labels of a metric, but for those that all have."""
        found = [set(each.labels) for each in self.samples if each.name == name]
        assert found, f"{name} has no sample"
        return set.union(*found) - COMMON


class Since:
    """By how much a counter rose since this was made."""

    def __init__(self) -> None:
        self.before = Metrics.now()

    def __call__(self, name: str, **labels: str) -> float:
        return Metrics.now().value(name, **labels) - self.before.value(name, **labels)
