"""Columns: which profile a file has, and what becomes of each of its columns and why."""

import csv
import io
from pathlib import Path

import pytest

from crm.importing import errors
from crm.importing.profiles import (
    GENERIC,
    IGNORE,
    KEEP,
    PHAROW,
    PROFILES,
    REFUSED_BECAUSE,
    REFUSED_ROW,
    choose,
    collisions,
    suggestions,
)

SAMPLE = Path(__file__).parents[1] / "sample" / "pharow-marseille.csv"
UNITS = """siren,statutDiffusionUniteLegale,unitePurgeeUniteLegale,dateCreationUniteLegale,\
sigleUniteLegale,sexeUniteLegale,prenom1UniteLegale,prenom2UniteLegale,prenom3UniteLegale,\
prenom4UniteLegale,prenomUsuelUniteLegale,pseudonymeUniteLegale,identifiantAssociationUniteLegale,\
trancheEffectifsUniteLegale,anneeEffectifsUniteLegale,dateDernierTraitementUniteLegale,\
nombrePeriodesUniteLegale,categorieEntreprise,anneeCategorieEntreprise,dateDebut,\
etatAdministratifUniteLegale,nomUniteLegale,nomUsageUniteLegale,denominationUniteLegale,\
denominationUsuelle1UniteLegale,denominationUsuelle2UniteLegale,denominationUsuelle3UniteLegale,\
categorieJuridiqueUniteLegale,activitePrincipaleUniteLegale,\
nomenclatureActivitePrincipaleUniteLegale,nicSiegeUniteLegale,economieSocialeSolidaireUniteLegale,\
societeMissionUniteLegale,caractereEmployeurUniteLegale,activitePrincipaleNAF25UniteLegale"""
ADDRESS = """complementAdresse,numeroVoie,indiceRepetition,typeVoie,libelleVoie,codePostal,\
libelleCommune,libelleCommuneEtranger,distributionSpeciale,codeCommune,codeCedex,libelleCedex,\
codePaysEtranger,libellePaysEtranger"""
ESTABLISHMENTS = """siren,nic,siret,statutDiffusionEtablissement,dateCreationEtablissement,\
trancheEffectifsEtablissement,anneeEffectifsEtablissement,\
activitePrincipaleRegistreMetiersEtablissement,dateDernierTraitementEtablissement,\
etablissementSiege,nombrePeriodesEtablissement,dernierNumeroVoieEtablissement,\
indiceRepetitionDernierNumeroVoieEtablissement,identifiantAdresseEtablissement,\
coordonneeLambertAbscisseEtablissement,coordonneeLambertOrdonneeEtablissement,dateDebut,\
etatAdministratifEtablissement,enseigne1Etablissement,enseigne2Etablissement,\
enseigne3Etablissement,denominationUsuelleEtablissement,activitePrincipaleEtablissement,\
nomenclatureActivitePrincipaleEtablissement,caractereEmployeurEtablissement,\
activitePrincipaleNAF25Etablissement"""
ITEM_KEYS = """pharowListName,positionJobTitle,positionEmail,positionEmailStatus,\
positionEmailReliability,personLastName,personFirstName,personSalutation,personLinkedinUrl,\
personMobilePhone,personPhoneKaspr1,personPhoneKaspr3,personMobilePhoneBettercontact,\
personPhoneFullenrich1,personPhoneFullenrich3,pharowCompanyId,companyName,companySiren,\
companyHqSiret,companyBrandName,companyLinkedinName,companyMainPhone,companyMainPhoneOrigin,\
companyGenericEmail,companyNafSector,companyActivity,companyFoundingYear,companyFoundingDate,\
companyGrowing,companyNbEmployees,companyEmployeeRangeCorrected,companyUrl,companyLinkedinUrl,\
companyHqFullAddress,companyAnnualRevenueEuros,companyAnnualRevenueYear"""


def sample_headers():
    text = SAMPLE.read_text(encoding="utf-8-sig")
    return next(csv.reader(io.StringIO(text)))


def establishment_headers():
    parts = ADDRESS.split(",")
    return [
        *ESTABLISHMENTS.split(","),
        *(f"{part}Etablissement" for part in parts),
        *(f"{part}2Etablissement" for part in parts),
    ]


def reasons(headers, profile):
    return {each.header: each.reason for each in suggestions(headers, profile)}


def test_the_sample_is_known_as_pharows_and_every_column_has_its_place():
    mapped = choose(sample_headers())

    assert mapped.profile == "pharow"
    assert len(mapped.targets) == 29
    assert (mapped.ignored, mapped.unknown) == ([], [])
    assert mapped.targets["Date de création"] == "company.founding_date"


@pytest.mark.parametrize(
    "header", ["TRANCHE D’EFFECTIF  CORRIGEE", "tranche d'effectif corrigée", " Siret du siège "]
)
def test_a_marker_is_recognised_however_it_is_spelt(header):
    assert choose([header, "EMAIL", "nom legal"]).profile == "pharow"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_of_kasprs_three_telephones_is_one_of_its_own(number):
    mapped = choose(["Email", "Nom légal", f"Tél Kaspr ({number})"], "pharow")

    assert mapped.targets[f"Tél Kaspr ({number})"] == f"phone.kaspr_{number}"


def test_a_persons_department_and_home_are_kept_and_not_taken_for_the_companys_place():
    headers = ["Département", "Sous-département", "Niveau hiérarchique", "Ville de résidence"]

    found = suggestions(headers, PHAROW)

    assert {each.target for each in found} == {KEEP}
    assert [each.reason for each in found] == [
        "kept_work_department",
        "kept_work_department",
        "kept_no_field",
        "kept_home_city",
    ]


def test_a_file_without_markers_is_generic():
    mapped = choose(["Société", "E-mail", "Note interne"])

    assert mapped.profile == "generic"
    assert mapped.targets == {"Société": "company.name", "E-mail": "position.email"}
    assert mapped.unknown == ["Note interne"]


def test_columns_that_say_nothing_new_are_ignored_on_purpose():
    mapped = choose(
        ["Email", "Nom légal", "SIRET du siège", "ID personne Hubspot", "Ville de résidence"]
    )

    assert (mapped.ignored, mapped.unknown) == (["ID personne Hubspot"], ["Ville de résidence"])


def test_no_header_is_guessed_from_a_part_of_it():
    mapped = choose(["company_name", "email", "company_email_count", "my site", "org chart"])

    assert mapped.unknown == ["company_email_count", "my site", "org chart"]


def test_an_address_is_a_place_and_a_companys_email_is_no_contact():
    mapped = choose(["company", "mail", "address", "company_email"])

    assert mapped.targets["address"] == "company.hq_address"
    assert mapped.targets["company_email"] == "company.generic_email"


def test_nom_is_the_last_name_beside_prenom_and_the_whole_name_alone():
    assert choose(["société", "email", "nom", "prénom"]).targets["nom"] == "person.last_name"
    assert choose(["société", "email", "nom"]).targets["nom"] == "person.full_name"


@pytest.mark.parametrize("header", ["Département", "Date de création", "Domaine"])
def test_a_name_of_several_meanings_waits_for_somebody_to_say_which(header):
    assert reasons([header], GENERIC) == {header: "kept_ambiguous"}


def test_every_item_of_pharows_json_has_its_place():
    mapped = choose(ITEM_KEYS.split(","))

    assert mapped.profile == "items"
    assert (mapped.ignored, mapped.unknown) == (["companyMainPhoneOrigin"], [])
    assert mapped.targets["companyNbEmployees"] == "company.employee_count"


def test_an_item_is_read_the_same_out_of_the_objects_it_is_grouped_in():
    flat = choose(["positionEmail", "companyName", "personLastName"])
    grouped = choose(["position.positionEmail", "company.companyName", "person.personLastName"])

    assert grouped.profile == flat.profile == "items"
    assert list(grouped.targets.values()) == list(flat.targets.values())


def test_every_column_of_the_registers_companies_has_its_place():
    mapped = choose(UNITS.split(","))

    assert (mapped.profile, mapped.people) == ("sirene_units", False)
    assert mapped.unknown == [
        "identifiantAssociationUniteLegale",
        "economieSocialeSolidaireUniteLegale",
        "societeMissionUniteLegale",
    ]
    assert mapped.targets["statutDiffusionUniteLegale"] == "company.diffusion"
    assert mapped.targets["activitePrincipaleNAF25UniteLegale"] == "company.naf_2025_code"


def test_every_column_of_the_registers_establishments_has_its_place():
    mapped = choose(establishment_headers())

    assert (mapped.profile, mapped.people, mapped.unknown) == ("sirene_establishments", False, [])
    assert mapped.targets["siret"] == "company.establishment_siret"
    assert mapped.targets["etatAdministratifEtablissement"] == "company.establishment_state"
    assert mapped.targets["libelleVoieEtablissement"] == "company.address_street"
    assert "libelleVoie2Etablissement" in mapped.ignored
    assert "trancheEffectifsEtablissement" in mapped.ignored


def test_a_column_the_register_adds_one_day_is_kept_and_one_it_drops_is_not_missed():
    mapped = choose(["siren", "denominationUniteLegale", "nouvelleVariableUniteLegale"])

    assert mapped.profile == "sirene_units"
    assert mapped.unknown == ["nouvelleVariableUniteLegale"]


def test_companies_alone_need_a_register_number_and_no_address_to_write_to():
    with pytest.raises(errors.ColumnMissing, match="No column for “SIREN”"):
        choose(["denominationUniteLegale"])
    with pytest.raises(errors.ColumnMissing, match="No column for “Is the head office”"):
        choose(["siret", "statutDiffusionEtablissement"])


@pytest.mark.parametrize(
    ("headers", "profile", "said"),
    [
        (["Société", "Ville"], None, "No column for “E-mail address” (profile generic)"),
        (["Email", "Ville"], None, "No column for “Company name”"),
        (["Email", "SIRET du siège"], None, "No column for “Company name” or “Brand name”"),
        (["a@example.com", "Bar"], None, "the file has: “a@example.com”, “Bar”"),
    ],
)
def test_a_missing_column_is_named_with_what_was_found(headers, profile, said):
    with pytest.raises(errors.ColumnMissing) as refused:
        choose(headers, profile)

    assert said in str(refused.value)


def test_two_columns_for_one_field_are_refused_by_name():
    with pytest.raises(errors.ColumnsCollide, match="“Email” and “courriel”"):
        choose(["Email", "courriel", "Société"])


def test_all_columns_that_collide_are_named_at_once():
    headers = ["Email", "mail", "courriel", "Société", "company"]

    with pytest.raises(errors.ColumnsCollide) as refused:
        choose(headers)

    assert "“Email” and “mail” and “courriel” (E-mail address)" in str(refused.value)
    assert "“Société” and “company” (Company name)" in str(refused.value)
    assert collisions(GENERIC.suggested(headers)) == {
        "position.email": ["Email", "mail", "courriel"],
        "company.name": ["Société", "company"],
    }


def test_a_column_that_is_suggested_knows_its_rivals_until_somebody_chooses():
    headers = ["Email", "courriel", "Société"]

    email, _other, company = suggestions(headers, GENERIC)
    settled = suggestions(headers, GENERIC, {"courriel": IGNORE})

    assert (email.rivals, company.rivals) == (("courriel",), ())
    assert [each.rivals for each in settled] == [(), (), ()]
    assert (settled[1].target, settled[1].reason) == (IGNORE, "column_chosen")


def test_each_suggestion_says_why():
    headers = ["Email", "Tél Kaspr 1", "ID entreprise Hubspot", "Genre", "Humeur", REFUSED_BECAUSE]

    assert reasons(headers, PHAROW) == {
        "Email": "column_exact",
        "Tél Kaspr 1": "column_alias",
        "ID entreprise Hubspot": "ignored_other_system",
        "Genre": "ignored_second_copy",
        "Humeur": "column_unknown",
        REFUSED_BECAUSE: "column_of_refused_rows",
    }
    assert reasons(["nom", "prénom"], GENERIC)["nom"] == "column_beside_first_name"


def test_what_the_file_of_refused_rows_added_is_left_out_in_every_profile():
    for profile in PROFILES.values():
        assert set(profile.suggested([REFUSED_ROW, REFUSED_BECAUSE]).values()) == {IGNORE}


def test_a_target_that_does_not_exist_is_refused_with_those_there_are():
    with pytest.raises(errors.UnknownTarget, match="“company.mood”: there are company.acronym"):
        choose(["a"], "generic", {"a": "company.mood"})


def test_an_unknown_profile_is_refused_with_those_there_are():
    with pytest.raises(errors.UnknownProfile, match="“farow”; there are: pharow, items, sirene"):
        choose(["Email"], "farow")
