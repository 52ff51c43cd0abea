"""The html and the footer of a mail: escaped, linked, and complete before the law."""

from dataclasses import dataclass, replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.mail import FooterRefused, Source, footer, to_html


@dataclass
class Company:
    legal_name: str = "Atelier & Image"
    legal_form: str = "SAS"
    siren: str = "732829320"
    legal_address: str = "12 rue Paradis\n13001 Marseille"


PHAROW = Source("Pharow", date(2026, 3, 1))
URL = "https://example.com/u/abc?x=1&y=2"


class Reader(HTMLParser):
    """What a reader sees, and the tags around it."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self.links = "", set(), []
        self.feed(html)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]


def test_the_footer_names_the_sender_the_source_and_the_way_out():
    text, html = footer(Company(), PHAROW, URL)

    assert text.startswith("-- \nAtelier & Image, SAS, SIREN 732 829 320, 12 rue Paradis, 13001")
    assert "viennent de Pharow (relevées le 1er mars 2026)." in text
    assert text.endswith(f"Ne plus recevoir nos messages : {URL}")
    assert Reader(html).links == [URL]
    assert "Atelier & Image, SAS, SIREN 732 829 320" in Reader(html).text


def test_the_footer_speaks_english_too():
    text, html = footer(Company(legal_form=""), Source("Pharow", date(2026, 3, 14)), URL, "en")

    assert "Atelier & Image, SIREN 732 829 320" in text
    assert "collected on 14 March 2026" in text
    assert "Receive no more messages from us" in html


def test_a_source_without_a_date_is_named_without_one():
    text, _ = footer(Company(), Source("Pharow"), URL)

    assert "viennent de Pharow. Elles" in text
    assert "None" not in text


@pytest.mark.parametrize("field", ["legal_name", "siren", "legal_address"])
def test_a_missing_part_of_the_identity_is_named(field):
    with pytest.raises(FooterRefused, match=f"fill in {field}"):
        footer(replace(Company(), **{field: "  "}), PHAROW, URL)


def test_a_missing_source_and_an_unknown_language_are_named():
    with pytest.raises(FooterRefused, match="source of the recipient's data"):
        footer(Company(), Source(" "), URL)
    with pytest.raises(FooterRefused, match='no footer in "de"; use fr or en'):
        footer(Company(), PHAROW, URL, "de")


def test_nothing_in_the_identity_or_the_source_becomes_markup():
    _, html = footer(Company(legal_name="<script>"), Source("<img src=x>"), 'https://e.com/"><b>')

    assert Reader(html).tags == {"p", "br", "a"}


def test_paragraphs_lines_and_links_are_kept():
    html = to_html("Bonjour,\n\nVoir https://example.com/a?b=1&c=2.\nMerci\n \n\nZoé\n")

    assert html == (
        "<p>Bonjour,</p>\n"
        '<p>Voir <a href="https://example.com/a?b=1&amp;c=2">https://example.com/a?b=1&amp;c=2</a>'
        ".<br>\nMerci</p>\n"
        "<p>Zoé</p>"
    )


@given(st.text(st.sampled_from("<>&\"'a /:.\n\r\tpé") | st.characters(exclude_categories=["C"])))
def test_no_text_becomes_markup_or_loses_a_word(text):
    reader = Reader(to_html(text))

    assert reader.tags <= {"p", "br", "a"}
    assert reader.text.split() == text.split()


@given(st.text(st.sampled_from("htps:/.,)» \"'<>é&?=\n"), max_size=60))
def test_links_lead_to_the_web_and_show_where(text):
    reader = Reader(to_html(text + " https://e.com/é'x\"y"))

    assert reader.links
    assert all(link.startswith(("http://", "https://")) for link in reader.links)
    assert all(link in reader.text for link in reader.links)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "www.example.com"])
def test_nothing_but_a_web_address_becomes_a_link(text):
    assert Reader(to_html(text)).links == []
