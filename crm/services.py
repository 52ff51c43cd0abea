"""Facts that people and programs give by hand: read, settled and sourced as an import's are."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from crm.choices import EmailStatus
from crm.importing.addresses import (
    is_disposable_domain,
    is_free_mail,
    is_never_written_to,
    is_role,
)
from crm.importing.normalising import Unusable, cleaned, department_of, domain_of, page_key
from crm.importing.profiles import READERS, Reader
from crm.importing.sentences import sentence
from crm.importing.telephones import telephone
from crm.models import Company, Consent, Person, Phone, Position, Sourced
from prospectflow.errors import DomainError

BY_HAND = "hand"
SHOWN = 200  # characters of a value that its refusal repeats


class SiretOfAnotherSiren(DomainError):
    """A SIRET begins with its company's SIREN: mend one of the two."""


class NotYetSaid(DomainError):
    """Nobody can have said this in the future: mend the moment."""


def read(kind: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with their texts as an import stores them; ValidationError names each bad one."""
    result, faults = dict(values), {}
    for name, value in values.items():
        reader = _reader(kind, name)
        if reader is None or not isinstance(value, str):
            continue
        try:
            result[name] = reader(value)
        except Unusable as problem:
            said = sentence(problem.code, "en", value=cleaned(value)[:SHOWN], **problem.detail)
            faults[name] = ValidationError(said, code=problem.code)
    if faults:
        raise ValidationError(faults)
    return result


def save_by_hand(row: Model, given: Collection[str], *, at: datetime) -> None:
    """Store the row, of which these fields were given by hand, and what follows from them.

    Each fact notes that source and this moment. Raises SiretOfAnotherSiren.
    """
    settle = _SETTLERS.get(type(row))
    changed = set(given) | (settle(row, set(given)) if settle else set())
    if isinstance(row, Sourced):
        emptied = set() if row._state.adding else set(given)
        origin = {"source": BY_HAND, "at": at.isoformat()}
        row.provenance = _sourced(row, changed, emptied, origin)
        changed.add("provenance")
    row.save(update_fields=None if row._state.adding else changed)


def note_consent(
    person: Person, state: str, *, at: datetime, now: datetime, **fields: Any
) -> Consent:
    """Add the person's newest word, said at that moment; NotYetSaid when it lies ahead."""
    if at > now:
        raise NotYetSaid
    return Consent.objects.create(person=person, state=state, at=at, **fields)


def _reader(kind: type[Model], name: str) -> Reader | None:
    path = f"{kind._meta.model_name}.{name}"
    return READERS.get(path) or _MORE_READERS.get(path)


def _number(text: str) -> str | None:
    found = telephone(text)
    return found.number if found else None


# What an import reads together with other cells.
_MORE_READERS: Mapping[str, Reader] = {
    "company.main_phone": _number,
    "phone.number": _number,
}


def _sourced(
    row: Sourced, changed: set[str], emptied: set[str], origin: dict[str, str]
) -> dict[str, Any]:
    """Where the row's facts were learnt, now that these changed.

    What is empty has no source, unless somebody emptied it: then no import fills it again.
    """
    told = {
        name
        for name in changed & row.facts()
        if name in emptied or getattr(row, name) not in (None, "")
    }
    kept = {name: fact for name, fact in row.provenance.items() if name not in changed}
    return kept | dict.fromkeys(sorted(told), origin)


def _settle_company(company: Company, given: set[str]) -> set[str]:
    """A SIRET mends a missing SIREN; the domain, the year and the department follow too."""
    siren, siret = company.siren, company.hq_siret
    if siren and siret and not siret.startswith(siren):
        raise SiretOfAnotherSiren
    follows: dict[str, Any] = {}
    if siret and not siren:
        follows["siren"] = siret[:9]
    if company.website_url and "website_url" in given and "domain" not in given:
        follows["domain"] = domain_of(company.website_url)
    if company.founding_date and "founding_date" in given:
        follows["founding_year"] = company.founding_date.year
    if given & {"postal_code", "country"}:
        at_home = company.country in ("FR", "")
        follows["department"] = department_of(company.postal_code or "") if at_home else None
    return _set(company, follows)


def _settle_person(person: Person, given: set[str]) -> set[str]:
    """Whose LinkedIn page is known is known by it, and no longer once the page is taken away."""
    if "linkedin_url" not in given:
        return set()
    if person.linkedin_url:
        return _set(person, {"identity_key": page_key(person.linkedin_url)})
    forgotten = not person._state.adding and person.identity_key.startswith("linkedin:")
    return _set(person, {"identity_key": f"{BY_HAND}:{person.pk}"} if forgotten else {})


def _settle_position(position: Position, given: set[str]) -> set[str]:
    """What was known of an old address says nothing of the new one."""
    follows: dict[str, Any] = {}
    if "email" in given:
        old = {"email_status_raw": None, "email_reliability": None}
        follows = {"email_status": EmailStatus.UNKNOWN} | old | _kinds_of(position.email or "")
        if position.email and is_role(position.email):
            follows["email_status"] = EmailStatus.GENERIC
        follows = {name: value for name, value in follows.items() if name not in given}
    if position.email and is_never_written_to(position.email):
        follows["email_status"] = EmailStatus.DO_NOT_CONTACT
    return _set(position, follows)


def _kinds_of(email: str) -> dict[str, bool]:
    return {
        "email_is_role": is_role(email),
        "email_is_free": is_free_mail(email),
        "email_is_disposable": is_disposable_domain(email.rpartition("@")[2]),
    }


def _settle_phone(phone: Phone, given: set[str]) -> set[str]:
    """The numbering plan says what a number rings."""
    found = telephone(phone.number) if "number" in given and "kind" not in given else None
    return _set(phone, {"kind": found.kind} if found else {})


_SETTLERS: Mapping[type[Model], Any] = {
    Company: _settle_company,
    Person: _settle_person,
    Phone: _settle_phone,
    Position: _settle_position,
}


def _set(row: Model, values: Mapping[str, Any]) -> set[str]:
    for name, value in values.items():
        setattr(row, name, value)
    return set(values)
