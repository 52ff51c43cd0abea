"""Text as it is: cleaned of what nobody sees, compared without accents, told from formulas."""

import re
import unicodedata

EMPTY_WORDS = {"", "n/a", "na", "n/d", "nd", "[nd]", "nc", "n/c", "null", "none", "-", "#n/a"}
EMPTY_TEXTS = {"", "n/a", "#n/a", "[nd]", "-"}  # fewer: Na, Nd and Null are names
LONGEST_EMPTY = max(map(len, EMPTY_TEXTS))
TRUE_WORDS = {"oui", "o", "yes", "y", "vrai", "true", "1"}
FALSE_WORDS = {"non", "n", "no", "faux", "false", "0"}
# The accents of the world's Latin letters; U+034F between them combines with nothing.
ACCENTS = re.compile("[\u0300-\u034e\u0350-\u036f]+")


class Unusable(ValueError):
    """A cell that holds something, yet not what its column promises.

    `detail` holds what the sentence of this code names besides the cell.
    """

    def __init__(self, code: str, **detail: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What is wrong, in English; the cell itself is for the caller to show."""
        from crm.importing.sentences import sentence  # which words what the readers find

        return sentence(self.code, "en", **self.detail)


def cleaned(text: str) -> str:
    """The text without invisible characters, every run of blanks one space, none at the ends."""
    if text.isprintable():  # then the plain space is the only blank, and nothing is invisible
        return " ".join(text.split()) if "  " in text else text.strip()
    return without_invisible(text)


def without_invisible(text: str) -> str:
    """What `cleaned` promises, character by character."""
    visible = (
        " " if character.isspace() or unicodedata.category(character) == "Zs" else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    )
    return " ".join("".join(visible).split())


def header_key(text: str) -> str:
    """What two spellings of one header or name have in common: no accents, case, underscores, ’."""
    text = cleaned(text).replace("’", "'").replace("_", " ")
    if text.isascii():
        return cleaned(text.lower())
    letters = unicodedata.normalize("NFD", text)
    plain = ACCENTS.sub("", letters)
    return cleaned(plain.lower() if plain.isascii() else without_marks(letters).casefold())


def without_marks(letters: str) -> str:
    """Decomposed text without the marks of any script."""
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def sentence_text(text: str, *, limit: int = 255) -> str | None:
    """A name or label: blanks cleaned, case left alone."""
    value = cleaned(text)
    if len(value) <= LONGEST_EMPTY and value.casefold() in EMPTY_TEXTS:
        return None
    if len(value) > limit:
        raise Unusable("too_long", length=len(value), limit=limit)
    return value


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet would run this text; telephone numbers and dashes are harmless."""
    value = text.strip()
    if value.startswith(("=", "@")):
        return True
    return value.startswith(("+", "-")) and re.search(r"[^\W\d]|[(].*[)]\s*$", value) is not None


def yes_or_no(text: str) -> bool | None:
    """Oui/Non and their kin."""
    value = header_key(text)
    if value in EMPTY_WORDS:
        return None
    if value not in TRUE_WORDS | FALSE_WORDS:
        raise Unusable("yes_no_unknown")
    return value in TRUE_WORDS
