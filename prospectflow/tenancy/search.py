"""Search that is fast below row-level security: one operator that PostgreSQL may push down."""

from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CharField, Q, QuerySet, TextField


@CharField.register_lookup
@TextField.register_lookup
class Found(models.Lookup):
    """`name__found="dupont"`: contains, whatever the case, through a leakproof operator.

    PostgreSQL's own ILIKE is not leakproof, so below a policy it never reaches an index.
    """

    lookup_name = "found"

    def get_prep_lookup(self) -> str:
        text = str(self.rhs)
        for special in ("\\", "%", "_"):
            text = text.replace(special, f"\\{special}")
        return f"%{text}%"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} OPERATOR(search.~~~*) {right}", (*left_params, *right_params)


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


def search[M: models.Model](
    rows: QuerySet[M], fields: list[str] | tuple[str, ...], text: str
) -> QuerySet[M]:
    """The rows in which each word of `text` is found in one of the fields."""
    words = text.split()
    if not words:
        return rows
    return rows.filter(
        reduce(and_, (reduce(or_, (Q(**{f"{f}__found": word}) for f in fields)) for word in words))
    )
