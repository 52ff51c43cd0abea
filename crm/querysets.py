"""Sets of prospects."""

from collections.abc import Iterator
from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from crm.searching import of_company, of_person, of_position, words_of
from prospectflow.tenancy.search import by_own_indexes

SENDABLE = ("valid", "catch_all_likely", "unknown", "generic")
MOST_FOUND = 500  # rows that a page of a list chooses from; nobody pages through more


class ProspectQuerySet(models.QuerySet[Any]):
    """Rows that are found by words, each way of finding them by an index of its own."""

    def searched(self, text: str) -> Self:
        """Those in which each word of the text is found."""
        if not text.strip():
            return self
        first, *others = self._found_by(text)
        if not others:
            return first
        ids = [rows.order_by().values("pk") for rows in (first, *others)]
        return self.filter(pk__in=ids[0].union(*ids[1:], all=True))

    def searched_for_a_page(self, text: str) -> Self:
        """The same, but of more than MOST_FOUND only so many; asks PostgreSQL at once.

        So a page costs the same however many are found, and in whatever order it is shown.
        """
        if not text.strip():
            return self
        first, *others = (
            rows.order_by().values("pk")[:MOST_FOUND] for rows in self._found_by(text)
        )
        found = first.union(*others, all=True)[:MOST_FOUND] if others else first
        with by_own_indexes():
            ids = [row["pk"] for row in found]
        return self.filter(pk__in=ids)

    def _found_by(self, text: str) -> list[Self]:
        """The rows by each way of finding them, the ways that are likeliest to find any first."""
        words = words_of(text)
        return [self.filter(way) for way in self._ways(words)] if words else [self.none()]

    def _ways(self, words: list[str]) -> Iterator[Q]:
        """Conditions of which a row that is found meets one or more."""
        raise NotImplementedError


class CompanyQuerySet(ProspectQuerySet):
    """Companies."""

    def _ways(self, words: list[str]) -> Iterator[Q]:
        yield of_company(words)


class PersonQuerySet(ProspectQuerySet):
    """People."""

    def _ways(self, words: list[str]) -> Iterator[Q]:
        """By their names; an address, or the domain of one, is that of a position of theirs."""
        asked = of_person([word for word in words if "@" not in word])
        for word in words:
            if "@" in word:
                positions = apps.get_model("crm", "Position")._default_manager.searched(word)
                asked &= Q(pk__in=positions.values("person_id"))
        yield asked


class PositionQuerySet(ProspectQuerySet):
    """Positions, the people who may be written to."""

    def sendable(self) -> Self:
        """Positions with an address that may be used, in companies that did not oppose it."""
        return self.filter(
            email__gt="",
            email_status__in=SENDABLE,
            company__diffusion="O",
        )

    def _ways(self, words: list[str]) -> Iterator[Q]:
        yield from of_position(words)
