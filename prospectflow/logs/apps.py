"""What begins to be watched when the project starts."""

import structlog
from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created

PROCESSORS = [
    structlog.stdlib.filter_by_level,
    structlog.stdlib.render_to_log_kwargs,  # from here on a record like all others
]


class LogsConfig(AppConfig):
    """Requests by structlog, slow queries, and an error tracker where there is one."""

    name = "prospectflow.logs"
    label = "logs"

    def ready(self) -> None:
        from . import queries, tracker

        structlog.configure(
            processors=PROCESSORS,
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
        connection_created.connect(queries.watch, dispatch_uid="prospectflow.logs")
        if settings.SENTRY_DSN:
            tracker.begin(settings.SENTRY_DSN, environment=settings.ENVIRONMENT)
