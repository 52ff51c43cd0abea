"""What a column can become: each target is led to, read, named and offered, its codes known."""

import pytest

from crm.importing.columns import COMPANY_FACTS, PERSON_FACTS, POSITION_FACTS
from crm.importing.normalising import Unusable, header_key
from crm.importing.profiles import (
    GENERIC,
    ITEMS,
    PHAROW,
    PROFILES,
    READERS,
    SIRENE_ESTABLISHMENTS,
    SIRENE_UNITS,
    TARGETS,
    group_label,
    grouped_targets,
    profile_of,
    target_label,
)
from crm.importing.sentences import SENTENCES


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_alias_leads_to_a_target_and_to_one_alone(profile):
    spelt = [header_key(alias) for names in profile.aliases.values() for alias in names]
    others = [header_key(name) for name in (*profile.ignored, *profile.kept)]

    assert profile.aliases.keys() <= set(TARGETS)
    assert len({*spelt, *others}) == len(spelt) + len(others)
    assert {target for choice in profile.required for target in choice} <= profile.aliases.keys()


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_reason_is_a_sentence(profile):
    assert {*profile.ignored.values(), *profile.kept.values()} <= SENTENCES.keys()


def test_profiles_are_told_apart_by_markers_of_their_own():
    spelt = [header_key(marker) for profile in PROFILES.values() for marker in profile.markers]

    assert not GENERIC.markers
    assert len(spelt) == len(set(spelt))
    for profile in (PHAROW, ITEMS, SIRENE_UNITS, SIRENE_ESTABLISHMENTS):
        for marker in profile.markers:
            assert profile_of([marker.upper()]) is profile


def test_every_target_is_read_by_a_reader_except_telephones():
    telephones = {target for target in TARGETS if target.startswith("phone.")}

    assert set(TARGETS) - telephones - {"company.main_phone"} == READERS.keys()


def test_every_fact_a_file_may_tell_is_a_target_except_those_that_follow_from_the_address():
    facts = {
        *(f"company.{name}" for name in COMPANY_FACTS),
        *(f"person.{name}" for name in PERSON_FACTS),
        *(f"position.{name}" for name in POSITION_FACTS),
    }

    assert facts - set(TARGETS) == {
        "position.email_status",
        "position.email_is_role",
        "position.email_is_free",
        "position.email_is_disposable",
    }


def test_every_target_has_a_name_and_a_group_in_both_languages():
    for target in TARGETS:
        assert target_label(target, "en") != target != target_label(target, "fr")
        assert group_label(target, "en")
        assert group_label(target, "fr")
    assert target_label("company.founding_date", "fr") == "Date de création"
    assert target_label("company.founding_date", "de") == "Date of foundation"


def test_a_page_offers_each_target_once_and_companies_alone_where_there_are_no_people():
    offered = [target for _group, targets in grouped_targets("fr") for target, _name in targets]

    assert sorted(offered) == TARGETS
    assert [group for group, _targets in grouped_targets("fr", people=False)] == ["Entreprise"]


@pytest.mark.parametrize(
    ("target", "text", "value"),
    [
        ("company.country", "Belgique", "BE"),
        ("company.country", "fr", "FR"),
        ("company.country", "ÉTATS-UNIS", "US"),
        ("company.department", "1", "01"),
        ("company.department", "2a", "2A"),
        ("company.department", "974", "974"),
        ("company.legal_form_code", "5710", "5710"),
        ("company.category", "pme", "PME"),
        ("company.administrative_state", "A", "A"),
        ("company.establishment_state", "F", "F"),
        ("company.establishment_state", "Fermé", "F"),
        ("company.diffusion", "N", "P"),
        ("company.naf_nomenclature", "NAFRev2", "NAFRev2"),
        ("company.hq_nic", "74", "00074"),
        ("company.commune_code", "1004", "01004"),
        ("company.commune_code", "2A004", "2A004"),
        ("company.domain", "https://www.Acme.fr/contact", "acme.fr"),
        ("company.name", "[ND]", None),
        ("company.legal_form_code", "", None),
        ("company.country", "", None),
    ],
)
def test_the_registers_codes_are_read(target, text, value):
    assert READERS[target](text) == value


@pytest.mark.parametrize(
    ("target", "text", "code"),
    [
        ("company.country", "Syldavie", "country_unknown"),
        ("company.department", "20", "department_unknown"),
        ("company.department", "Bouches-du-Rhône", "department_unknown"),
        ("company.legal_form_code", "SARL", "legal_form_invalid"),
        ("company.category", "TPE", "category_unknown"),
        ("company.administrative_state", "X", "state_unknown"),
        ("company.establishment_state", "C", "establishment_state_unknown"),
        ("company.diffusion", "?", "diffusion_unknown"),
        ("company.naf_nomenclature", "NAF", "naf_edition_unknown"),
        ("company.hq_nic", "123456", "nic_invalid"),
        ("company.commune_code", "Marseille", "commune_invalid"),
        ("company.domain", "no domain", "domain_invalid"),
    ],
)
def test_what_is_no_such_code_is_told_by_its_own(target, text, code):
    with pytest.raises(Unusable) as unusable:
        READERS[target](text)

    assert unusable.value.code == code
