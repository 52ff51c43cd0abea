"""INSEE’s stock files of the Sirene register: companies, and their establishments.

The register has neither addresses to write to nor people, and its columns change over time.
"""

from collections.abc import Mapping

from crm.importing.profiles.profile import Profile

# What the unit itself is, in the names that both files give it.
_UNIT: Mapping[str, tuple[str, ...]] = {
    "company.name": ("denominationUniteLegale",),
    "company.acronym": ("sigleUniteLegale",),
    "company.trader_first_name": ("prenom1UniteLegale",),
    "company.trader_usual_first_name": ("prenomUsuelUniteLegale",),
    "company.trader_last_name": ("nomUniteLegale",),
    "company.trader_usage_name": ("nomUsageUniteLegale",),
    "company.legal_form_code": ("categorieJuridiqueUniteLegale",),
    "company.category": ("categorieEntreprise",),
    "company.headcount_code": ("trancheEffectifsUniteLegale",),
    "company.headcount_year": ("anneeEffectifsUniteLegale",),
    "company.administrative_state": ("etatAdministratifUniteLegale",),
    "company.founding_date": ("dateCreationUniteLegale",),
}
_UNIT_IGNORED: Mapping[str, str] = {
    "unitePurgeeUniteLegale": "ignored_bookkeeping",
    "dateDernierTraitementUniteLegale": "ignored_bookkeeping",
    "nombrePeriodesUniteLegale": "ignored_bookkeeping",
    "dateDebut": "ignored_bookkeeping",
    "anneeCategorieEntreprise": "ignored_bookkeeping",
    "caractereEmployeurUniteLegale": "ignored_second_copy",
    "sexeUniteLegale": "ignored_private",
    "prenom2UniteLegale": "ignored_private",
    "prenom3UniteLegale": "ignored_private",
    "prenom4UniteLegale": "ignored_private",
    "pseudonymeUniteLegale": "ignored_private",
    "denominationUsuelle2UniteLegale": "ignored_further_name",
    "denominationUsuelle3UniteLegale": "ignored_further_name",
}
_UNIT_KEPT: Mapping[str, str] = {
    "identifiantAssociationUniteLegale": "kept_no_field",
    "economieSocialeSolidaireUniteLegale": "kept_no_field",
    "societeMissionUniteLegale": "kept_no_field",
}

SIRENE_UNITS = Profile(
    name="sirene_units",
    people=False,
    markers=(
        "statutDiffusionUniteLegale",
        "denominationUniteLegale",
        "categorieJuridiqueUniteLegale",
        "etatAdministratifUniteLegale",
    ),
    required=(("company.siren",),),
    aliases={
        **_UNIT,
        "company.siren": ("siren",),
        "company.hq_nic": ("nicSiegeUniteLegale",),
        "company.brand_name": ("denominationUsuelle1UniteLegale",),
        "company.naf_code": ("activitePrincipaleUniteLegale",),
        "company.naf_nomenclature": ("nomenclatureActivitePrincipaleUniteLegale",),
        "company.naf_2025_code": ("activitePrincipaleNAF25UniteLegale",),
        "company.diffusion": ("statutDiffusionUniteLegale",),
    },
    ignored=_UNIT_IGNORED,
    kept=_UNIT_KEPT,
)

_SECOND_ADDRESS = (
    *("complementAdresse", "numeroVoie", "indiceRepetition", "typeVoie", "libelleVoie"),
    *("codePostal", "libelleCommune", "libelleCommuneEtranger", "distributionSpeciale"),
    *("codeCommune", "codeCedex", "libelleCedex", "codePaysEtranger", "libellePaysEtranger"),
)
_OF_THE_ESTABLISHMENT = (
    *("nic", "dateCreationEtablissement", "trancheEffectifsEtablissement"),
    *("anneeEffectifsEtablissement", "caractereEmployeurEtablissement"),
    "activitePrincipaleRegistreMetiersEtablissement",
)
_BOOKKEEPING = ("dateDernierTraitementEtablissement", "nombrePeriodesEtablissement")
# The head office's postcode and street say where it is; these say the same once more.
_SAID_ALREADY = (
    *("dernierNumeroVoieEtablissement", "indiceRepetitionDernierNumeroVoieEtablissement"),
    *("identifiantAdresseEtablissement", "codeCedexEtablissement", "libelleCedexEtablissement"),
    *("coordonneeLambertAbscisseEtablissement", "coordonneeLambertOrdonneeEtablissement"),
    "codePaysEtrangerEtablissement",
)

SIRENE_ESTABLISHMENTS = Profile(
    name="sirene_establishments",
    people=False,
    markers=("etablissementSiege", "statutDiffusionEtablissement", "codeCommuneEtablissement"),
    required=(("company.siren", "company.establishment_siret"), ("company.is_head_office",)),
    aliases={
        **_UNIT,
        "company.siren": ("siren",),
        "company.establishment_siret": ("siret",),
        "company.establishment_state": ("etatAdministratifEtablissement",),
        "company.is_head_office": ("etablissementSiege",),
        "company.brand_name": ("denominationUsuelleEtablissement",),
        "company.sign": ("enseigne1Etablissement",),
        "company.naf_code": ("activitePrincipaleEtablissement",),
        "company.naf_nomenclature": ("nomenclatureActivitePrincipaleEtablissement",),
        "company.naf_2025_code": ("activitePrincipaleNAF25Etablissement",),
        "company.diffusion": ("statutDiffusionEtablissement",),
        "company.address_extra": ("complementAdresseEtablissement",),
        "company.address_number": ("numeroVoieEtablissement",),
        "company.address_suffix": ("indiceRepetitionEtablissement",),
        "company.address_street_type": ("typeVoieEtablissement",),
        "company.address_street": ("libelleVoieEtablissement",),
        "company.address_special": ("distributionSpecialeEtablissement",),
        "company.postal_code": ("codePostalEtablissement",),
        "company.city": ("libelleCommuneEtablissement",),
        "company.commune_code": ("codeCommuneEtablissement",),
        "company.foreign_city": ("libelleCommuneEtrangerEtablissement",),
        "company.country": ("libellePaysEtrangerEtablissement",),
    },
    ignored={
        **_UNIT_IGNORED,
        **dict.fromkeys(_OF_THE_ESTABLISHMENT, "ignored_establishment"),
        **dict.fromkeys(_BOOKKEEPING, "ignored_bookkeeping"),
        **dict.fromkeys(_SAID_ALREADY, "ignored_second_copy"),
        **dict.fromkeys(
            (f"{part}2Etablissement" for part in _SECOND_ADDRESS), "ignored_second_address"
        ),
        "enseigne2Etablissement": "ignored_further_name",
        "enseigne3Etablissement": "ignored_further_name",
    },
    kept=_UNIT_KEPT,
)
