"""The Django app of operations: its commands, and what of it is watched."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What an operator does to an installation."""

    name = "prospectflow.operations"
    label = "operations"

    def ready(self) -> None:
        from prospectflow.operations.backups import gauges  # noqa: F401  (registers them)
