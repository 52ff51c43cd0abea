"""The owner's own way into the database, past any pooler."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from psycopg.conninfo import make_conninfo

LIBPQ = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}


def owner_url() -> str:
    """How libpq connects to what DATABASE_URL names."""
    return conninfo(settings.DATABASES["default"])


def conninfo(database: Mapping[str, Any]) -> str:
    """How libpq connects to the database of these Django settings."""
    given = {LIBPQ[key]: value for key, value in database.items() if key in LIBPQ and value}
    return make_conninfo("", **given, **_texts(database.get("OPTIONS", {})))


def _texts(options: Mapping[str, Any]) -> dict[str, str]:
    """Those of Django's options that are libpq's: sslmode and its like."""
    return {key: value for key, value in options.items() if isinstance(value, str)}
