"""Files of invented prospects, as Pharow writes them: of any length, and the same each time."""

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random

HEADERS = (
    *("Nom de la liste Pharow", "Nom", "Prénom", "Civilité", "URL LinkedIn du prospect"),
    *("Poste occupé", "Email", "Type d'email", "Fiabilité de l'email", "Tél portable"),
    *("Tél Kaspr (1)", "SIREN", "SIRET du siège", "Nom commercial", "Nom légal", "Tél standard"),
    *("Email générique", "Secteur NAF", "Activité source Pharow", "Année de création"),
    *("Date de création", "Effectif réel", "Tranche d'effectif corrigée"),
    *("URL du site internet", "URL de la page LinkedIn", "Adresse du siège complète"),
    *("Chiffre d'affaires en euros", "Année du chiffre d'affaires", "En croissance"),
)
FIRST_NAMES = (
    *("Jean", "Marie", "Zoé", "Rémi", "Ada", "Luc", "Émilie", "Chloé", "Hugo", "Inès", "Noël"),
    *("Paul", "Anne", "Alain", "Sophie", "Roland", "Martin"),
)
LAST_NAMES = (
    *("Bodin", "Mahé", "Dupont", "Lefèvre", "Garnier", "Faure", "Chevalier", "Blanc", "Guérin"),
    *("Muller", "Henry", "Roussel", "Nicolas", "Perrin", "Morin", "Mathieu", "Clément"),
)
DISTINCT = 0.28  # companies by prospects, as in real lists
PLAIN = str.maketrans("éèîëïç", "eeieic")


def write_pharow(path: Path, rows: int, *, start: int = 0, seed: int = 1) -> None:
    """Write so many prospects; those of another `start` are other people in other companies."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(HEADERS)
        writer.writerows(pharow_rows(rows, start=start, seed=seed))


def pharow_rows(rows: int, *, start: int = 0, seed: int = 1) -> Iterator[list[str]]:
    """The cells of each prospect; people of one company stand anywhere in the file."""
    chance = Random(seed)  # noqa: S311 - nobody must be unable to guess these
    companies, first = max(1, int(rows * DISTINCT)), int(start * DISTINCT)
    for number in range(start, start + rows):
        company = first + chance.randrange(companies)
        yield [*_person(number, company), *_company(company)]


def _person(number: int, company: int) -> list[str]:
    first, last = FIRST_NAMES[number % 17], LAST_NAMES[number // 17 % 17]
    local = f"{first}.{last}{number}".lower().translate(PLAIN)
    page = f"https://www.linkedin.com/in/exemple-{local.replace('.', '-')}"
    digits = f"{number % 90 + 10} {number // 90 % 90 + 10} {number // 8100 % 90 + 10}"
    return [
        *("CHR Bouches-du-Rhône", f"{last} {number // 289}", first),
        *("Monsieur" if number % 2 else "Madame", page if number % 7 else ""),
        "Gérant" if number % 3 else "Directeur général",
        *(f"{local}@entreprise-{company:07d}.example.com", "valid", "98%"),
        "" if number % 3 else f"+33 6 {digits} 28",
        "" if number % 5 else f"+33 7 51 {digits}",
    ]


def _company(number: int) -> list[str]:
    siren = _checked(f"{10_000_000 + number * 7:08d}")
    siret, site = _checked(f"{siren}0001"), f"entreprise-{number:07d}.example.com"
    year = 1950 + number % 70
    revenue = ("", "") if number % 5 else (str(100_000 + number), "2023")
    return [
        *(siren, siret, "" if number % 3 else f"Chez {number}"),
        f"ENTREPRISE {number:07d} SARL",
        f"04 {number % 90 + 10} {number // 90 % 90 + 10} {number // 8100 % 90 + 10} 80",
        *(f"contact@{site}", "Débits de boissons", "Café, bar, brasserie"),
        *(str(year), f"{year}-01-30", "", "3 - 5", f"https://www.{site}", ""),
        f"{number % 99 + 1} RUE DE LA GLACE, {13001 + number % 16} MARSEILLE",
        *revenue,
        "Non" if number % 2 else "",
    ]


def _checked(digits: str) -> str:
    """The digits and the one by which Luhn's rule holds."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    total = sum(number - 9 if number > 9 else number for number in doubled)
    return f"{digits}{-total % 10}"
