"""Companies alone, as the register's files tell them."""

import json

import pytest

from crm.tests.parsing import (
    establishment,
    unit,
)


def test_a_company_of_the_register_needs_neither_name_nor_address():
    found = unit(denominationUniteLegale="", trancheEffectifsUniteLegale="12")

    assert found.row.keys() == {"row", "usable", "company_ref"}
    assert (found.company["siren"], found.company["headcount_code"]) == ("732829320", "12")
    assert found.row["usable"] == "t"
    assert found.codes == [("note", "company_without_name")]


def test_a_company_of_the_register_without_a_siren_is_refused():
    found = unit(siren="732829321", denominationUniteLegale="BAR")

    assert (found.rows, found.companies) == ([], [])
    assert found.codes == [("note", "siren_invalid"), ("refused", "company_unidentified")]


def test_a_sole_trader_goes_by_the_names_in_use():
    found = unit(
        prenom1UniteLegale="AUGUSTA",
        prenomUsuelUniteLegale="ADA",
        nomUniteLegale="BYRON",
        nomUsageUniteLegale="LOVELACE",
    )

    assert found.company["name"] == "ADA LOVELACE"


def test_a_company_that_opposes_prospecting_is_marked_and_told():
    found = unit(statutDiffusionUniteLegale="P", denominationUniteLegale="[ND]")

    assert found.company["diffusion"] == "P"
    assert "name" not in found.company
    assert set(found.codes) == {("note", "company_opposed"), ("note", "company_without_name")}


@pytest.mark.parametrize("naming", ["denominationUniteLegale", "denominationUsuelle1UniteLegale"])
def test_a_company_with_a_name_or_a_brand_is_not_called_by_its_number(naming):
    assert unit(**{naming: "BAR"}).problems == []


@pytest.mark.parametrize(("nic", "siret"), [("00074", "73282932000074"), ("00075", None)])
def test_the_head_offices_number_completes_the_siren(nic, siret):
    assert unit(nicSiegeUniteLegale=nic).company.get("hq_siret") == siret


@pytest.mark.parametrize(
    ("code", "edition", "newer", "told"),
    [
        ("62.01Z", "NAFRev2", "62.10Y", ("62.01Z", "NAFRev2")),
        ("", "NAFRev2", "62.10Y", ("62.10Y", "NAF2025")),
        ("", "NAFRev2", "", (None, None)),
    ],
)
def test_the_edition_of_an_activity_code_is_told_with_it(code, edition, newer, told):
    found = unit(
        activitePrincipaleUniteLegale=code,
        nomenclatureActivitePrincipaleUniteLegale=edition,
        activitePrincipaleNAF25UniteLegale=newer,
    )

    company = found.company
    assert (company.get("naf_code"), company.get("naf_nomenclature")) == told


def test_the_head_office_gives_its_company_an_address():
    found = establishment(
        numeroVoieEtablissement="3",
        indiceRepetitionEtablissement="B",
        typeVoieEtablissement="QUAI",
        libelleVoieEtablissement="DES BAUX",
        codePostalEtablissement="20260",
        libelleCommuneEtablissement="CALVI",
        codeCommuneEtablissement="2B050",
        enseigne1Etablissement="CHEZ ADA",
    )

    company = found.company
    assert company["hq_siret"] == "73282932000074"
    assert company["hq_address"] == "3 B QUAI DES BAUX, 20260 CALVI"
    assert (company["postal_code"], company["city"], company["department"]) == (
        *("20260", "CALVI", "2B"),
    )
    assert company["brand_name"] == "CHEZ ADA"


@pytest.mark.parametrize("answer", ["false", ""])
def test_a_branch_tells_no_more_than_whose_it_is(answer):
    found = establishment(
        etablissementSiege=answer,
        siren="",
        libelleVoieEtablissement="DES BAUX",
        activitePrincipaleEtablissement="nonsense",
        statutDiffusionEtablissement="O",
    )

    company = found.company
    assert company.keys() == {"ref", "row", "siren", "diffusion"}
    assert company["siren"] == "732829320"
    assert found.codes == [("note", "not_head_office")]
    assert json.loads(found.problems[0]["detail"]) == {"siret": "73282932000074"}


def test_a_closed_establishment_tells_no_more_than_whose_it_is():
    for head in ("true", "false"):
        found = establishment(
            etablissementSiege=head,
            etatAdministratifEtablissement="F",
            libelleVoieEtablissement="DES BAUX",
            codePostalEtablissement="13260",
            enseigne1Etablissement="CHEZ ADA",
        )

        assert found.company.keys() == {"ref", "row", "siren"}
        assert found.company["siren"] == "732829320"
        assert found.codes == [("note", "establishment_closed")]
        assert found.problems[0]["column"] == "etatAdministratifEtablissement"
        assert json.loads(found.problems[0]["detail"]) == {"siret": "73282932000074"}


@pytest.mark.parametrize("state", ["A", ""])
def test_an_establishment_that_is_not_closed_tells_all_it_knows(state):
    found = establishment(etatAdministratifEtablissement=state, enseigne1Etablissement="CHEZ ADA")

    assert found.company["brand_name"] == "CHEZ ADA"
    assert found.company["hq_siret"] == "73282932000074"
    assert found.problems == []


def test_a_company_that_has_ceased_goes_in_as_such_and_is_told():
    found = unit(denominationUniteLegale="BAR", etatAdministratifUniteLegale="C")

    assert (found.company["name"], found.company["administrative_state"]) == ("BAR", "C")
    assert found.codes == [("note", "company_closed")]
    assert unit(denominationUniteLegale="BAR", etatAdministratifUniteLegale="A").problems == []


def test_a_ceased_company_is_known_as_such_from_what_it_closed_as_well():
    found = establishment(etatAdministratifUniteLegale="C", etatAdministratifEtablissement="F")

    assert found.company["administrative_state"] == "C"
    assert set(found.codes) == {("note", "company_closed"), ("note", "establishment_closed")}
