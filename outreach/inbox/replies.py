"""What a person wrote in a reply, without what their mail program quoted beneath."""

import re
import unicodedata
from email.message import Message
from html import unescape
from itertools import takewhile

from outreach.inbox import patterns
from outreach.inbox.reading import content_type, is_attachment, outer_parts, plain, text_of
from outreach.mail.body import SENTENCES

_LOOKS_ALIKE = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "«": '"', "»": '"', "“": '"', "”": '"',
     "œ": "oe", "Œ": "oe", "æ": "ae", "–": "-", "—": "-", "‑": "-", "…": "..."}
)  # fmt: skip

ORIGINAL_MESSAGE = "-----Message d'origine-----"


def fold(text: str) -> str:
    """Return the text as it is compared: no accents, no case, plain spaces, dashes and quotes."""
    decomposed = unicodedata.normalize("NFKD", plain(text).translate(_LOOKS_ALIKE))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def full_text(message: Message) -> str:
    """Return the readable text of a message: text/plain when it says anything, else the HTML."""
    texts = {"text/plain": "", "text/html": ""}
    for part in outer_parts(message):
        kind = content_type(part)
        if kind in texts and not is_attachment(part):
            texts[kind] += text_of(part) + "\n"
    return plain(texts["text/plain"]).strip() or text_of_html(texts["text/html"])


def new_text(message: Message) -> str:
    """Return what the sender wrote: no quotes, signatures of devices, or our own footer."""
    lines = [line.rstrip() for line in full_text(message).split("\n")]
    lines = _above_the_quote(lines)
    lines = [line for line in lines if not patterns.DROPPED_LINE.match(fold(line))]
    paragraphs = map(_without_footer, "\n".join(lines).split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def text_of_html(html: str) -> str:
    """Return the text of an HTML body, quoted blocks left out, in time linear in its length."""
    words: list[str] = []
    hidden_by: list[str] = []
    said = 0
    html = _without_comments(html)
    for match in patterns.HTML_TAG.finditer(html):
        words.append("" if hidden_by else _html_words(html[said : match.start()]))
        words.append(_at_tag(match[1], match[2].lower(), match[3], hidden_by))
        said = match.end()
    words.append("" if hidden_by else _html_words(html[said:]))
    lines = (" ".join(line.split()) for line in "".join(words).split("\n"))
    return "\n".join(lines).strip()


def _without_comments(html: str) -> str:
    first, *rest = html.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in rest)


def _html_words(text: str) -> str:
    return plain(unescape(text)).replace("\n", " ")


def _at_tag(closing: str, tag: str, attributes: str, hidden_by: list[str]) -> str:
    """Return what a tag stands for in text, and keep account of what it hides."""
    if closing and hidden_by and tag == hidden_by[-1]:
        hidden_by.pop()
    elif not closing and hidden_by:
        hidden_by += [tag] if tag == hidden_by[0] else []
    elif not closing and (tag in patterns.HTML_HIDDEN or patterns.HTML_QUOTE.search(attributes)):
        hidden_by.append(tag)
    elif not closing and patterns.HTML_ORIGINAL.search(attributes):
        return f"\n{ORIGINAL_MESSAGE}\n"
    return "\n" if tag in patterns.HTML_BLOCKS else ""


def _above_the_quote(lines: list[str]) -> list[str]:
    """Cut at the first line that introduces a quoted message, once something was said."""
    folded = [fold(line[:500]).strip(" *") for line in lines]
    for number in range(len(lines)):
        if _quote_begins(folded[number : number + 6]):
            return lines[:number]
        if patterns.RULER.fullmatch(folded[number]) and any(folded[:number]):
            return lines[:number]
    return lines


def _quote_begins(ahead: list[str]) -> bool:
    """Tell whether the first of these folded lines introduces a quoted message."""
    if patterns.SEPARATOR.match(ahead[0]) or patterns.ATTRIBUTION_ALONE.match(ahead[0]):
        return True
    if patterns.ATTRIBUTION_START.match(ahead[0]):
        joined = (" ".join(ahead[:size]) for size in (1, 2, 3))
        if any(patterns.ATTRIBUTION.fullmatch(line) for line in joined):
            return True
    if not patterns.HEADER_FROM.match(ahead[0]):
        return False
    names = {match[1] for line in ahead[1:] if (match := patterns.HEADER_OTHER.match(line))}
    return len(names) >= 2


def _without_footer(paragraph: str) -> str:
    """Leave out a paragraph that is a footer, or the lines from where our own one begins."""
    text = " ".join(fold(paragraph).split())
    if patterns.FOOTER_SURE.match(text):
        return ""
    if patterns.FOOTER_START.match(text) and patterns.FOOTER_LINK.search(text):
        return ""
    said = takewhile(lambda line: not _OUR_FOOTER.search(fold(line)), paragraph.split("\n"))
    return "\n".join(said).strip("\n").rstrip()


_OUR_FOOTER = re.compile(
    "|".join(
        re.escape(fold(sentences[name].partition("{")[0]))
        for sentences in SENTENCES.values()
        for name in ("source", "dated", "object")
    )
)
