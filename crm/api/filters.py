"""What lists of prospects can be narrowed by: columns with an index, or with few values."""

from typing import Any

from django_filters import rest_framework as filters

from crm.choices import ConsentPurpose, ConsentState, Diffusion, EmailStatus, PhoneKind, PhoneSource
from crm.models import Company, Consent, Person, Phone, Position
from prospectflow.api.filtering import BooleanFilter


class CharInFilter(filters.BaseInFilter, filters.CharFilter):
    """Any of several texts, with commas between them."""


class AddressFilter(filters.CharFilter):
    """An address, which is stored in lower case."""

    def filter(self, qs: Any, value: Any) -> Any:
        several = isinstance(value, list)
        lower = [each.lower() for each in value] if several else (value or "").lower()
        return super().filter(qs, lower)


class AddressInFilter(filters.BaseInFilter, AddressFilter):
    """Any of several addresses, with commas between them."""


class CompanyFilters(filters.FilterSet):
    """By register number, domain and what the register says."""

    siren = filters.CharFilter()
    siren__in = CharInFilter(field_name="siren", lookup_expr="in")
    pharow_company_id = filters.CharFilter()
    domain = filters.CharFilter()
    name = filters.CharFilter()
    diffusion = filters.ChoiceFilter(choices=Diffusion.choices)
    category = filters.CharFilter()
    growing = BooleanFilter()

    class Meta:
        model = Company
        fields: list[str] = []


class PersonFilters(filters.FilterSet):
    """By name as it is written, and by LinkedIn page."""

    last_name = filters.CharFilter()
    linkedin_url = filters.CharFilter()

    class Meta:
        model = Person
        fields: list[str] = []


class PhoneFilters(filters.FilterSet):
    """By person, kind and supplier."""

    person = filters.UUIDFilter()
    kind = filters.ChoiceFilter(choices=PhoneKind.choices)
    source = filters.ChoiceFilter(choices=PhoneSource.choices)

    class Meta:
        model = Phone
        fields: list[str] = []


class PositionFilters(filters.FilterSet):
    """By person, company and address."""

    person = filters.UUIDFilter()
    company = filters.UUIDFilter()
    email = AddressFilter()
    email__in = AddressInFilter(field_name="email", lookup_expr="in")
    email_status = filters.ChoiceFilter(choices=EmailStatus.choices)

    class Meta:
        model = Position
        fields: list[str] = []


class ConsentFilters(filters.FilterSet):
    """By person, and by what was said about what."""

    person = filters.UUIDFilter()
    purpose = filters.ChoiceFilter(choices=ConsentPurpose.choices)
    state = filters.ChoiceFilter(choices=ConsentState.choices)

    class Meta:
        model = Consent
        fields: list[str] = []
