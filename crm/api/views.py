"""Companies, people and positions of the organisation."""

from collections.abc import Collection
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework import mixins
from rest_framework.serializers import BaseSerializer

from crm.api import filters, serializers
from crm.models import Company, Consent, Person, Phone, Position
from crm.services import note_consent, save_by_hand
from crm.verifying import level_of, verification
from iam.services import record
from prospectflow.api.exports import Exported
from prospectflow.api.viewsets import EditableTenantViewSet, ReadOnlyTenantViewSet


class FactsViewSet(Exported, EditableTenantViewSet):
    """Rows that programs fill in by hand; each change stands in the organisation's trail."""

    list_serializer_class: ClassVar[type[BaseSerializer[Any]] | None] = None

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "list" and self.list_serializer_class:
            return self.list_serializer_class
        return super().get_serializer_class()

    def perform_create(self, serializer: Any) -> None:
        given = serializer.validated_data
        serializer.instance = serializer.Meta.model(**given)
        self._save("added", serializer.instance, given)

    def perform_update(self, serializer: Any) -> None:
        row, given = serializer.instance, serializer.validated_data
        changed = [name for name, value in given.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, given[name])
        if changed:
            self._save("changed", row, changed)
            row.refresh_from_db(fields=["updated_at"])

    def perform_destroy(self, instance: Model) -> None:
        record("deleted", at=self.now, user=self.person, target=instance)
        super().perform_destroy(instance)

    def _save(self, action: str, row: Model, given: Collection[str]) -> None:
        save_by_hand(row, given, at=self.now)
        text = f"{row}: changed {', '.join(given)}" if action == "changed" else ""
        record(action, at=self.now, user=self.person, target=row, text=text)


class ProspectsViewSet(FactsViewSet):
    """Tables that are searched by words: `searched` of their QuerySets says how."""

    def found(self, queryset: Any, text: str) -> QuerySet[Any]:
        """What is listed is a page; what is taken away is every row that is found."""
        if self.paginator is None:
            return queryset.searched(text)
        return queryset.searched_for_a_page(text)


class CompanyViewSet(ProspectsViewSet):
    """Companies."""

    queryset = Company.objects.order_by("-id")
    serializer_class = serializers.CompanySerializer
    list_serializer_class = serializers.ListedCompanySerializer
    export_serializer_class = serializers.CompanySerializer
    filterset_class = filters.CompanyFilters
    sortable = {"created_at": "id", "name": "name"}
    search_fields = ["name", "siren", "siret", "domain"]


class PersonViewSet(ProspectsViewSet):
    """People."""

    queryset = Person.objects.order_by("-id")
    serializer_class = serializers.PersonSerializer
    list_serializer_class = serializers.ListedPersonSerializer
    filterset_class = filters.PersonFilters
    search_fields = ["last_name", "first_name", "email"]


class PhoneViewSet(FactsViewSet):
    """Telephone numbers of people."""

    queryset = Phone.objects.order_by("-id")
    serializer_class = serializers.PhoneSerializer
    filterset_class = filters.PhoneFilters

    def perform_create(self, serializer: Any) -> None:
        raw = str(serializer.initial_data["number"]).strip()[:64]
        serializer.validated_data["raw"] = raw
        super().perform_create(serializer)


class PositionViewSet(ProspectsViewSet):
    """Positions: who may be written to."""

    queryset = Position.objects.select_related("person", "company").order_by("-id")
    serializer_class = serializers.PositionSerializer
    list_serializer_class = serializers.ListedPositionSerializer
    export_serializer_class = serializers.PositionSerializer
    filterset_class = filters.PositionFilters
    search_fields = ["email", "person", "company"]

    def get_queryset(self) -> QuerySet[Position]:
        """Outside of a list's pages with how far the address was verified."""
        rows, is_page = super().get_queryset(), self.action == "list" and self.paginator is not None
        return rows if is_page else rows.annotate(verification=verification())

    def _save(self, action: str, row: Model, given: Collection[str]) -> None:
        super()._save(action, row, given)
        row.verification = level_of(row.pk)  # type: ignore[attr-defined]


class ConsentViewSet(Exported, mixins.CreateModelMixin, ReadOnlyTenantViewSet):
    """What people said about being measured: added and read, never changed."""

    queryset = Consent.objects.order_by("-id")
    serializer_class = serializers.ConsentSerializer
    filterset_class = filters.ConsentFilters

    def perform_create(self, serializer: Any) -> None:
        given = {"at": self.now} | serializer.validated_data
        serializer.instance = note_consent(**given, now=self.now)
        record("added", at=self.now, user=self.person, target=serializer.instance)
