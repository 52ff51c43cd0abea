"""Statements that are asked so often that quoting their values would cost more than they do."""

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


def bound_by_server() -> CursorWrapper:
    """A cursor of Django's connection whose values travel beside the statement, not in it.

    It keeps nothing on the server: it need not be closed, and serves as long as the connection.
    """
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return wrap(psycopg.Cursor(connection.connection))  # type: ignore[arg-type]  # it takes any
