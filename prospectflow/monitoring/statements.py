"""Times every statement that Django's connections make."""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from time import perf_counter
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from prometheus_client import Histogram

from prospectflow.instruments import QUERY_SECONDS
from prospectflow.tenancy import SCHEMAS

WRITES = re.compile(r"\b(insert|update|delete)\b(?!\s+of\b)")
FIRST_WORD = re.compile(r"[\s(]*([a-z]+)")
TABLE = re.compile(r'\b(?:from|into|update|join|only)\s+"?([a-z_]+)"?')
OPERATIONS = frozenset({"select", "insert", "update", "delete", "copy"})
OTHER = "other"


def time_statements(connection: BaseDatabaseWrapper, **told: Any) -> None:
    """Have this connection's statements timed; told of each connection that is made."""
    if timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(timed)


def timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Django's hook around a statement: it counts also when it fails."""
    begun = perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        _clock_of(str(sql)).observe(perf_counter() - begun)


@lru_cache(maxsize=2048)
def _clock_of(sql: str) -> Histogram:
    return QUERY_SECONDS.labels(*labels_of(sql))


def labels_of(sql: str) -> tuple[str, str]:
    """Which operation a statement is, and the schema of the first table or function it names."""
    text = sql[:4000].lower()
    found = FIRST_WORD.match(text)
    operation = found[1] if found else OTHER
    if operation == "with":
        written = WRITES.search(text)
        operation = written[1] if written else "select"
    return operation if operation in OPERATIONS else OTHER, _schema_of(text)


def _schema_of(text: str) -> str:
    for name in TABLE.findall(text):
        if schema := _schemas().get(name):
            return schema
    return OTHER


@cache
def _schemas() -> dict[str, str]:
    """The schema of each table of ours, and of each schema itself: `iam.places_of(...)`."""
    models = [model._meta for model in apps.get_models(include_auto_created=True)]
    tables = {
        each.db_table: each.app_label if each.app_label in SCHEMAS else "public" for each in models
    }
    return tables | {schema: schema for schema in (*SCHEMAS, "public")}
