"""Whom: companies, the people in them, and the position that joins the two."""

from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import UUID7, Cast, Concat, Lower

from crm.choices import (
    RARE_STATUSES,
    ConsentPurpose,
    ConsentState,
    Diffusion,
    DomainState,
    EmailStatus,
    Nomenclature,
    PhoneKind,
    PhoneSource,
)
from crm.querysets import CompanyQuerySet, PersonQuerySet, PositionQuerySet
from prospectflow.choices import known
from prospectflow.tenancy.fields import TenantForeignKey
from prospectflow.tenancy.models import TenantModel
from prospectflow.tenancy.search import prefix_index, search_index


def lower_case(field: str, *, name: str) -> models.CheckConstraint:
    """The CHECK that an address is stored lower-case, so that equality needs no folding."""
    return models.CheckConstraint(condition=Q(**{field: Lower(field)}), name=name)


def shaped(field: str, pattern: str, *, name: str) -> models.CheckConstraint:
    """The CHECK that a code, where there is one, has its form."""
    return models.CheckConstraint(condition=Q(**{f"{field}__regex": pattern}), name=name)


WHOLE_ROW = "*"  # in provenance: whatever has no entry of its own
NO_FACTS = {
    *("id", "identity_key", "provenance", "kept", "created_at", "updated_at"),
    *("email_is_role", "email_is_free", "email_is_disposable"),  # follow from the address
}


class Sourced(TenantModel):
    """A row whose facts came from somewhere, on some day."""

    provenance = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Field → its source and the date it was learnt.",
    )
    kept = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Columns of the file that have no field of their own.",
    )

    class Meta(TenantModel.Meta):
        abstract = True

    def source_of(self, name: str) -> dict[str, Any] | None:
        """Where a field was learnt and when, if anybody knows: `source` and `at`.

        An import notes once, under “*”, what holds for every field that it filled.
        """
        told = self.provenance.get(name)
        if told is None and getattr(self, name) not in (None, ""):
            told = self.provenance.get(WHOLE_ROW)
        return told

    @property
    def sources(self) -> dict[str, Any]:
        """Each field whose source is known → that source."""
        names = {*self.provenance, *self.facts()} - {WHOLE_ROW}
        return {name: told for name in sorted(names) if (told := self.source_of(name))}

    @classmethod
    def facts(cls) -> set[str]:
        """The fields that say something of what the row stands for."""
        return {each.name for each in cls._meta.fields if not each.is_relation} - NO_FACTS


class Company(Sourced):
    """A company, by its French register number where it has one."""

    Diffusion = Diffusion
    Nomenclature = Nomenclature

    pharow_company_id = models.CharField("Pharow ID", max_length=32, null=True, blank=True)
    siren = models.CharField("SIREN", max_length=9, null=True, blank=True)
    hq_siret = models.CharField("head office SIRET", max_length=14, null=True, blank=True)
    name = models.CharField(max_length=255)
    brand_name = models.CharField(max_length=255, null=True, blank=True)
    linkedin_name = models.CharField("LinkedIn name", max_length=255, null=True, blank=True)
    acronym = models.CharField(max_length=255, null=True, blank=True)
    naf_code = models.CharField("NAF code", max_length=6, null=True, blank=True)
    naf_nomenclature = models.CharField(
        "NAF edition", max_length=8, choices=Nomenclature, null=True, blank=True
    )
    naf_sector = models.CharField("NAF label", max_length=255, null=True, blank=True)
    activity = models.TextField(null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    legal_form_code = models.CharField(max_length=4, null=True, blank=True)
    category = models.CharField(max_length=3, null=True, blank=True, help_text="PME, ETI or GE.")
    administrative_state = models.CharField(max_length=1, null=True, blank=True)
    diffusion = models.CharField(
        max_length=1, choices=Diffusion, default=Diffusion.OPEN, db_default=Diffusion.OPEN
    )
    founding_year = models.SmallIntegerField(null=True, blank=True)
    founding_date = models.DateField(null=True, blank=True)
    growing = models.BooleanField(null=True, blank=True)
    employee_range = models.CharField(max_length=50, null=True, blank=True)
    employee_count = models.IntegerField(null=True, blank=True)
    headcount_code = models.CharField(max_length=2, null=True, blank=True)
    headcount_year = models.SmallIntegerField(null=True, blank=True)
    annual_revenue_eur = models.BigIntegerField("annual revenue (€)", null=True, blank=True)
    annual_revenue_year = models.SmallIntegerField(null=True, blank=True)
    main_phone = models.CharField(max_length=32, null=True, blank=True)
    generic_email = models.CharField(
        "generic e-mail address", max_length=254, null=True, blank=True
    )
    website_url = models.TextField("website", null=True, blank=True)
    domain = models.CharField(max_length=253, null=True, blank=True)
    linkedin_url = models.TextField("LinkedIn page", null=True, blank=True)
    hq_address = models.TextField("head office address", null=True, blank=True)
    postal_code = models.CharField(max_length=10, null=True, blank=True)
    department = models.CharField(
        max_length=3, null=True, blank=True, help_text="French department, such as 13, 2A or 974."
    )
    city = models.CharField(max_length=100, null=True, blank=True)
    country = models.CharField(max_length=2, default="FR", db_default="FR")

    objects = CompanyQuerySet.as_manager()

    class Meta(Sourced.Meta):
        db_table = "companies"
        verbose_name_plural = "companies"
        constraints = [
            *TenantModel.Meta.constraints,
            known("diffusion", Diffusion, name="companies_diffusion_known"),
            known("naf_nomenclature", Nomenclature, name="companies_naf_nomenclature_known"),
            shaped("siren", r"^[0-9]{9}$", name="companies_siren_shape"),
            shaped("hq_siret", r"^[0-9]{14}$", name="companies_hq_siret_shape"),
            shaped("naf_code", r"^[0-9]{2}\.?[0-9]{2}[A-Z]$", name="companies_naf_code_shape"),
            lower_case("generic_email", name="companies_generic_email_lower_case"),
            lower_case("domain", name="companies_domain_lower_case"),
            models.UniqueConstraint(
                fields=["organisation", "siren"], name="companies_once_by_siren"
            ),
            models.UniqueConstraint(
                fields=["organisation", "pharow_company_id"], name="companies_once_by_pharow_id"
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "name", "id"], name="companies_name"),
            models.Index(fields=["organisation", "domain"], name="companies_domain"),
            models.Index(fields=["organisation", "naf_code", "id"], name="companies_naf_code"),
            models.Index(fields=["organisation", "department", "id"], name="companies_department"),
            search_index("name", name="companies_name_search"),
        ]

    def __str__(self) -> str:
        return self.brand_name or self.name


class Person(Sourced):
    """A person of a company.

    `identity_key` says what makes this person one: the LinkedIn page, else the address, else
    name and company; so the same person never stands twice, and two homonyms may.
    """

    first_name = models.CharField(max_length=100, null=True, blank=True)
    last_name = models.CharField(max_length=100, null=True, blank=True)
    salutation = models.CharField(max_length=50, null=True, blank=True)
    linkedin_url = models.TextField("LinkedIn page", null=True, blank=True)
    identity_key = models.TextField(
        db_default=Concat(Value("hand:"), Cast(UUID7(), models.TextField())), editable=False
    )

    objects = PersonQuerySet.as_manager()

    class Meta(Sourced.Meta):
        db_table = "people"
        verbose_name_plural = "people"
        constraints = [
            *TenantModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["organisation", "identity_key"], name="people_once_by_identity"
            ),
            models.UniqueConstraint(
                fields=["organisation", "linkedin_url"], name="people_once_by_linkedin_url"
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "last_name", "id"], name="people_last_name"),
            search_index("last_name", "first_name", name="people_name_search"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name or ''} {self.last_name or ''}".strip() or "(no name)"


class Phone(TenantModel):
    """A number of a person, with its kind and who supplied it."""

    Kind = PhoneKind
    Source = PhoneSource

    person = TenantForeignKey(Person, models.DB_CASCADE, related_name="phones", db_index=False)
    number = models.CharField(max_length=16, help_text="E.164, such as +33612345678.")
    raw = models.CharField("as supplied", max_length=64, blank=True, default="", db_default="")
    kind = models.TextField(choices=PhoneKind, default=PhoneKind.OTHER, db_default=PhoneKind.OTHER)
    source = models.TextField(
        choices=PhoneSource, default=PhoneSource.HAND, db_default=PhoneSource.HAND
    )

    class Meta(TenantModel.Meta):
        db_table = "phones"
        constraints = [
            *TenantModel.Meta.constraints,
            known("kind", PhoneKind, name="phones_kind_known"),
            known("source", PhoneSource, name="phones_source_known"),
            shaped("number", r"^\+[0-9]{6,15}$", name="phones_number_shape"),
            models.UniqueConstraint(
                fields=["organisation", "person", "source", "number"], name="phones_once"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Position(Sourced):
    """A person in a company, with the address to write to."""

    EmailStatus = EmailStatus

    person = TenantForeignKey(Person, models.DB_CASCADE, related_name="positions")
    company = TenantForeignKey(Company, models.DB_CASCADE, related_name="positions", db_index=False)
    job_title = models.CharField(max_length=255, null=True, blank=True)
    list_name = models.CharField(
        max_length=255, null=True, blank=True, help_text="The list the row came from."
    )
    email = models.CharField("e-mail address", max_length=254, null=True, blank=True)
    email_status = models.TextField(
        "address status",
        choices=EmailStatus,
        default=EmailStatus.UNKNOWN,
        db_default=EmailStatus.UNKNOWN,
    )
    email_status_raw = models.CharField(
        "address status as supplied", max_length=50, null=True, blank=True
    )
    email_reliability = models.DecimalField(
        "address reliability",
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Per cent.",
    )
    email_is_role = models.BooleanField("a role's address", default=False, db_default=False)
    email_is_free = models.BooleanField("at a mail provider", default=False, db_default=False)
    email_is_disposable = models.BooleanField("throw-away", default=False, db_default=False)

    objects = PositionQuerySet.as_manager()

    class Meta(Sourced.Meta):
        db_table = "positions"
        constraints = [
            *TenantModel.Meta.constraints,
            known("email_status", EmailStatus, name="positions_email_status_known"),
            lower_case("email", name="positions_email_lower_case"),
            models.CheckConstraint(
                condition=Q(email_reliability__gte=0, email_reliability__lte=100),
                name="positions_email_reliability_per_cent",
            ),
            models.UniqueConstraint(
                fields=["organisation", "company", "person", "email"],
                nulls_distinct=False,
                name="positions_once",
            ),
        ]
        indexes = [
            prefix_index("email", name="positions_email_prefix"),
            # A page of an old list would else read every newer position first.
            models.Index(fields=["organisation", "list_name", "id"], name="positions_of_list"),
            # And a page of what is rare would read them all.
            models.Index(
                fields=["organisation", "email_status", "id"],
                condition=Q(email_status__in=RARE_STATUSES),
                name="positions_rare_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.company}"


class Consent(TenantModel):
    """A person's word on being measured. The newest word counts; none is ever overwritten."""

    State = ConsentState
    Purpose = ConsentPurpose

    person = TenantForeignKey(Person, models.DB_CASCADE, related_name="consents", db_index=False)
    purpose = models.TextField(
        choices=ConsentPurpose,
        default=ConsentPurpose.OPEN_TRACKING,
        db_default=ConsentPurpose.OPEN_TRACKING,
    )
    state = models.TextField(choices=ConsentState)
    at = models.DateTimeField()
    source = models.TextField(help_text="How the person said it.")
    text_version = models.TextField(blank=True, default="", db_default="")
    evidence = models.TextField(blank=True, default="", db_default="")

    class Meta(TenantModel.Meta):
        db_table = "consents"
        constraints = [
            *TenantModel.Meta.constraints,
            known("purpose", ConsentPurpose, name="consents_purpose_known"),
            known("state", ConsentState, name="consents_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "person", "purpose", "-at"], name="consents_newest"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.purpose} {self.state}"


class MailDomain(TenantModel):
    """What was learnt of a domain that people's addresses lie at."""

    State = DomainState

    domain = models.CharField(max_length=253)
    state = models.TextField(choices=DomainState)
    evidence = models.TextField(blank=True, default="", db_default="")
    checked_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "mail_domains"
        constraints = [
            *TenantModel.Meta.constraints,
            known("state", DomainState, name="mail_domains_state_known"),
            lower_case("domain", name="mail_domains_domain_lower_case"),
            models.UniqueConstraint(fields=["organisation", "domain"], name="mail_domains_once"),
        ]

    def __str__(self) -> str:
        return f"{self.domain} {self.state}"
