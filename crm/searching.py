"""What the words of a search ask of a company, of a person and of a position's address."""

import re
from collections.abc import Iterator
from functools import reduce
from operator import and_

from django.db.models import Q

from prospectflow.tenancy.search import holds

MOST_WORDS = 10  # of a search; each costs the planner some time
REGISTER_NUMBER = re.compile(r"(?<!\d)(\d{3})\s(\d{3})\s(\d{3})(?:\s(\d{5}))?(?!\d)")
SIREN_LENGTH, SHORTEST_NUMBER, SIRET_LENGTH = 9, 3, 14
LONGEST_IN_NAME = 5  # digits, as in a postcode; a longer number belongs to a register
DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)+")


def words_of(text: str) -> list[str]:
    """The words that are looked for: a SIREN or SIRET is one, a mark by itself is none."""
    joined = REGISTER_NUMBER.sub(lambda found: "".join(found.groups("")), text.replace("\0", " "))
    return [word for word in joined.split() if any(map(str.isalnum, word))][:MOST_WORDS]


def of_company(words: list[str], path: str = "") -> Q:
    """Each word is in the company's name or begins its SIREN, or its domain, or is a SIRET."""
    return reduce(and_, (_company_word(word, path) for word in words), Q())


def of_person(words: list[str], path: str = "") -> Q:
    """Each word is in one of the person's names."""
    return reduce(and_, (_person_word(word, path) for word in words), Q())


def is_address(word: str) -> bool:
    """Whether the word is an address or the beginning of one: `ada@`, but not `@acme.fr`."""
    return "@" in word[1:]


def of_position(words: list[str]) -> Iterator[Q]:
    """By the address or its domain; the others by the person, by the company, or by both.

    A word alone may also be how an address begins.
    """
    addressed = of_company([word for word in words if word[0] == "@"], "company__")
    for word in filter(is_address, words):
        addressed &= Q(email__begins=word.lower())
    names = [word for word in words if "@" not in word]
    if len(words) == len(names) == 1:
        yield Q(email__begins=names[0].lower())
    for person, company in _splits(names) if names else [([], [])]:
        yield addressed & of_person(person, "person__") & of_company(company, "company__")


def _splits(words: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """What of the words may tell the person and what the company: one before the other."""
    for place in range(len(words)):
        yield words[place:], words[:place]
        yield words[:place], words[place:]


def _company_word(word: str, path: str) -> Q:
    domain = word.rpartition("@")[2].lower()
    if "@" in word:
        return Q(**{f"{path}domain__begins": domain})
    asked = holds(f"{path}name", word)
    if DOMAIN.fullmatch(word):
        asked |= Q(**{f"{path}domain__begins": domain})
    if word.isdecimal() and SHORTEST_NUMBER <= len(word) <= SIRET_LENGTH:
        registered = Q(**{f"{path}siren__begins": word[:SIREN_LENGTH]})
        return registered if len(word) > LONGEST_IN_NAME else asked | registered
    return asked


def _person_word(word: str, path: str) -> Q:
    return holds(f"{path}last_name", word) | holds(f"{path}first_name", word)
