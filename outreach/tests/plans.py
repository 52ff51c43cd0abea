"""How PostgreSQL went about a statement."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

type Node = dict[str, Any]


def plan_nodes(sql: str, params: Any) -> Iterator[Node]:
    """The steps of the plan by which this statement was run just now."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    plan = json.loads(found) if isinstance(found, str) else found
    return _with_parts(plan[0]["Plan"])


def _with_parts(node: Node) -> Iterator[Node]:
    yield node
    for part in node.get("Plans", []):
        yield from _with_parts(part)
