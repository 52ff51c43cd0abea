"""Any other file of prospects: the usual French and English names for each column."""

from crm.importing.profiles.profile import Profile

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
        "position.job_title": (
            *("job_title", "poste", "fonction", "poste occupé", "intitulé de poste"),
            "intitulé du poste",
        ),
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
        "company.naf_nomenclature": ("naf_nomenclature", "nomenclature naf"),
        "company.naf_sector": ("naf_sector", "secteur naf", "libellé naf", "libellé ape"),
        "company.activity": ("activity", "activité"),
        "company.description": ("description",),
        "company.acronym": ("acronym", "sigle"),
        "company.legal_form_code": (
            *("legal_form_code", "catégorie juridique", "code forme juridique"),
        ),
        "company.category": ("company_category", "catégorie d'entreprise"),
        "company.diffusion": ("diffusion", "statut de diffusion"),
        "company.founding_year": ("founding_year", "année de création"),
        "company.founding_date": ("founding_date", "date de création de l'entreprise"),
        "company.employee_count": (
            *("employee_count", "employees", "effectif", "effectif réel"),
            *("nombre de salariés", "nombre d'employés"),
        ),
        "company.employee_range": ("employee_range", "tranche d'effectif", "tranche d'effectifs"),
        "company.annual_revenue_eur": (
            *("annual_revenue_eur", "annual_revenue", "chiffre d'affaires"),
            "chiffre d'affaires en euros",
        ),
        "company.annual_revenue_year": ("annual_revenue_year", "année du chiffre d'affaires"),
        "company.main_phone": ("company_phone", "standard", "tél standard"),
        "company.generic_email": ("company_email", "generic_email", "email générique"),
        "company.domain": ("domain", "company_domain", "nom de domaine"),
        "company.linkedin_url": ("company_linkedin_url", "url de la page linkedin"),
        "company.hq_address": ("address", "adresse"),
        "company.postal_code": ("postal_code", "postcode", "zip", "code postal"),
        "company.city": ("city", "ville"),
        "company.department": (
            *("department_code", "code département", "numéro de département"),
            "département du siège",
        ),
        "company.country": ("country", "pays"),
    },
    # Of the postcode or of the person's work; of the company or of the row: nobody can tell.
    kept={
        "département": "kept_ambiguous",
        "department": "kept_ambiguous",
        "date de création": "kept_ambiguous",
        "domaine": "kept_ambiguous",
    },
)
