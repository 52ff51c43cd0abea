"""Quality gates: what a person should know about a mail before approving it.

`body` is the text without signature and legal footer. An error forbids approval; a warning asks
for a second look. The word lists are folded: lower case, no accents, straight apostrophes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

type Level = Literal["error", "warning"]

SUBJECT_LENGTH = (30, 60)
BODY_WORDS = (75, 150)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a mail: a stable code, how bad it is, and a sentence."""

    code: str
    level: Level
    sentence: str


@dataclass(frozen=True)
class Rule:
    """A pattern that must not stand in a mail; `{found}` in the sentence shows what stood there."""

    code: str
    level: Level
    pattern: str
    sentence: str
    where: Literal["subject", "body", "both"] = "both"
    folded: bool = False
    first_step_only: bool = False


RULES = (
    Rule("empty_subject", "error", r"\A\s*\Z", "The subject is empty.", "subject"),
    Rule("empty_body", "error", r"\A\s*\Z", "The body is empty.", "body"),
    Rule(
        "fake_reply", "error", r"\A\s*(?:re|aw|tr|fw|fwd|rep)\s*:",
        'A first mail that begins with "{found}" pretends to be an answer; remove it.',
        "subject", folded=True, first_step_only=True,
    ),
    Rule(
        "placeholder", "error",
        r"\{\{|\}\}|\{%|%\}|\[[A-ZÀ-Þ][A-ZÀ-Þ_ ’'-]*\]|\[(?:nd|prénom|nom|entreprise|first name)\]"
        r"|<[A-ZÀ-Þ_]{3,}>|%[A-Z_]{3,}%|\bX{3,}\b|\bx{4,}\b|\b(?:TODO|TBD)\b|[Ll]orem ipsum",
        '"{found}" is a placeholder that nobody filled in.',
    ),
    Rule(
        "broken_greeting", "error",
        r"\b(?:bonjour|bonsoir|hello|hi|dear|chere?|madame|monsieur)"
        r"(?:\s+,|\s+(?:none|null|undefined|nan|n/a)\b)",
        '"{found}" greets nobody; give the name a fallback.',
        "body", folded=True,
    ),
    Rule("shouting", "warning", r"\b[A-ZÀ-Þ]{4,}(?:\s+[A-ZÀ-Þ]{2,}){2,}|!{2,}|[€$]{2,}",
         '"{found}" shouts; spam filters listen for that.'),
)  # fmt: skip

SPAM_WORDS = (
    # French
    "100 % gratuit", "100% gratuit", "offre exceptionnelle", "offre limitee", "offre exclusive",
    "promotion", "promo", "remise exceptionnelle", "meilleur prix", "prix casse", "prix imbattable",
    "bon plan", "cadeau", "gagnez", "gagner de l'argent", "argent facile", "sans engagement",
    "sans risque", "satisfait ou rembourse", "cliquez ici", "cliquer ici", "profitez-en",
    "n'attendez plus", "derniere chance", "urgent", "felicitations", "garanti", "miracle",
    "doublez votre chiffre d'affaires", "resultats garantis", "credit gratuit",
    "ceci n'est pas un spam",
    # English
    "100% free", "free trial", "act now", "limited time", "special offer", "exclusive deal",
    "best price", "click here", "buy now", "order now", "risk-free", "risk free", "no obligation",
    "money back", "make money", "earn extra", "guaranteed", "last chance", "don't miss", "winner",
    "congratulations", "this is not spam", "double your",
)  # fmt: skip

# A sentence with one of these asks for something; without any, each question does.
CALLS_TO_ACTION = (
    r"\bhttps?://", r"\b(?:1[05]|20|30)\s*(?:min\b|minutes?)", r"\bappel\b", r"\bappele[rz]\b",
    r"\brendez-vous\b", r"\brdv\b", r"\bechange[rz]?\b.*\?", r"\bdiscute[rz]?\b.*\?",
    r"\ben parle[rz]?\b.*\?", r"\bdisponible", r"\bcreneau", r"\brepond(?:re|ez)\b",
    r"\bdites-moi\b", r"\breserve[rz]\b", r"\btelecharge[rz]\b", r"\binscri(?:re|vez)\b",
    r"\binteresse", r"\bcall\b", r"\bmeet(?:ing)?\b", r"\bchat\b", r"\breply\b", r"\bbook\b",
    r"\bdownload\b", r"\bsign up\b", r"\bopen to\b", r"\binterested\b", r"\blet me know\b",
)  # fmt: skip


def problems(
    subject: str, body: str, *, first_step: bool, missing: Iterable[str] = ()
) -> list[Problem]:
    """Everything the gates find, errors first; `missing` names variables that printed nothing."""
    found = [
        *_broken_rules(subject, body, first_step=first_step),
        *_wrong_length(subject, body),
        *_spam_words(f"{subject}\n{body}"),
        *_calls_to_action(body),
        *(_missing(name) for name in missing),
    ]
    return sorted(found, key=lambda problem: problem.level != "error")


def _broken_rules(subject: str, body: str, *, first_step: bool) -> Iterator[Problem]:
    texts = {"subject": [subject], "body": [body], "both": [subject, body]}
    for rule in RULES:
        if rule.first_step_only and not first_step:
            continue
        for text in texts[rule.where]:
            if match := re.search(rule.pattern, _folded(text) if rule.folded else text):
                shown = " ".join(match.group().split())
                yield Problem(rule.code, rule.level, rule.sentence.replace("{found}", shown))
                break


def _wrong_length(subject: str, body: str) -> Iterator[Problem]:
    own_subject = re.sub(r"\A(?i:re)\s*:\s*", "", subject.strip())
    length, words = len(own_subject), sum(map(_is_word, body.split()))
    if own_subject and not SUBJECT_LENGTH[0] <= length <= SUBJECT_LENGTH[1]:
        yield Problem(
            "subject_length", "warning",
            f"The subject has {length} characters; {_span(SUBJECT_LENGTH)} read best.",
        )  # fmt: skip
    if words and not BODY_WORDS[0] <= words <= BODY_WORDS[1]:
        yield Problem(
            "body_length", "warning", f"The body has {words} words; {_span(BODY_WORDS)} read best."
        )


def _spam_words(text: str) -> Iterator[Problem]:
    folded = " ".join(_folded(text).split())
    found = [word for word in SPAM_WORDS if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded)]
    if found:
        words = ", ".join(f'"{word}"' for word in found)
        yield Problem("spam_words", "warning", f"Spam filters dislike {words}; say it otherwise.")


def _calls_to_action(body: str) -> Iterator[Problem]:
    """A heuristic: it counts sentences that ask for something."""
    sentences = re.split(r"(?<=[.!?…])\s+|\n+", _folded(body))
    calls = [one for one in sentences if any(re.search(call, one) for call in CALLS_TO_ACTION)]
    count = len(calls) or sum("?" in one for one in sentences)
    if body.strip() and count != 1:
        yield Problem(
            "call_to_action", "warning",
            f"The body seems to ask for {count or 'no'}{' different things' if count else 'thing'};"
            " one clear request works best.",
        )  # fmt: skip


def _missing(name: str) -> Problem:
    return Problem(
        "missing_value", "warning",
        f'"{name}" is not known for this person and was left out; read the sentence around it.',
    )  # fmt: skip


def _is_word(piece: str) -> bool:
    return any(letter.isalnum() for letter in piece)


def _span(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]} to {bounds[1]}"


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
