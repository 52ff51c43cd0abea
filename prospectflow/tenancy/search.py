"""Search that is fast below row-level security: one operator that PostgreSQL may push down."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import connection, models
from django.db.models import CharField, Q, QuerySet, TextField

TRIGRAM = 3  # letters
SWITCH = """SELECT set_config('enable_seqscan', %(to)s, true),
    set_config('enable_indexscan', %(to)s, true),
    set_config('enable_indexonlyscan', %(to)s, true)"""
BEFORE_WORDS = ("", "% ", "%-", "%'", "%’")


@CharField.register_lookup
@TextField.register_lookup
class Found(models.Lookup):
    """`name__found="dupont"`: contains, whatever the case, through a leakproof operator.

    PostgreSQL's own ILIKE is not leakproof, so below a policy it never reaches an index.
    """

    lookup_name = "found"

    def get_prep_lookup(self) -> str:
        return f"%{_as_it_stands(self.rhs)}%"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} OPERATOR(search.~~~*) {right}", (*left_params, *right_params)


@CharField.register_lookup
@TextField.register_lookup
class WordBegins(models.Lookup):
    """`name__word_begins="zq"`: a word of the text does, whatever the case, by the same index."""

    lookup_name = "word_begins"

    def get_prep_lookup(self) -> str:
        return f"{_as_it_stands(self.rhs)}%"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        _, (pattern,) = self.process_rhs(compiler, connection)
        patterns = [f"{before}{pattern}" for before in BEFORE_WORDS]
        either = " OR ".join([f"{left} OPERATOR(search.~~~*) %s"] * len(patterns))
        return f"({either})", tuple(p for each in patterns for p in (*left_params, each))


def _as_it_stands(text: Any) -> str:
    """The text as a pattern that means nothing but itself."""
    return re.sub(r"([\\%_])", r"\\\1", str(text))


@CharField.register_lookup
@TextField.register_lookup
class Begins(models.Lookup):
    """`email__begins="ada@"`: a prefix, as it stands, through an operator that is leakproof."""

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left}::text ^@ {right}", (*left_params, *right_params)


def search_index(*fields: str, name: str) -> GinIndex:
    """The index that `found` uses: within the organisation, by trigrams."""
    opclasses = ["uuid_ops", *["search.gin_trgm_lp"] * len(fields)]
    return GinIndex(fields=["organisation", *fields], opclasses=opclasses, name=name)


def prefix_index(field: str, *, name: str) -> models.Index:
    """The index that `begins` and equality use, whatever the database's collation."""
    return models.Index(
        fields=["organisation", field], opclasses=["uuid_ops", "varchar_pattern_ops"], name=name
    )


def holds(field: str, word: str) -> Q:
    """The word is in the field; one of two letters begins a word there.

    A shorter part makes no trigram, and so would have every row of the organisation read.
    """
    return Q(**{f"{field}__{'word_begins' if len(word) < TRIGRAM else 'found'}": word})


@contextmanager
def by_own_indexes() -> Iterator[None]:
    """Within, PostgreSQL walks along no table and no order to meet what is searched for.

    It takes matches for evenly spread, and walks where they are not so rare: past every row of the
    other organisations, or of a file that was sorted. Inside a transaction only.
    """
    with connection.cursor() as cursor:
        cursor.execute(SWITCH, {"to": "off"})
        yield
        cursor.execute(SWITCH, {"to": "on"})


def search[M: models.Model](
    rows: QuerySet[M], fields: list[str] | tuple[str, ...], text: str
) -> QuerySet[M]:
    """The rows in which each word of `text` is found in one of the fields."""
    words = text.split()
    if not words:
        return rows
    return rows.filter(
        reduce(and_, (reduce(or_, (holds(f, word) for f in fields)) for word in words))
    )
