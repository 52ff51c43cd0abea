"""What a column can become: every target with its name for people, in English and French."""

from collections.abc import Mapping

# entity.field -> its English and French label, in the order in which a page offers them.
LABELS: Mapping[str, tuple[str, str]] = {
    "position.email": ("E-mail address", "Adresse e-mail"),
    "position.job_title": ("Job title", "Poste occupé"),
    "position.list_name": ("List", "Liste"),
    "position.email_status_raw": ("Supplier’s word on the address", "Avis du fournisseur"),
    "position.email_reliability": ("Reliability of the address (%)", "Fiabilité de l’adresse (%)"),
    "person.first_name": ("First name", "Prénom"),
    "person.last_name": ("Last name", "Nom"),
    "person.full_name": ("Full name", "Nom complet"),
    "person.salutation": ("Salutation", "Civilité"),
    "person.linkedin_url": ("LinkedIn page of the person", "Page LinkedIn de la personne"),
    "phone.file": ("Telephone", "Téléphone"),
    "phone.pharow": ("Telephone (Pharow)", "Téléphone (Pharow)"),
    "phone.kaspr_1": ("Telephone (Kaspr 1)", "Téléphone (Kaspr 1)"),
    "phone.kaspr_2": ("Telephone (Kaspr 2)", "Téléphone (Kaspr 2)"),
    "phone.kaspr_3": ("Telephone (Kaspr 3)", "Téléphone (Kaspr 3)"),
    "phone.bettercontact": ("Telephone (BetterContact)", "Téléphone (BetterContact)"),
    "phone.fullenrich_1": ("Telephone (FullEnrich 1)", "Téléphone (FullEnrich 1)"),
    "phone.fullenrich_2": ("Telephone (FullEnrich 2)", "Téléphone (FullEnrich 2)"),
    "phone.fullenrich_3": ("Telephone (FullEnrich 3)", "Téléphone (FullEnrich 3)"),
    "company.name": ("Company name", "Nom légal"),
    "company.brand_name": ("Brand name", "Nom commercial"),
    "company.acronym": ("Acronym", "Sigle"),
    "company.linkedin_name": ("Name of the LinkedIn page", "Nom de la page LinkedIn"),
    "company.siren": ("SIREN", "SIREN"),
    "company.hq_siret": ("SIRET of the head office", "SIRET du siège"),
    "company.hq_nic": ("NIC of the head office", "NIC du siège"),
    "company.pharow_company_id": ("Pharow’s company number", "Identifiant Pharow de l’entreprise"),
    "company.website_url": ("Website", "Site internet"),
    "company.domain": ("Domain", "Nom de domaine"),
    "company.linkedin_url": ("LinkedIn page of the company", "Page LinkedIn de l’entreprise"),
    "company.main_phone": ("Main telephone", "Téléphone du standard"),
    "company.generic_email": ("Generic e-mail address", "Adresse e-mail générique"),
    "company.naf_code": ("NAF code", "Code NAF"),
    "company.naf_nomenclature": ("Edition of the NAF code", "Nomenclature du code NAF"),
    "company.naf_2025_code": ("NAF 2025 code", "Code NAF 2025"),
    "company.naf_sector": ("NAF label", "Libellé NAF"),
    "company.activity": ("Activity", "Activité"),
    "company.description": ("Description", "Description"),
    "company.legal_form_code": ("Legal form (code)", "Catégorie juridique (code)"),
    "company.category": ("Category (PME, ETI, GE)", "Catégorie (PME, ETI, GE)"),
    "company.administrative_state": ("Active or ceased (A/C)", "État administratif (A/C)"),
    "company.diffusion": ("Open or opposed (O/P)", "Statut de diffusion (O/P)"),
    "company.founding_date": ("Date of foundation", "Date de création"),
    "company.founding_year": ("Year of foundation", "Année de création"),
    "company.growing": ("Growing", "En croissance"),
    "company.employee_count": ("Employees", "Effectif"),
    "company.employee_range": ("Band of employees", "Tranche d’effectif"),
    "company.headcount_code": ("Band of employees (code)", "Tranche d’effectif (code)"),
    "company.headcount_year": ("Year of the band of employees", "Année de la tranche d’effectif"),
    "company.annual_revenue_eur": ("Annual revenue (€)", "Chiffre d’affaires (€)"),
    "company.annual_revenue_year": ("Year of the revenue", "Année du chiffre d’affaires"),
    "company.hq_address": ("Address of the head office", "Adresse du siège"),
    "company.postal_code": ("Postcode", "Code postal"),
    "company.city": ("City", "Ville"),
    "company.department": ("French department (code)", "Département (code)"),
    "company.country": ("Country", "Pays"),
    "company.address_extra": ("Address: building, staircase", "Adresse : complément"),
    "company.address_number": ("Address: number", "Adresse : numéro"),
    "company.address_suffix": ("Address: bis, ter", "Adresse : indice de répétition"),
    "company.address_street_type": ("Address: kind of street", "Adresse : type de voie"),
    "company.address_street": ("Address: street", "Adresse : voie"),
    "company.address_special": ("Address: post box", "Adresse : distribution spéciale"),
    "company.commune_code": ("INSEE code of the commune", "Code INSEE de la commune"),
    "company.foreign_city": ("City abroad", "Ville à l’étranger"),
    "company.establishment_siret": ("SIRET of the establishment", "SIRET de l’établissement"),
    "company.establishment_state": (
        *("Establishment open or closed (A/F)", "État de l’établissement (A/F)"),
    ),
    "company.is_head_office": ("Is the head office", "Est le siège"),
    "company.sign": ("Shop sign", "Enseigne"),
    "company.trader_first_name": ("Sole trader: first name", "Entrepreneur : prénom"),
    "company.trader_usual_first_name": ("Sole trader: usual name", "Entrepreneur : prénom usuel"),
    "company.trader_last_name": ("Sole trader: last name", "Entrepreneur : nom"),
    "company.trader_usage_name": ("Sole trader: name in use", "Entrepreneur : nom d’usage"),
}
GROUPS: Mapping[str, tuple[str, str]] = {
    "position": ("Position", "Poste"),
    "person": ("Person", "Personne"),
    "phone": ("Telephones of the person", "Téléphones de la personne"),
    "company": ("Company", "Entreprise"),
}
CHOICES: Mapping[str, tuple[str, str]] = {
    "keep": ("Keep with the row", "Conserver avec la ligne"),
    "ignore": ("Leave out", "Ne pas reprendre"),
}
TARGETS = sorted(LABELS)


def target_label(target: str, language: str) -> str:
    """What people call a target, “keep” or “ignore”; the target itself when there is no such."""
    found = LABELS.get(target) or CHOICES.get(target)
    return _in(language, found) if found else target


def group_label(target: str, language: str) -> str:
    """What people call the group a target belongs to; empty for “keep” and “ignore”."""
    entity, dot, _field = target.partition(".")
    return _in(language, GROUPS[entity]) if dot and entity in GROUPS else ""


def grouped_targets(
    language: str, *, people: bool = True
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every group's label with its targets and their labels, as a list to choose from.

    Without people there is the company's group alone.
    """
    entities = GROUPS if people else ("company",)
    return [(_in(language, GROUPS[entity]), _of(entity, language)) for entity in entities]


def _of(entity: str, language: str) -> list[tuple[str, str]]:
    names = (target for target in LABELS if target.startswith(f"{entity}."))
    return [(target, target_label(target, language)) for target in names]


def _in(language: str, labels: tuple[str, str]) -> str:
    return labels[1] if language == "fr" else labels[0]
