"""PostgreSQL, Valkey, mail and sign-in on a laptop, from wheels, in one folder of the project."""

from .errors import EmbeddedError
from .mail import MailSettings
from .servers import (
    Server,
    Status,
    addresses,
    create_database,
    database_url,
    drop_database,
    empty_mail,
    mail_settings,
    provider_settings,
    redis_url,
    reset,
    start,
    status,
    stop,
)

__all__ = [
    "EmbeddedError",
    "MailSettings",
    "Server",
    "Status",
    "addresses",
    "create_database",
    "database_url",
    "drop_database",
    "empty_mail",
    "mail_settings",
    "provider_settings",
    "redis_url",
    "reset",
    "start",
    "status",
    "stop",
]
