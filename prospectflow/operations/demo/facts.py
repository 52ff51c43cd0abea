"""Three facts read back from the mail server's own store, and one about the other organisation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message as Mail
from uuid import UUID

from crm.models import Company
from outreach.inbox.reading import header, text_of
from outreach.mail import content_hash
from outreach.models import Draft, Enrollment, Message
from prospectflow.operations.demo.letters import Received
from prospectflow.tenancy.context import tenant


@dataclass(frozen=True)
class Fact:
    """A sentence that must be true, and what speaks against it."""

    sentence: str
    against: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.against


def no_step_twice(store: Sequence[Received]) -> Fact:
    """Nobody got the same step a second time."""
    counted = Counter((mail.recipient, mail.step) for mail in store)
    twice = [f"{who}: step {step + 1}, {n} times" for (who, step), n in counted.items() if n > 1]
    return _of_store("No address got the same step twice", store, twice)


def none_after_stop(store: Sequence[Received], heard: dict[str, datetime]) -> Fact:
    """Nobody was written to after the platform had heard that it must stop."""
    late = [
        f"{mail.recipient}: written to at {mail.at:%d %b %H:%M}, stopped at {stopped:%d %b %H:%M}"
        for mail in store
        if (stopped := heard.get(mail.recipient)) is not None and mail.at > stopped
    ]
    return _of_store("No mail left after a stop", store, late)


def all_approved(store: Sequence[Received], organisation_id: UUID) -> Fact:
    """The SHA-256 of what stands in the store is that of an approved draft, for every mail."""
    with tenant(organisation_id):
        approved = set(
            Draft.objects.filter(approved_hash__isnull=False).values_list(
                "approved_hash", flat=True
            )
        )
    foreign = [
        f"{mail.recipient}: “{mail.subject}”" for mail in store if _hash(mail) not in approved
    ]
    return _of_store("Every mail was approved, word for word", store, foreign)


def untouched(other_id: UUID, companies: int) -> Fact:
    """The other organisation has its own prospects, and nothing of the campaign."""
    with tenant(other_id):
        against = [
            f"{model._meta.verbose_name_plural}: {found}"
            for model, wanted, found in (
                (Company, companies, Company.objects.count()),
                (Enrollment, 0, Enrollment.objects.count()),
                (Message, 0, Message.objects.count()),
            )
            if found != wanted
        ]
    return Fact("The second organisation is untouched", tuple(against))


def _of_store(sentence: str, store: Sequence[Received], against: Sequence[str]) -> Fact:
    """Of an empty store everything would be true, so nothing is."""
    return Fact(sentence, tuple(against) if store else ("The store holds no mail.",))


def _hash(received: Received) -> str:
    return content_hash(
        sender=header(received.mail, "From"),
        recipient=received.recipient,
        subject=header(received.mail, "Subject"),
        text=_body(received.mail, "text/plain"),
        html=_body(received.mail, "text/html"),
    )


def _body(mail: Mail, content_type: str) -> str:
    parts = (part for part in mail.walk() if part.get_content_type() == content_type)
    return next(map(text_of, parts), "")
