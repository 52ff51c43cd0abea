"""Statements that are asked so often that quoting their values would cost more than they do."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def bound_by_server() -> Iterator[CursorWrapper]:
    """A cursor of Django's connection whose values travel beside the statement, not in it."""
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with psycopg.Cursor(connection.connection) as cursor:
        yield wrap(cursor)  # type: ignore[arg-type]  # it takes any cursor
