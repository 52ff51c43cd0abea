"""The body of a mail: html made from the text, and the footer that the law asks for."""

import re
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Protocol

from prospectflow.errors import DomainError

LINK = re.compile(r"https?://[^\s<>\"«»]+")
AFTER_LINK = ".,;:!?)]}'’…"

MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}
# GDPR, articles 14 and 21: who, from where, why, for how long, and how to object.
SENTENCES = {
    "fr": {
        "source": "Vos coordonnées professionnelles viennent de {source}.",
        "dated": "Vos coordonnées professionnelles viennent de {source} (relevées le {day}).",
        "rights": "Elles servent à vous écrire au sujet de votre activité, sur la base de notre"
        " intérêt légitime, et sont effacées au plus tard trois ans après notre dernier échange."
        " Vous pouvez y accéder, les faire rectifier ou effacer en répondant à ce message, et"
        " saisir la CNIL.",
        "object": "Ne plus recevoir nos messages",
        "colon": " : ",
    },
    "en": {
        "source": "Your business contact details come from {source}.",
        "dated": "Your business contact details come from {source} (collected on {day}).",
        "rights": "We use them to write to you about your work, on the basis of our legitimate"
        " interest, and erase them three years after our last exchange at the latest. Reply to"
        " this message to see them, to have them corrected or erased; you may also complain to"
        " the data protection authority.",
        "object": "Receive no more messages from us",
        "colon": ": ",
    },
}
REQUIRED = {
    "legal_name": "its legal name",
    "siren": "its SIREN number",
    "legal_address": "its postal address",
}
STYLE = "color:#666666;font-size:12px"


class FooterRefused(DomainError):
    """No mail leaves without saying who sends it, where the data comes from and how to object."""


class Identity(Protocol):
    """Who stands behind a mail; an organisation is one."""

    legal_name: str
    legal_form: str
    siren: str
    legal_address: str


@dataclass(frozen=True)
class Source:
    """Where the recipient's data came from, and when."""

    name: str
    collected_on: date | None = None


def footer(
    identity: Identity, source: Source, unsubscribe_url: str, language: str = "fr"
) -> tuple[str, str]:
    """The legal footer as text and as html; refused when the identity or the source is missing."""
    if field := unsaid(identity):
        raise FooterRefused(f"The organisation has not said {REQUIRED[field]}: fill in {field}.")
    if not source.name.strip():
        raise FooterRefused("The source of the recipient's data is not known: fill in source.")
    if language not in SENTENCES:
        raise FooterRefused(f'There is no footer in "{language}"; use {" or ".join(SENTENCES)}.')
    sentences = SENTENCES[language]
    lines = [_identity(identity), f"{_source(source, language)} {sentences['rights']}"]
    return (
        "\n".join(["-- ", *lines, f"{sentences['object']}{sentences['colon']}{unsubscribe_url}"]),
        f'<p style="{STYLE}">{"<br>".join(map(escape, lines))}<br>'
        f'<a href="{escape(unsubscribe_url)}">{escape(sentences["object"])}</a></p>',
    )


def unsaid(identity: Identity) -> str:
    """The first field of its legal identity that an organisation has left blank; or nothing."""
    return next((field for field in REQUIRED if not getattr(identity, field).strip()), "")


def to_html(text: str) -> str:
    """The same words as html: escaped, a paragraph per blank line, web addresses as links."""
    blocks = re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").strip())
    return "\n".join(f"<p>{_lines(block)}</p>" for block in blocks if block.strip())


def _lines(block: str) -> str:
    if "://" not in block:
        return escape(block.strip("\n")).replace("\n", "<br>\n")
    return "<br>\n".join(_linked(line) for line in block.strip("\n").split("\n"))


def _linked(line: str) -> str:
    pieces, position = [], 0
    for match in LINK.finditer(line):
        address = match.group().rstrip(AFTER_LINK)
        pieces.append(escape(line[position : match.start()]))
        pieces.append(f'<a href="{escape(address)}">{escape(address)}</a>')
        position = match.start() + len(address)
    return "".join([*pieces, escape(line[position:])])


def _identity(identity: Identity) -> str:
    siren = re.sub(r"\D", "", identity.siren)
    number = f"SIREN {siren[:3]} {siren[3:6]} {siren[6:]}"
    address = ", ".join(line.strip() for line in identity.legal_address.split("\n") if line.strip())
    parts = [identity.legal_name.strip(), identity.legal_form.strip(), number, address]
    return ", ".join(part for part in parts if part)


def _source(source: Source, language: str) -> str:
    if source.collected_on is None:
        return SENTENCES[language]["source"].format(source=source.name)
    day = _day(source.collected_on, language)
    return SENTENCES[language]["dated"].format(source=source.name, day=day)


def _day(day: date, language: str) -> str:
    month = MONTHS[language].split()[day.month - 1]
    first = "1er" if day.day == 1 and language == "fr" else str(day.day)
    return f"{first} {month} {day.year}"
