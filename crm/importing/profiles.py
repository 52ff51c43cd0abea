"""Which column means what: one profile for each kind of export."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm.importing import normalising as read
from crm.importing.addresses import address
from crm.importing.errors import ColumnMissing, ColumnsCollide, UnknownProfile, UnknownTarget
from crm.importing.normalising import header_key

Reader = Callable[[str], Any]

# What becomes of a column that means nothing to us: its cells are kept as they are, or left out.
KEEP, IGNORE = "keep", "ignore"
# What the file of refused rows adds, so that the mended file can be imported as it is.
REFUSED_ROW, REFUSED_BECAUSE = "Refused row", "Refused because"

# Where a column ends up: entity.field, and how its cells are read. Phones need the postcode, names
# of people may need splitting, so `prospects` reads those itself.
READERS: Mapping[str, Reader] = {
    "company.pharow_company_id": lambda text: read.sentence_text(text, limit=32),
    "company.siren": read.siren,
    "company.hq_siret": read.siret,
    "company.name": read.sentence_text,
    "company.brand_name": read.sentence_text,
    "company.linkedin_name": read.sentence_text,
    "company.naf_code": read.naf_code,
    "company.naf_sector": read.sentence_text,
    "company.activity": lambda text: read.sentence_text(text, limit=2_000),
    "company.description": lambda text: read.sentence_text(text, limit=20_000),
    "company.founding_year": read.year,
    "company.founding_date": read.day,
    "company.growing": read.yes_or_no,
    "company.employee_range": lambda text: read.sentence_text(text, limit=50),
    "company.employee_count": read.whole_number,
    "company.annual_revenue_eur": read.euros,
    "company.annual_revenue_year": read.year,
    "company.generic_email": address,
    "company.website_url": read.web_address,
    "company.linkedin_url": read.linkedin_page,
    "company.hq_address": lambda text: read.sentence_text(text, limit=500),
    "company.postal_code": lambda text: read.sentence_text(text, limit=10),
    "company.city": lambda text: read.sentence_text(text, limit=100),
    "person.first_name": lambda text: read.sentence_text(text, limit=100),
    "person.last_name": lambda text: read.sentence_text(text, limit=100),
    "person.full_name": lambda text: read.sentence_text(text, limit=100),
    "person.salutation": lambda text: read.sentence_text(text, limit=50),
    "person.linkedin_url": read.linkedin_page,
    "position.list_name": read.sentence_text,
    "position.job_title": read.sentence_text,
    "position.email": address,
    "position.email_status_raw": lambda text: read.sentence_text(text, limit=50),
    "position.email_reliability": read.per_cent,
}


@dataclass(frozen=True)
class Mapped:
    """What became of a file's columns: header -> target, and the headers without one."""

    profile: str
    targets: dict[str, str]
    ignored: list[str]
    unknown: list[str]


@dataclass(frozen=True)
class Profile:
    """The headers one kind of file uses for each target."""

    name: str
    aliases: Mapping[str, tuple[str, ...]]
    required: tuple[tuple[str, ...], ...]
    ignored: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()

    def recognises(self, headers: Iterable[str]) -> bool:
        """Whether one of the headers is found in this kind of file only."""
        keys = {header_key(header) for header in headers}
        return any(header_key(marker) in keys for marker in self.markers)

    def suggested(self, headers: Iterable[str]) -> dict[str, str]:
        """What each header seems to mean: its target, KEEP or IGNORE."""
        known = {header_key(alias): to for to, names in self.aliases.items() for alias in names}
        for name in (*self.ignored, REFUSED_ROW, REFUSED_BECAUSE):
            known[header_key(name)] = IGNORE
        columns = {header: known.get(header_key(header), KEEP) for header in headers}
        if "person.first_name" in columns.values():
            _nom_beside_prenom(columns)
        return columns

    def mapped(self, columns: Mapping[str, str]) -> Mapped:
        """The columns as they are to be read.

        UnknownTarget, ColumnsCollide or ColumnMissing when the file cannot be used like this.
        """
        targets: dict[str, str] = {}
        for header, target in columns.items():
            if target not in (KEEP, IGNORE):
                _claim(targets, header, target)
        self._check_required(targets, columns)
        ignored = [header for header, target in columns.items() if target == IGNORE]
        kept = [header for header, target in columns.items() if target == KEEP]
        return Mapped(self.name, targets, ignored, kept)

    def _check_required(self, targets: Mapping[str, str], headers: Iterable[str]) -> None:
        for choice in self.required:
            if not set(choice) & set(targets.values()):
                wanted = " or ".join(f"“{self.aliases[target][0]}”" for target in choice)
                found = ", ".join(f"“{header}”" for header in list(headers)[:40])
                raise ColumnMissing(
                    f"No column {wanted} (profile {self.name}); the file has: {found}."
                )


def _claim(targets: dict[str, str], header: str, target: str) -> None:
    if target not in TARGETS:
        raise UnknownTarget(f"Nothing is called “{target}”: there are {', '.join(TARGETS)}.")
    other = next((name for name, taken in targets.items() if taken == target), None)
    if other is not None:
        raise ColumnsCollide(
            f"The columns “{other}” and “{header}” mean the same; remove or rename one of them."
        )
    targets[header] = target


PHAROW = Profile(
    name="pharow",
    markers=(
        "Nom de la liste Pharow",
        "Activité source Pharow",
        "Tranche d'effectif corrigée",
        "SIRET du siège",
    ),
    required=(("position.email",), ("company.name", "company.brand_name")),
    aliases={
        "position.email": ("Email",),
        "position.list_name": ("Nom de la liste Pharow",),
        "position.job_title": ("Poste occupé",),
        "position.email_status_raw": ("Type d'email",),
        "position.email_reliability": ("Fiabilité de l'email",),
        "person.last_name": ("Nom",),
        "person.first_name": ("Prénom",),
        "person.salutation": ("Civilité",),
        "person.linkedin_url": ("URL LinkedIn du prospect",),
        "phone.pharow": ("Tél portable",),
        "phone.kaspr_1": ("Tél Kaspr (1)", "Tél Kaspr 1", "Tél Kaspr"),
        "phone.kaspr_2": ("Tél Kaspr (2)", "Tél Kaspr 2"),
        "phone.kaspr_3": ("Tél Kaspr (3)", "Tél Kaspr 3"),
        "phone.bettercontact": ("Tél Bettercontact", "Tél portable Bettercontact"),
        "phone.fullenrich_1": ("Tél Fullenrich (1)", "Tél Fullenrich 1", "Tél Fullenrich"),
        "phone.fullenrich_2": ("Tél Fullenrich (2)", "Tél Fullenrich 2"),
        "phone.fullenrich_3": ("Tél Fullenrich (3)", "Tél Fullenrich 3"),
        "company.name": ("Nom légal",),
        "company.brand_name": ("Nom commercial",),
        "company.linkedin_name": ("Nom de la page LinkedIn",),
        "company.pharow_company_id": ("ID entreprise Pharow",),
        "company.siren": ("SIREN",),
        "company.hq_siret": ("SIRET du siège",),
        "company.naf_code": ("Code NAF",),
        "company.naf_sector": ("Secteur NAF",),
        "company.activity": ("Activité source Pharow",),
        "company.description": ("Description issue du site internet",),
        "company.founding_year": ("Année de création",),
        "company.founding_date": ("Date de création",),  # of the company, not of the row
        "company.growing": ("En croissance",),
        "company.employee_count": ("Effectif réel",),
        "company.employee_range": ("Tranche d'effectif corrigée",),
        "company.main_phone": ("Tél standard",),
        "company.generic_email": ("Email générique",),
        "company.website_url": ("URL du site internet",),
        "company.linkedin_url": ("URL de la page LinkedIn",),
        "company.hq_address": ("Adresse du siège complète",),
        "company.annual_revenue_eur": ("Chiffre d'affaires en euros",),
        "company.annual_revenue_year": ("Année du chiffre d'affaires",),
    },
    # Keys into other systems, and second copies of what another column says better.
    ignored=(
        "ID personne Hubspot",
        "ID personne Pipedrive",
        "ID entreprise Hubspot",
        "ID entreprise Pipedrive",
        "Tél standard origine",
        "Chiffre d'affaires simplifié",
        "Genre",
    ),
)

GENERIC = Profile(
    name="generic",
    required=(("position.email",), ("company.name",)),
    aliases={
        "company.name": (
            *("company_name", "company", "nom_entreprise", "entreprise", "enterprise"),
            *("organization", "organisation", "société", "org", "raison sociale", "nom légal"),
        ),
        "position.email": (
            *("contact_email", "email", "mail", "e-mail", "email_address", "contact_mail"),
            *("courriel", "email_addr", "adresse email", "adresse e-mail"),
        ),
        "person.full_name": (
            *("contact_name", "name", "nom", "contact", "person", "full_name", "fullname"),
            *("nom complet",),
        ),
        "person.first_name": ("first_name", "firstname", "prénom"),
        "person.last_name": ("last_name", "lastname", "surname", "nom de famille"),
        "person.salutation": ("salutation", "civilité"),
        "person.linkedin_url": ("linkedin", "linkedin_url", "person_linkedin_url"),
        "position.job_title": ("job_title", "poste", "fonction"),
        "position.list_name": ("list_name", "list", "liste"),
        "position.email_status_raw": ("email_status",),
        "position.email_reliability": ("email_reliability",),
        "phone.file": ("phone", "mobile", "mobile_phone", "téléphone", "tél", "portable"),
        "company.website_url": (
            *("website_url", "website", "url", "site", "web", "site_web", "siteweb"),
            *("homepage", "site internet"),
        ),
        "company.brand_name": ("brand_name", "nom commercial"),
        "company.siren": ("siren",),
        "company.hq_siret": ("siret", "siret du siège"),
        "company.naf_code": ("naf", "ape", "naf_code", "code naf", "code ape"),
        "company.naf_sector": ("secteur naf",),
        "company.employee_range": ("employee_range", "tranche d'effectif"),
        "company.main_phone": ("company_phone", "standard", "tél standard"),
        "company.generic_email": ("company_email", "generic_email", "email générique"),
        "company.linkedin_url": ("company_linkedin_url",),
        "company.hq_address": ("address", "adresse"),
        "company.postal_code": ("postal_code", "postcode", "zip", "code postal"),
        "company.city": ("city", "ville"),
    },
)

PROFILES = {profile.name: profile for profile in (PHAROW, GENERIC)}
TARGETS = sorted({*READERS, *PHAROW.aliases, *GENERIC.aliases})


def profile_of(headers: Iterable[str], name: str | None = None) -> Profile:
    """The named profile, or the one whose markers the headers carry; else UnknownProfile."""
    if name is not None and name not in PROFILES:
        raise UnknownProfile(f"There is no profile “{name}”; there are: {', '.join(PROFILES)}.")
    return PROFILES[name] if name else PHAROW if PHAROW.recognises(headers) else GENERIC


def choose(
    headers: Iterable[str], name: str | None = None, columns: Mapping[str, str] | None = None
) -> Mapped:
    """The file's columns as somebody settled them, or as the profile reads them."""
    profile = profile_of(headers, name)
    return profile.mapped(columns or profile.suggested(headers))


def _nom_beside_prenom(targets: dict[str, str]) -> None:
    """Beside a first name, “name” or “nom” is the last name, unless that has its own column."""
    if "person.last_name" not in targets.values():
        for header, target in targets.items():
            if target == "person.full_name" and header_key(header) in {"nom", "name"}:
                targets[header] = "person.last_name"
