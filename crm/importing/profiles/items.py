"""Pharow’s items as JSON, with or without the three objects they are grouped in."""

from collections.abc import Mapping

from crm.importing.profiles.profile import Profile

# The object a value lies in -> the value's key -> where it ends up.
KEYS: Mapping[str, Mapping[str, str]] = {
    "position": {
        "pharowListName": "position.list_name",
        "positionJobTitle": "position.job_title",
        "positionEmail": "position.email",
        "positionEmailStatus": "position.email_status_raw",
        "positionEmailReliability": "position.email_reliability",
    },
    "person": {
        "personLastName": "person.last_name",
        "personFirstName": "person.first_name",
        "personSalutation": "person.salutation",
        "personLinkedinUrl": "person.linkedin_url",
        "personMobilePhone": "phone.pharow",
        "personPhoneKaspr1": "phone.kaspr_1",
        "personPhoneKaspr2": "phone.kaspr_2",
        "personPhoneKaspr3": "phone.kaspr_3",
        "personMobilePhoneBettercontact": "phone.bettercontact",
        "personPhoneFullenrich1": "phone.fullenrich_1",
        "personPhoneFullenrich2": "phone.fullenrich_2",
        "personPhoneFullenrich3": "phone.fullenrich_3",
    },
    "company": {
        "pharowCompanyId": "company.pharow_company_id",
        "companyName": "company.name",
        "companySiren": "company.siren",
        "companyHqSiret": "company.hq_siret",
        "companyBrandName": "company.brand_name",
        "companyLinkedinName": "company.linkedin_name",
        "companyMainPhone": "company.main_phone",
        "companyGenericEmail": "company.generic_email",
        "companyNafSector": "company.naf_sector",
        "companyActivity": "company.activity",
        "companyFoundingYear": "company.founding_year",
        "companyFoundingDate": "company.founding_date",
        "companyGrowing": "company.growing",
        "companyNbEmployees": "company.employee_count",
        "companyEmployeeRangeCorrected": "company.employee_range",
        "companyUrl": "company.website_url",
        "companyLinkedinUrl": "company.linkedin_url",
        "companyHqFullAddress": "company.hq_address",
        "companyAnnualRevenueEuros": "company.annual_revenue_eur",
        "companyAnnualRevenueYear": "company.annual_revenue_year",
    },
}
IGNORED = {"company": {"companyMainPhoneOrigin": "ignored_number_origin"}}


def _spellings(entity: str, key: str) -> tuple[str, str]:
    return key, f"{entity}.{key}"


ITEMS = Profile(
    name="items",
    markers=tuple(
        spelling
        for entity, keys in KEYS.items()
        for key in keys
        for spelling in _spellings(entity, key)
    ),
    required=(("position.email",), ("company.name", "company.brand_name")),
    aliases={
        target: _spellings(entity, key)
        for entity, keys in KEYS.items()
        for key, target in keys.items()
    },
    ignored={
        spelling: reason
        for entity, keys in IGNORED.items()
        for key, reason in keys.items()
        for spelling in _spellings(entity, key)
    },
)
