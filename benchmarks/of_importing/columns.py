"""What a Pharow row says of whom: column of the table -> header of the file."""

COMPANY = {
    "hq_siret": "SIRET du siège",
    "brand_name": "Nom commercial",
    "name": "Nom légal",
    "main_phone": "Tél standard",
    "generic_email": "Email générique",
    "naf_sector": "Secteur NAF",
    "activity": "Activité source Pharow",
    "founding_year": "Année de création",
    "founding_date": "Date de création",
    "employee_range": "Tranche d'effectif corrigée",
    "website_url": "URL du site internet",
    "hq_address": "Adresse du siège complète",
}
PERSON = {
    "first_name": "Prénom",
    "last_name": "Nom",
    "salutation": "Civilité",
    "linkedin_url": "URL LinkedIn du prospect",
}
POSITION = {
    "job_title": "Poste occupé",
    "list_name": "Nom de la liste Pharow",
    "email": "Email",
    "email_status": "Type d'email",
}
