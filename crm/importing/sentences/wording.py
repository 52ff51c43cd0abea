"""What a sentence is: the same in English and in French."""


class Wording:
    """One sentence in both languages; the French one gets its unbreakable spaces by itself."""

    def __init__(self, en: str, fr: str) -> None:
        self.en = en
        self.fr = _spaced(fr)


def _spaced(text: str) -> str:
    """French marks stay on the line of the word they belong to."""
    for mark in (":", "»", "%"):
        text = text.replace(f" {mark}", f"\N{NO-BREAK SPACE}{mark}")
    for mark in (";", "?", "!"):
        text = text.replace(f" {mark}", f"\N{NARROW NO-BREAK SPACE}{mark}")
    return text.replace("« ", "«\N{NO-BREAK SPACE}")
