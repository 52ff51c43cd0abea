"""The people of a batch of rows: names, pages, addresses, telephones."""

from collections.abc import Container, Mapping, Sequence
from itertools import repeat

from crm.importing.addresses import NEVER_WRITE_TO, ROLES, is_disposable_domain, is_free_domain
from crm.importing.copying import NULL, escaped
from crm.importing.normalising import Unusable, cleaned, header_key, page_key
from crm.importing.parsing.cells import Column, Finding, Memo, Table
from crm.importing.telephones import telephone

RAW_LIMIT = 64  # characters of a telephone number as it stood in the file
EMAIL_STATUSES = {  # the suppliers' words -> ours
    "valid": "valid",
    "valide": "valid",
    "deliverable": "valid",
    "nominative": "valid",
    "nominatif": "valid",
    "high probability": "catch_all_likely",
    "catch all safe": "catch_all_likely",
    "catch all": "catch_all",
    "catch all not safe": "catch_all",
    "catchall": "catch_all",
    "risky": "catch_all",
    "unknown": "unknown",
    "inconnu": "unknown",
    "random": "unknown",
    "non validated": "unknown",
    "generic": "generic",
    "generique": "generic",
    "invalid": "invalid",
    "invalide": "invalid",
    "undeliverable": "invalid",
    "disposable": "invalid",
    "jetable": "invalid",
    "do not contact": "do_not_contact",
    "ne pas contacter": "do_not_contact",
}


class PeopleReader:
    """Reads what the rows of one file say of people and their positions."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self.columns = {
            target.partition(".")[2]: Column(target, place)
            for target, place in places.items()
            if target.startswith(("person.", "position."))
        }
        self.email = self.columns.pop("email", None)
        self.telephones = {
            target.removeprefix("phone."): place
            for target, place in places.items()
            if target.startswith("phone.")
        }
        self.key_of = Memo[str](lambda name: "" if name == NULL else header_key(name))
        self.status_of = Memo[str | None](_status)

    def addresses(self, table: Table, findings: list[Finding]) -> list[str]:
        """Each row's address as COPY text; a row without a usable one is refused.

        Where the file has no addresses, none is asked for.
        """
        if self.email is None:
            return [NULL] * len(table.rows)
        values = self.email.read(table.columns[self.email.place], findings, required=True)
        if NULL in values:
            invalid = {finding.at for finding in findings if finding.refusing}
            findings += [
                Finding(at, self.email.place, "email_missing", {}, refusing=True)
                for at, value in enumerate(values)
                if value == NULL and at not in invalid
            ]
        return values

    def read(
        self, table: Table, emails: Sequence[str], findings: list[Finding]
    ) -> dict[str, Sequence[str]]:
        """The columns of people and positions, each as COPY text."""
        values: dict[str, Sequence[str]] = {
            name: column.read(table.columns[column.place], findings)
            for name, column in self.columns.items()
        }
        if "full_name" in values:
            _split_names(values, len(emails))
        if lasts := values.get("last_name"):
            firsts = values.get("first_name") or repeat(NULL)
            values["name_key"] = [
                f"{self.key_of[first]}|{key}" if (key := self.key_of[last]) else NULL
                for first, last in zip(firsts, lasts, strict=False)
            ]
        if pages := values.get("linkedin_url"):
            values["page_key"] = [NULL if url == NULL else page_key(url) for url in pages]
        return values | {"email": emails} | self._traits(values, emails, findings)

    def phone_lines(
        self,
        table: Table,
        postcodes: Mapping[int, str],
        refused: Container[int],
        findings: list[Finding],
    ) -> str:
        """The telephone numbers of the usable rows, each read as from where its company lies."""
        lines = []
        for source, place in self.telephones.items():
            for at, cell in enumerate(table.columns[place]):
                if not cell:
                    continue
                try:
                    found = telephone(cell, postcode=postcodes.get(at))
                except Unusable as problem:
                    findings.append(Finding(at, place, problem.code, problem.detail))
                    continue
                if found and at not in refused:
                    raw = escaped(cleaned(cell)[:RAW_LIMIT])
                    lines.append(
                        f"{table.numbers[at]}\t{source}\t{found.number}\t{found.kind}\t{raw}\n"
                    )
        return "".join(lines)

    def _traits(
        self, values: Mapping[str, Sequence[str]], emails: Sequence[str], findings: list[Finding]
    ) -> dict[str, Sequence[str]]:
        """What the addresses are, from the supplier's word and from how they are written."""
        place = self.email.place if self.email else -1
        traits = []
        for at, (email, word) in enumerate(
            zip(emails, values.get("email_status_raw") or repeat(NULL), strict=False)
        ):
            if email == NULL:
                traits.append((NULL, NULL, NULL, NULL))
                continue
            status = NULL if word == NULL else self._status(at, word, findings)
            if codes := _peculiarities(email):
                findings += [Finding(at, place, code, {}) for code in codes]
                traits.append(_traits_of(codes, status))
            else:
                traits.append((status, "f", "f", "f"))
        names = ("email_status", "email_is_role", "email_is_free", "email_is_disposable")
        return dict(zip(names, zip(*traits, strict=True), strict=False))

    def _status(self, at: int, word: str, findings: list[Finding]) -> str:
        status = self.status_of[word]
        if status is None:
            place = self.columns["email_status_raw"].place
            findings.append(Finding(at, place, "email_status_unknown", {}))
        return status or "unknown"


def _status(word: str) -> str | None:
    # Dropcontact writes qualification@kind, as in nominative@pro.
    return EMAIL_STATUSES.get(header_key(word).replace("-", " ").partition("@")[0])


def _peculiarities(email: str) -> list[str]:
    """The codes of what is to be told of a usable address."""
    local, _, domain = email.partition("@")
    codes = []
    if local in NEVER_WRITE_TO:
        codes.append("email_never_written_to")
    elif local in ROLES:
        codes.append("email_role")
    if is_free_domain(domain):
        codes.append("email_free_mail")
    if is_disposable_domain(domain):
        codes.append("email_disposable")
    return codes


def _traits_of(codes: Sequence[str], status: str) -> tuple[str, str, str, str]:
    """An address's status and flags; what it shows of itself goes before silence."""
    role, free, disposable = (
        "t" if code in codes else "f"
        for code in ("email_role", "email_free_mail", "email_disposable")
    )
    if "email_never_written_to" in codes:
        status = "do_not_contact"
    elif role == "t" and status == NULL:
        status = "generic"
    return status, role, free, disposable


def _split_names(values: dict[str, Sequence[str]], count: int) -> None:
    """A full name becomes first and last name where both are missing."""
    nothing = [NULL] * count
    firsts, lasts = values.get("first_name", nothing), values.get("last_name", nothing)
    names = [
        split_name(full) if first == last == NULL != full else (first, last)
        for first, last, full in zip(firsts, lasts, values.pop("full_name"), strict=True)
    ]
    values["first_name"] = [first or NULL for first, _last in names]
    values["last_name"] = [last or NULL for _first, last in names]


def split_name(full: str) -> tuple[str | None, str | None]:
    """First and last name: by a comma, by capitals (“Jean DUPONT”), or by being two words."""
    last, comma, first = full.partition(",")
    if comma:
        return first.strip() or None, last.strip() or None
    words = full.split()
    capitals = [word for word in words if len(word) > 1 and word.isupper()]
    others = [word for word in words if word not in capitals]
    if capitals and others:
        return " ".join(others), " ".join(capitals)
    return (words[0], words[1]) if len(words) == 2 else (None, full)
