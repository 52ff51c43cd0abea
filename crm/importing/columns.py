"""What reading a file leaves for PostgreSQL: the columns of its working tables, in order.

A table here is a mapping column -> PostgreSQL type; the parser writes COPY lines in this order.
"""

# What the file says of a company. Each is a column of crm.companies of the same name.
COMPANY_FACTS: dict[str, str] = {
    "siren": "text",
    "pharow_company_id": "text",
    "hq_siret": "text",
    "name": "text",
    "brand_name": "text",
    "linkedin_name": "text",
    "acronym": "text",
    "naf_code": "text",
    "naf_nomenclature": "text",
    "naf_sector": "text",
    "activity": "text",
    "description": "text",
    "legal_form_code": "text",
    "category": "text",
    "administrative_state": "text",
    "diffusion": "text",
    "founding_year": "smallint",
    "founding_date": "date",
    "growing": "boolean",
    "employee_range": "text",
    "employee_count": "integer",
    "headcount_code": "text",
    "headcount_year": "smallint",
    "annual_revenue_eur": "bigint",
    "annual_revenue_year": "smallint",
    "main_phone": "text",
    "generic_email": "text",
    "website_url": "text",
    "domain": "text",
    "linkedin_url": "text",
    "hq_address": "text",
    "postal_code": "text",
    "department": "text",
    "city": "text",
    "country": "text",
}
PERSON_FACTS: dict[str, str] = {
    "first_name": "text",
    "last_name": "text",
    "salutation": "text",
    "linkedin_url": "text",
}
POSITION_FACTS: dict[str, str] = {
    "list_name": "text",
    "job_title": "text",
    "email": "text",
    "email_status": "text",
    "email_status_raw": "text",
    "email_reliability": "numeric",
    "email_is_role": "boolean",
    "email_is_free": "boolean",
    "email_is_disposable": "boolean",
}

# One line for each row that can be used, and for each refused row that has an address
# (usable = false), since duplicates are looked for among all of them.
ROW_COLUMNS: dict[str, str] = {
    "row": "integer",
    "usable": "boolean",
    "company_ref": "uuid",  # of the company's cells; null only where usable is false
    "page_key": "text",  # linkedin:in/someone, of the person
    "name_key": "text",  # first|last without accents and case; null without a last name
    **PERSON_FACTS,
    **POSITION_FACTS,
    "kept": "jsonb",  # the unknown columns of the row, or null
}
# One line for each distinct set of company cells (a few more do no harm): `ref` is a digest of
# those cells, of the address's domain where they tell no website, and of the address itself where
# they tell no register number and no number of Pharow's either.
COMPANY_COLUMNS: dict[str, str] = {
    "ref": "uuid",
    "row": "integer",  # the first row in which this reader met it
    "name_key": "text",
    "address": "text",  # the e-mail address that alone identifies it, else null
    **COMPANY_FACTS,
}
PHONE_COLUMNS: dict[str, str] = {
    "row": "integer",
    "source": "text",
    "number": "text",
    "kind": "text",
    "raw": "text",
}
PROBLEM_COLUMNS: dict[str, str] = {
    "row": "integer",
    "kind": "text",  # refused, duplicate, warning or note
    "column": "text",  # the header as it stands in the file, or empty
    "value": "text",  # what stood there, 200 characters at most
    "code": "text",
    "detail": "jsonb",  # what the sentence names besides, as strings and numbers
}
