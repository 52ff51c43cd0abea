"""Closing the gaps that empty variables leave in a text, so that it reads as if never meant."""

import re
from collections.abc import Callable

GAP_START, GAP_END = "\ue000", "\ue001"  # private characters, which no value or template may hold

BLANK = "[ \t\u00a0\u202f]"
GAP = GAP_START

type Repair = str | Callable[[re.Match[str]], str]

# "… …", "…, …": neighbouring gaps are one.
NEIGHBOURS: tuple[str, Repair] = (rf"{GAP}(?:{BLANK}*[-–—/·|,]?{BLANK}*{GAP})+", GAP)

# Applied in this order, each to the whole text.
RULES: list[tuple[str, Repair]] = [
    # Long runs of blanks say nothing more and would make the rules below slow.
    (rf"({BLANK}{{8}}){BLANK}+", r"\1"),
    NEIGHBOURS,
    # "(…)", "« … »": brackets and quotes around nothing are nothing.
    (rf"[(\[«\"“]{BLANK}*{GAP}{BLANK}*[)\]»\"”]", GAP),
    # "l'…": an elided article goes with its noun.
    (rf"\b\w{{1,2}}['’]{GAP}", GAP),
    NEIGHBOURS,
    # "Téléphone : …" on a line of its own (never the first: that may be a subject).
    (rf"\n[^\n:.!?]{{1,30}}:{BLANK}*{GAP}{BLANK}*(?=\n|\Z)", ""),
    # "- …": a line or a list item with nothing on it.
    (rf"^{BLANK}*[-–—•*]?{BLANK}*{GAP}{BLANK}*[.,;:!?]*{BLANK}*\n", ""),
    (rf"\n{BLANK}*[-–—•*]?{BLANK}*{GAP}{BLANK}*[.,;:!?]*{BLANK}*\Z", ""),
    # "…, une question" at the start of a line.
    (rf"^{BLANK}*{GAP}{BLANK}*[,;:.!?–—-]*{BLANK}*(\w?)", lambda match: match[1].upper()),
    # "a – … – b", "a …/b", "a, …, b", "Merci, … !"
    (rf"{BLANK}+([–—|/-]){BLANK}*{GAP}{BLANK}*[–—|/-]", r" \1"),
    (rf"{GAP}{BLANK}*[–—|/-]{BLANK}*(?=\S)", ""),
    (rf"{BLANK}*[,;:]{BLANK}*{GAP}(?={BLANK}*[,;:.!?)…])", ""),
    # "Une idée pour : …" at the end of a line.
    (rf"{BLANK}*[,;:–—|/-]{BLANK}*{GAP}{BLANK}*$", ""),
    # "Bonjour …,", "(… b)", "a … b", and whatever is left.
    (rf"{BLANK}+{GAP}(?={BLANK}*[,;:.!?)…])", ""),
    (rf"(?<=\(){GAP}{BLANK}*", ""),
    (rf"{BLANK}*{GAP}{BLANK}+(?=\S)", " "),
    (rf"{BLANK}*{GAP}", ""),
    # The same scars as an empty {% if %} leaves them, without a mark.
    (rf",(?:{BLANK}*,)+", ","),
    (rf"{BLANK}+(?=,|\.(?:\s|\Z))", ""),
    (rf"^{BLANK}*[,;.]{BLANK}+(\w?)", lambda match: match[1].upper()),
    (r"(?<=\S)[ \t]{2,}(?=\S)", " "),
    (rf"{BLANK}+$", ""),
    (r"\n{3,}", "\n\n"),
]
COMPILED = [(re.compile(pattern, re.MULTILINE), repair) for pattern, repair in RULES]


def tidied(text: str) -> str:
    """The text without the marks of gaps and without the scars around them."""
    text = text.replace("\r\n", "\n")
    text = re.sub(f"{GAP_START}[^{GAP_END}]*{GAP_END}", GAP, text).replace(GAP_END, "")
    for pattern, repair in COMPILED:
        text = pattern.sub(repair, text)
    return text.strip()
