"""Lists of prospects in the console: as fast with a million rows as with ten."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import CheckboxFilter, TextFilter

from crm.models import Company
from crm.narrowing import active_in, departments_of, employing, headcounts, naf_prefix, seated_in
from iam.tenant_admin import UncountedList


class SortedList(UncountedList):
    """Sorted by what an index serves and nothing else: id goes in the direction of the column."""

    def get_ordering_field(self, field_name: str) -> Any:
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[str]:
        column, *_ = super().get_ordering(request, queryset)
        return list(dict.fromkeys([column, "-id" if column.startswith("-") else "id"]))


class Prospects:
    """A table that is searched by words: `searched` of its QuerySet says how."""

    sortable_by: Sequence[str] = ()
    list_filter_submit = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SortedList

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet, bool]:
        """What is shown is a page; an action takes every row that is found."""
        if request.method == "POST":
            return queryset.searched(search_term), False
        return queryset.searched_for_a_page(search_term), False


def _path(rows: QuerySet) -> str:
    return "" if rows.model is Company else "company__"


class NafFilter(TextFilter):
    """By the company's activity."""

    title, parameter_name = "NAF code or its beginning", "naf"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        prefix = naf_prefix(self.value())
        return queryset.filter(active_in(prefix, _path(queryset))) if prefix else queryset.none()


class DepartmentFilter(TextFilter):
    """By where the company's head office is."""

    title, parameter_name = "departments, such as 13, 2A", "departments"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        codes = departments_of(self.value() or "")
        return queryset.filter(seated_in(codes, _path(queryset))) if codes else queryset


class HeadcountFilter(CheckboxFilter):
    """By how many the company employs."""

    title, parameter_name = "employees", "headcounts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(headcounts().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        codes = self.value()
        return queryset.filter(employing(codes, _path(queryset))) if codes else queryset


class ImportedListFilter(TextFilter):
    """By the list that the row came from."""

    title, parameter_name = "list, as it is written", "list"

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(list_name=self.value().strip()) if self.value() else queryset
