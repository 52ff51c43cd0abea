"""Cells by example, then any text at all: nothing raises but Unusable, and clean stays clean."""

from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import stdnum.luhn
from hypothesis import given
from hypothesis import strategies as st

from crm.importing import addresses
from crm.importing import normalising as read
from crm.importing.normalising import Unusable, registers, texts, web
from crm.importing.sentences import sentence
from crm.importing.telephones import Telephone, parsed_telephone, telephone


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (read.sentence_text, "  SARL \u00a0 GSC\u200b ", "SARL GSC"),
        (read.sentence_text, "[ND]", None),
        (read.sentence_text, "Null", "Null"),
        (
            read.sentence_text,
            '=HYPERLINK("http://evil.example")',
            '=HYPERLINK("http://evil.example")',
        ),
        (read.siren, "732829320", "732829320"),
        (read.siren, "732\u00a0829 320", "732829320"),
        (read.siren, "55803381", "055803381"),
        (read.siren, "5550009", "005550009"),
        (read.siren, "", None),
        (read.siret, "73282932000074", "73282932000074"),
        (read.siret, "35600000000048", "35600000000048"),
        (read.siret, "35600000049837", "35600000049837"),
        (read.siret, "5580338100015", "05580338100015"),
        (read.naf_code, "6201Z", "62.01Z"),
        (read.naf_code, "62.01z", "62.01Z"),
        (read.headcount_code, "1 ou 2", "01"),
        (read.headcount_code, "3 - 5", "02"),
        (read.headcount_code, "6-9", "03"),
        (read.headcount_code, "6 à 9 salariés", "03"),
        (read.headcount_code, "1 000 - 1 999", "42"),
        (read.headcount_code, "10 000 et +", "53"),
        (read.headcount_code, "0", "00"),
        (read.headcount_code, "12", "12"),
        (read.headcount_code, "Unités non employeuses", "NN"),
        (read.day, "1993-01-01", date(1993, 1, 1)),
        (read.day, "31/12/1999", date(1999, 12, 31)),
        (read.day, "1993-01-01T00:00:00Z", date(1993, 1, 1)),
        (read.year, "2024", 2024),
        (read.euros, "942000", 942000),
        (read.euros, "1\u202f234 567,89 €", 1234567),
        (read.per_cent, "98%", Decimal("98.00")),
        (read.per_cent, "98,5 %", Decimal("98.50")),
        (read.per_cent, "85", Decimal("85.00")),
        (read.yes_or_no, "Oui", True),
        (read.yes_or_no, "NON", False),
        (read.yes_or_no, "", None),
        (read.web_address, "Www.Example.COM/Menu/", "https://www.example.com/Menu"),
        (read.web_address, "http://example.com:8080/a?b=C#d", "http://example.com:8080/a?b=C#d"),
        (read.web_address, "https://café.example.com", "https://xn--caf-dma.example.com"),
        (
            read.linkedin_page,
            "http://fr.linkedin.com/in/Marie-Curie/?trk=x",
            "https://www.linkedin.com/in/Marie-Curie",
        ),
        (addresses.address, " CAPITALE@EXAMPLE.COM ", "capitale@example.com"),
        (addresses.address, "Marie <mailto:Marie@example.com>", "marie@example.com"),
        (addresses.address, "marie@bücher.example.com", "marie@xn--bcher-kva.example.com"),
        (addresses.address, "marie+film@example.com.", "marie+film@example.com"),
    ],
)
def test_a_cell_becomes_its_value(reader, text, value):
    assert reader(text) == value


@pytest.mark.parametrize(
    ("reader", "text", "code"),
    [
        (read.sentence_text, "x" * 256, "too_long"),
        (read.siren, "732829321", "siren_invalid"),
        (read.siren, "7,32829E+08", "siren_rounded"),
        (read.siren, "73282932000074", "siren_is_siret"),
        (read.siret, "7.32829E+13", "siret_rounded"),
        (read.siret, "73282932000075", "siret_invalid"),
        (read.siret, "35600000012345", "siret_invalid"),
        (read.siret, "732829320", "siret_invalid"),
        (read.naf_code, "Débits de boissons", "naf_invalid"),
        (read.headcount_code, "4 - 7", "headcount_unknown"),
        (read.headcount_code, "#", "headcount_unknown"),
        (read.headcount_code, "# - 5", "headcount_unknown"),
        (read.headcount_code, "9" * 5_000, "headcount_unknown"),
        (read.headcount_code, "oct-19", "headcount_unknown"),
        (read.day, "31/02/2020", "date_invalid"),
        (read.year, "93", "year_invalid"),
        (read.euros, "1.234", "amount_invalid"),
        (read.euros, "environ 3 M€", "amount_invalid"),
        (read.per_cent, "n/a", "percentage_invalid"),
        (read.per_cent, "0.98", "percentage_invalid"),
        (read.per_cent, "101%", "percentage_invalid"),
        (read.yes_or_no, "peut-être", "yes_no_unknown"),
        (read.web_address, "ftp://exemple", "url_invalid"),
        (read.web_address, "javascript:alert(1)", "url_invalid"),
        (read.web_address, "https://user:secret@example.com", "url_invalid"),
        (read.web_address, "localhost", "url_invalid"),
        (read.linkedin_page, "https://linkedin.com.evil.example.com/in/x", "linkedin_invalid"),
        (read.linkedin_page, f"linkedin.com/in/{'é' * 400}", "url_too_long"),
        (addresses.address, "pas-une-adresse", "email_invalid"),
        (addresses.address, "jean dupont@example.com", "email_invalid"),
        (addresses.address, "elodie.gérard@bücher.example.com", "email_not_ascii"),
        (addresses.address, f"{'a' * 65}@example.com", "email_invalid"),
        (addresses.address, "a@example.com;b@example.com", "email_invalid"),
        (telephone, "12", "phone_invalid"),
        (telephone, "standard", "phone_invalid"),
    ],
)
def test_an_unusable_cell_says_why(reader, text, code):
    with pytest.raises(Unusable) as problem:
        reader(text)

    said = sentence(code, "en", value=text, **problem.value.detail)
    assert problem.value.code == code
    assert said.endswith(".")
    assert "…" not in said


@pytest.mark.parametrize(
    ("text", "postcode", "number", "kind"),
    [
        ("06\u00a012\u00a034\u00a056\u00a078", None, "+33612345678", "mobile"),
        ("+33 (0)4 72 00 00 01", "69001", "+33472000001", "fixed"),
        ("0033 612345678", None, "+33612345678", "mobile"),
        ("09 70 00 00 01", None, "+33970000001", "voip"),
        ("0800 00 00 00", None, "+33800000000", "other"),
        ("0692 12 34 56", "97400", "+262692123456", "mobile"),
        ("+33 692 12 34 56", "13001", "+262692123456", "mobile"),
        ("+44 20 7946 0018", None, "+442079460018", "fixed"),
        ("40 50 60 70", "98713", "+68940506070", "fixed"),
    ],
)
def test_a_telephone_number_is_known_by_its_plan(text, postcode, number, kind):
    assert telephone(text, postcode=postcode) == Telephone(number, kind)


@pytest.mark.parametrize(
    ("email", "role", "never", "free"),
    [
        ("contact@bar.example.com", True, False, False),
        ("marie@bar.example.com", False, False, False),
        ("noreply@bar.example.com", False, True, False),
        ("marie@gmail.com", False, False, True),
        ("marie@yahoo.co.uk", False, False, True),
        ("marie@live.example.com", False, False, False),
    ],
)
def test_an_address_is_known_for_what_it_is(email, role, never, free):
    assert addresses.is_role(email) is role
    assert addresses.is_never_written_to(email) is never
    assert addresses.is_free_mail(email) is free
    assert (addresses.company_domain(email) is None) is free


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("=1", True),
        ("@SUM(A1)", True),
        ("+cmd|' /C calc'!A0", True),
        ("-2+3+cmd|x", True),
        ("+33 6 12 34 56 78", False),
        ("Bar +", False),
    ],
)
def test_a_formula_is_told_from_text(text, formula):
    assert read.looks_like_formula(text) is formula


@pytest.mark.parametrize(
    ("text", "postcode", "city"),
    [
        ("3 QUAI DES BAUX, 13260 CASSIS", "13260", "CASSIS"),
        ("RUE X, 13006 MARSEILLE 6", "13006", "MARSEILLE 6"),
        ("SIRET 73282932000074 PARIS", None, None),
        ("", None, None),
    ],
)
def test_postcode_and_city_stand_at_the_end_of_an_address(text, postcode, city):
    assert read.postcode_and_city(text) == (postcode, city)


@pytest.mark.parametrize(
    ("code", "department"),
    [
        ("13260", "13"),
        ("01000", "01"),
        ("20090", "2A"),
        ("20137", "2A"),
        ("20200", "2B"),
        ("20620", "2B"),
        ("2A004", "2A"),
        ("97400", "974"),
        ("98713", "987"),
        ("98000", None),
        ("00100", None),
        ("20300", None),
        ("1326", None),
        ("L-1234", None),
        ("", None),
    ],
)
def test_a_postcode_or_commune_tells_its_department(code, department):
    assert read.department_of(code) == department


@pytest.mark.parametrize(
    ("domain", "disposable"),
    [
        ("mailinator.com", True),
        ("any.mailinator.com", True),
        ("mailinator.com.example.org", False),
        ("example.com", False),
    ],
)
def test_a_domain_below_a_disposable_one_is_disposable(domain, disposable):
    assert addresses.is_disposable_domain(domain) is disposable


CELLS = st.text(max_size=60) | st.from_regex(r"[ \u00a0+0-9.,/€%=@a-zé:-]{0,30}", fullmatch=True)
# Readers whose value, written down again, is read as the same value.
STEADY = [
    read.sentence_text,
    read.siren,
    read.siret,
    read.naf_code,
    read.headcount_code,
    read.day,
    read.year,
    read.whole_number,
    read.euros,
    read.per_cent,
    read.web_address,
    read.linkedin_page,
    addresses.address,
]


# What a reader makes of a cell at a glance must be what the parser or library behind it makes.
LETTERS = st.sampled_from("abcAZ09.-_+@ \u00a0\u212aéx/?#%:=")
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True) | st.text(
    "aZ9-_é", min_size=1, max_size=4
)
HOSTS = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "www.", "fr."]),
    LABELS,
    st.sampled_from(["fr", "com", "example.com", "c", "9", "xn--p1ai", "COM"]),
)
ADDRESSES = (
    st.from_regex(
        r"[a-zA-Z0-9._+-]{1,12}@[a-z0-9-]{1,8}(\.[a-z0-9-]{1,6}){0,2}"
        r"\.(com|fr|test|local|onion|c|X1|xn--p1ai)[.]?",
        fullmatch=True,
    )
    | st.builds("{}@{}".format, st.text("ab.", min_size=60, max_size=68), HOSTS)
    | st.builds("a@{}.fr".format, st.text("ab.", min_size=58, max_size=68))
    | st.text(LETTERS, max_size=30)
)
PATHS = st.text("aZ09/_.~%+-", max_size=8) | st.text("aZ0/.?=&#:@ é", max_size=8)
SCHEMES = st.sampled_from(["", "http://", "https://"])
PAGES = st.sampled_from(["", "www.", "fr.", "x9.", "e.vil."]).map("{}linkedin.com".format)
URLS = st.builds(
    "{}{}{}{}".format, SCHEMES, HOSTS | PAGES, st.sampled_from(["", "/", "/in/"]), PATHS
) | st.text(LETTERS, max_size=30)
NUMBERS = st.builds(
    "{}{}".format,
    st.sampled_from(["0", "+33", "+33 ", "0033", "+33 0"]),
    st.from_regex(
        r"[0-9]( ?[0-9]{2}){4}|(262|59[046]|69[0-7]|639|8[0-9]{2})[0-9]{6}", fullmatch=True
    ),
)
AT_A_GLANCE = [
    (texts.cleaned, texts.without_invisible, st.text(LETTERS | st.characters(), max_size=30)),
    (addresses.address, addresses.validated_address, ADDRESSES),
    (read.web_address, web.parsed_web_address, URLS),
    (read.linkedin_page, web.parsed_linkedin_page, URLS),
    (telephone, parsed_telephone, NUMBERS),
]


def outcome(reader, text):
    try:
        return reader(text)
    except Unusable as problem:
        return problem.code


@pytest.mark.parametrize(
    ("reader", "thorough", "cells"), AT_A_GLANCE, ids=[each[0].__name__ for each in AT_A_GLANCE]
)
@given(data=st.data())
def test_a_glance_sees_what_the_library_sees(reader, thorough, cells, data):
    text = data.draw(cells)

    assert outcome(reader, text) == outcome(thorough, text)


@given(text=NUMBERS, postcode=st.sampled_from(["97400", "97110", "13001", "98800", ""]))
def test_a_number_is_read_from_where_it_lies_at_a_glance_too(text, postcode):
    def local(reader):
        return lambda cell: reader(cell, postcode=postcode)

    assert outcome(local(telephone), text) == outcome(local(parsed_telephone), text)


@given(digits=st.integers(0, 10**9 - 1).map("{:09d}".format))
def test_a_siren_is_valid_when_stdnum_says_so(digits):
    assert (or_none(read.siren, digits) is not None) is registers.stdnum_siren.is_valid(digits)


@given(
    siren=st.integers(0, 10**9 - 1).map("{:09d}".format) | st.just(registers.LA_POSTE),
    nic=st.integers(0, 99_999).map("{:05d}".format),
)
def test_a_siret_is_valid_when_stdnum_says_so(siren, nic):
    mended = siren[:8] + stdnum.luhn.calc_check_digit(siren[:8])
    for text in (
        siren + nic,
        mended + nic,
        mended + nic[:4] + stdnum.luhn.calc_check_digit(mended + nic[:4]),
    ):
        assert (or_none(read.siret, text) is not None) is registers.stdnum_siret.is_valid(text)


@given(text=st.text(max_size=40))
def test_a_key_has_no_case_and_no_marks(text):
    letters = texts.unicodedata.normalize(
        "NFD", texts.cleaned(text).replace("’", "'").replace("_", " ")
    )

    assert read.header_key(text) == texts.cleaned(texts.without_marks(letters).casefold())


@given(url=URLS)
def test_the_domain_of_a_url_is_its_host_without_www(url):
    address = or_none(read.web_address, url)
    host = urlsplit(address or "").hostname or ""

    assert read.domain_of(address or "") == host.removeprefix("www.")


def or_none(reader, text):
    try:
        return reader(text)
    except Unusable:
        return None


@pytest.mark.parametrize("reader", STEADY, ids=lambda reader: reader.__name__)
@given(text=CELLS)
def test_what_was_read_is_read_again_as_the_same(reader, text):
    value = or_none(reader, text)

    assert value is None or reader(str(value)) == value


@given(text=CELLS)
def test_any_text_is_a_telephone_number_or_unusable(text):
    found = or_none(telephone, text)

    assert found is None or telephone(found.number) == found


@given(text=CELLS)
def test_any_text_is_yes_no_or_unusable(text):
    assert or_none(read.yes_or_no, text) in {True, False, None}


@given(siren=st.integers(0, 999_999_999))
def test_a_siren_that_lost_its_zeros_is_the_same_siren(siren):
    whole = or_none(read.siren, f"{siren:09d}")

    assert or_none(read.siren, str(siren)) == (whole if siren >= 1_000_000 else None)


@given(text=st.text(max_size=40))
def test_a_header_key_is_its_own_key(text):
    assert read.header_key(read.header_key(text)) == read.header_key(text)
