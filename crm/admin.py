"""Pages for companies, people, their positions and their word on being measured."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.decorators import display

from crm.listing import DepartmentFilter, HeadcountFilter, ImportedListFilter, NafFilter, Prospects
from crm.models import Company, Consent, Person, Phone, Position
from crm.services import read, save_by_hand
from crm.verifying import LEVELS, level_of
from iam.tenant_admin import TenantAdmin, TenantTabularInline, link_to, link_to_rows

STATUS_COLOURS = {
    "valid": "success",
    "catch_all_likely": "success",
    "catch_all": "warning",
    "unknown": "info",
    "generic": "info",
    "invalid": "danger",
    "do_not_contact": "danger",
}
SOURCES = ("Where the data comes from", {"fields": ["sources", "kept_columns"]})


class FactsForm(forms.ModelForm):
    """Texts are read as an import reads them."""

    def clean(self) -> dict[str, Any]:
        return read(self._meta.model, super().clean() or self.cleaned_data)


class FactsAdmin(TenantAdmin):
    """Rows that are filled in by hand, here and on the pages of the rows they belong to."""

    form = FactsForm

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        save_by_hand(obj, form.changed_data, at=timezone.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        formset.save(commit=False)
        new = [(row, list(formset.form.base_fields)) for row in formset.new_objects]
        for row, given in formset.changed_objects + new:
            save_by_hand(row, given, at=timezone.now())
        for row in formset.deleted_objects:
            row.delete()


class SourcedAdmin(FactsAdmin):
    """Rows whose facts name their source and date."""

    @display(description="Sources")
    def sources(self, row: Any) -> SafeString:
        return _definitions(row.sources)

    @display(description="Other columns of the file")
    def kept_columns(self, row: Any) -> SafeString:
        return _definitions(row.kept)


def origin(fact: Any) -> str:
    """Where a fact was learnt and on what day, as a few words."""
    if not isinstance(fact, dict):
        return str(fact or "")
    parts = (fact.get("source"), str(fact.get("at") or "")[:10])
    return ", ".join(str(part) for part in parts if part)


def _definitions(facts: dict[str, Any]) -> SafeString | str:
    """A JSON object as lines, every part of it escaped."""
    lines = ((name, origin(value)) for name, value in sorted(facts.items()))
    return format_html_join("", "<div><strong>{}</strong>: {}</div>", lines) or "–"


class CategoryFilter(admin.SimpleListFilter):
    """The register's size classes, named here so that the table need not be read for them."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("PME", "PME, small or medium"), ("ETI", "ETI, middle"), ("GE", "GE, large")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(category=self.value()) if self.value() else queryset


class PositionsInline(TenantTabularInline):
    """The people of a company, or the companies of a person."""

    model = Position
    form = FactsForm
    fields = ["person", "company", "job_title", "email", "email_status"]
    autocomplete_fields = ["person", "company"]
    ordering = ["id"]
    per_page = 20


class PhonesInline(TenantTabularInline):
    model = Phone
    form = FactsForm
    fields = ["number", "kind", "source"]
    ordering = ["id"]


@admin.register(Company)
class CompanyAdmin(Prospects, SourcedAdmin):
    """Companies."""

    list_display = ["name", "siren", "city", "naf_sector", "employee_range", "diffusion_state"]
    list_filter = [NafFilter, DepartmentFilter, HeadcountFilter, CategoryFilter]
    list_filter += ["diffusion", "growing"]
    search_fields = ["name", "siren", "domain"]
    search_help_text = "Name, SIREN, SIRET or domain"
    sortable_by = ["name"]
    ordering = ["name", "id"]
    readonly_fields = ["department", "sources", "kept_columns", "created_at", "updated_at"]
    inlines = [PositionsInline]
    fieldsets = [
        (None, {"fields": ["name", "brand_name", "acronym", "linkedin_name", "diffusion"]}),
        (
            "Register",
            {
                "fields": [
                    ("siren", "hq_siret"),
                    ("naf_code", "naf_nomenclature"),
                    "naf_sector",
                    ("legal_form_code", "category", "administrative_state"),
                    ("founding_date", "founding_year"),
                ]
            },
        ),
        (
            "Size",
            {
                "fields": [
                    ("employee_range", "employee_count", "growing"),
                    ("headcount_code", "headcount_year"),
                    ("annual_revenue_eur", "annual_revenue_year"),
                ]
            },
        ),
        ("Activity", {"fields": ["activity", "description"]}),
        (
            "Contact",
            {
                "fields": [
                    ("main_phone", "generic_email"),
                    ("website_url", "domain"),
                    "linkedin_url",
                    "hq_address",
                    ("postal_code", "city", "department", "country"),
                ]
            },
        ),
        SOURCES,
    ]

    @display(description="Register", label={"open": "success", "opposed to prospecting": "danger"})
    def diffusion_state(self, company: Company) -> str:
        return company.get_diffusion_display()


@admin.register(Person)
class PersonAdmin(Prospects, SourcedAdmin):
    """People."""

    list_display = ["full_name", "salutation", "positions", "linkedin"]
    search_fields = ["last_name", "first_name"]
    search_help_text = "First and last name, or an address"
    sortable_by = ["full_name"]
    ordering = ["last_name", "id"]
    readonly_fields = ["sources", "kept_columns"]
    inlines = [PositionsInline, PhonesInline]
    fieldsets = [
        (None, {"fields": [("salutation", "first_name", "last_name"), "linkedin_url"]}),
        SOURCES,
    ]

    @display(description="Name", ordering="last_name")
    def full_name(self, person: Person) -> str:
        return str(person)

    @display(description="Positions")
    def positions(self, person: Person) -> SafeString:
        return link_to_rows(Position, "positions", person__id__exact=person.pk)

    @display(description="LinkedIn")
    def linkedin(self, person: Person) -> str:
        return person.linkedin_url or "–"


@admin.register(Phone)
class PhoneAdmin(FactsAdmin):
    """Telephone numbers."""

    list_display = ["number", "of", "kind", "source"]
    list_filter = ["kind", "source"]
    list_select_related = ["person"]
    search_fields = ["number"]
    sortable_by = ()
    ordering = ["id"]
    autocomplete_fields = ["person"]

    @display(description="Person")
    def of(self, phone: Phone) -> SafeString | str:
        return link_to(phone.person)


@admin.register(Position)
class PositionAdmin(Prospects, SourcedAdmin):
    """Positions: who may be written to, the newest first."""

    list_display = ["email", "who", "where", "job_title", "address_state", "list_name"]
    list_filter = [NafFilter, DepartmentFilter, HeadcountFilter, ImportedListFilter]
    list_filter += [("email_status", ChoicesCheckboxFilter)]
    list_select_related = ["person", "company"]
    search_fields = ["email", "person__last_name", "company__name"]
    search_help_text = "Person, company, or the beginning of an address"
    sortable_by = ()
    ordering = ["-id"]
    autocomplete_fields = ["person", "company"]
    readonly_fields = ["address_kind", "verified", "sources", "kept_columns", "correspondence"]
    fieldsets = [
        (None, {"fields": ["person", "company", "job_title", "list_name", "correspondence"]}),
        (
            "Address",
            {
                "fields": [("email", "address_kind", "verified")]
                + ["email_status", "email_status_raw", "email_reliability"]
            },
        ),
        SOURCES,
    ]

    @display(description="Person")
    def who(self, position: Position) -> SafeString | str:
        return link_to(position.person)

    @display(description="Company")
    def where(self, position: Position) -> SafeString | str:
        return link_to(position.company)

    @display(description="Address status", label=STATUS_COLOURS)
    def address_state(self, position: Position) -> tuple[str, str]:
        return position.email_status, position.get_email_status_display()

    @display(description="Kind of address")
    def address_kind(self, position: Position) -> str:
        flags = [f for f in position._meta.fields if f.name.startswith("email_is_")]
        return ", ".join(str(f.verbose_name) for f in flags if getattr(position, f.name)) or "–"

    @display(description="Verified")
    def verified(self, position: Position) -> str:
        return "–" if position._state.adding else LEVELS.get(level_of(position.pk), "–")

    @display(description="Messages")
    def correspondence(self, position: Position) -> SafeString | str:
        if position._state.adding:
            return "–"
        messages = position._meta.get_field("messages").related_model
        enrolments = position._meta.get_field("enrollments").related_model
        return format_html(
            "{} · {}",
            link_to_rows(messages, "messages", position__id__exact=position.pk),
            link_to_rows(enrolments, "campaigns", position__id__exact=position.pk),
        )


@admin.register(Consent)
class ConsentAdmin(TenantAdmin):
    """What people said about being measured. A new word is added; none is overwritten."""

    list_display = ["at", "whose", "purpose", "state", "source"]
    list_filter = ["state", "purpose"]
    list_select_related = ["person"]
    search_fields = ["person__last_name"]
    ordering = ["-at", "id"]
    autocomplete_fields = ["person"]

    @display(description="Person")
    def whose(self, consent: Consent) -> SafeString | str:
        return link_to(consent.person)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
