"""How prospects look to programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers

from crm.models import Company, Consent, Person, Phone, Position
from crm.services import read
from crm.verifying import LEVELS
from prospectflow.api.serializers import StrictModelSerializer

LONGEST_FACT = 20_000  # characters; longer texts are refused before anybody reads them
SOURCED = ["provenance", "kept", "created_at", "updated_at"]
KINDS = ["email_is_role", "email_is_free", "email_is_disposable"]  # read from the address


class FactsSerializer(StrictModelSerializer):
    """Texts are read as an import reads them: `732 829 320` is a SIREN, `N/A` is nothing."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            found = read(self.Meta.model, dict(self._texts(data)))
            data = {**data, **{name: self._or_blank(name, value) for name, value in found.items()}}
        return super().to_internal_value(data)

    def _or_blank(self, name: str, value: Any) -> Any:
        """Nothing was sent as a text; a field that needs one refuses it as such."""
        return "" if value is None and not self.fields[name].allow_null else value

    def _texts(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, sent in data.items():
            field = self.fields.get(name)
            if not isinstance(sent, str) or len(sent) > LONGEST_FACT or "\0" in sent:
                continue  # a field that takes only texts says what is wrong with it
            if isinstance(field, serializers.CharField) and not field.read_only:
                yield name, sent


class SourcedSerializer(FactsSerializer):
    """A row whose facts name their source and date."""

    provenance = serializers.JSONField(
        source="sources", read_only=True, help_text="Field → its source and the date it was learnt."
    )


class ListedCompanySerializer(FactsSerializer):
    """A company in a list: what tells it from others."""

    class Meta:
        model = Company
        fields = [
            "id",
            "name",
            "brand_name",
            "siren",
            "pharow_company_id",
            "naf_code",
            "naf_sector",
            "category",
            "diffusion",
            "growing",
            "employee_range",
            "employee_count",
            "domain",
            "postal_code",
            "department",
            "city",
            "country",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class CompanySerializer(SourcedSerializer):
    """A company with every fact that is known of it, and where each was learnt."""

    class Meta:
        model = Company
        fields = [
            "id",
            "name",
            "brand_name",
            "acronym",
            "linkedin_name",
            "siren",
            "hq_siret",
            "pharow_company_id",
            "naf_code",
            "naf_nomenclature",
            "naf_sector",
            "legal_form_code",
            "category",
            "administrative_state",
            "diffusion",
            "founding_year",
            "founding_date",
            "growing",
            "employee_range",
            "employee_count",
            "headcount_code",
            "headcount_year",
            "annual_revenue_eur",
            "annual_revenue_year",
            "activity",
            "description",
            "main_phone",
            "generic_email",
            "website_url",
            "domain",
            "linkedin_url",
            "hq_address",
            "postal_code",
            "department",
            "city",
            "country",
            *SOURCED,
        ]
        read_only_fields = ["department", *SOURCED]
        extra_kwargs = {
            "activity": {"max_length": 2_000},
            "description": {"max_length": LONGEST_FACT},
            "employee_count": {"min_value": 0},
            "headcount_year": {"min_value": 1000, "max_value": 2100},
            "founding_year": {"min_value": 1000, "max_value": 2100},
            "annual_revenue_year": {"min_value": 1000, "max_value": 2100},
        }


class PhoneSerializer(FactsSerializer):
    """A number of a person; `raw` is how it was supplied, `kind` what the numbering plan says."""

    person = serializers.PrimaryKeyRelatedField(queryset=Person.objects.all())

    class Meta:
        model = Phone
        fields = ["id", "person", "number", "raw", "kind", "source", "created_at", "updated_at"]
        read_only_fields = ["raw"]


class ListedPersonSerializer(FactsSerializer):
    """A person in a list."""

    class Meta:
        model = Person
        fields = [
            "id",
            "salutation",
            "first_name",
            "last_name",
            "linkedin_url",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class PersonSerializer(SourcedSerializer):
    """A person with their numbers, which /phones/ changes."""

    phones = PhoneSerializer(many=True, read_only=True)

    class Meta:
        model = Person
        fields = ["id", "salutation", "first_name", "last_name", "linkedin_url", "phones", *SOURCED]
        read_only_fields = SOURCED


class ListedPositionSerializer(FactsSerializer):
    """A position in a list: who, where, and the address to write to."""

    person: Any = serializers.PrimaryKeyRelatedField(read_only=True)
    person_name = serializers.CharField(source="person.__str__", read_only=True)
    company: Any = serializers.PrimaryKeyRelatedField(read_only=True)
    company_name = serializers.CharField(source="company.__str__", read_only=True)

    class Meta:
        model = Position
        fields = [
            "id",
            "person",
            "person_name",
            "company",
            "company_name",
            "job_title",
            "list_name",
            "email",
            "email_status",
            *KINDS,
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class PositionSerializer(SourcedSerializer):
    """A position; a new address un-approves what waits to be sent to the old one."""

    person = serializers.PrimaryKeyRelatedField(queryset=Person.objects.all())
    person_name = serializers.CharField(source="person.__str__", read_only=True)
    company = serializers.PrimaryKeyRelatedField(queryset=Company.objects.all())
    company_name = serializers.CharField(source="company.__str__", read_only=True)
    verification = serializers.ChoiceField(
        choices=["", *LEVELS],
        read_only=True,
        help_text="How far the address was verified, by its form and then by its domain.",
    )

    class Meta:
        model = Position
        fields = [
            "id",
            "person",
            "person_name",
            "company",
            "company_name",
            "job_title",
            "list_name",
            "email",
            "verification",
            "email_status",
            "email_status_raw",
            "email_reliability",
            *KINDS,
            *SOURCED,
        ]
        read_only_fields = [*KINDS, *SOURCED]
        extra_kwargs = {"email_reliability": {"min_value": 0, "max_value": 100}}


class ConsentSerializer(StrictModelSerializer):
    """A person's word on being measured; the newest counts and none is ever overwritten."""

    person = serializers.PrimaryKeyRelatedField(queryset=Person.objects.all())
    at = serializers.DateTimeField(required=False, help_text="When it was said; now if left out.")

    class Meta:
        model = Consent
        fields = [
            "id",
            "person",
            "purpose",
            "state",
            "at",
            "source",
            "text_version",
            "evidence",
            "created_at",
        ]
