"""The Django app of monitoring: it has the connections' statements timed."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class MonitoringConfig(AppConfig):
    """Health and metrics."""

    name = "prospectflow.monitoring"
    label = "monitoring"

    def ready(self) -> None:
        from prospectflow.monitoring.statements import time_statements

        connection_created.connect(time_statements, dispatch_uid="time_statements")
