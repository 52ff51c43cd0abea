"""Mails that left through the engine's own functions, and answers as the inbox fetches them."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import count
from typing import Any

from outreach.credentials import seal
from outreach.inbox.fetching import Fetched
from outreach.models import Campaign, Enrollment, Mailbox, Message, Task
from outreach.services import sending
from outreach.services.settling import settle
from outreach.smtp import Accepted
from outreach.tests.inbox.corpus import OURS, mail
from outreach.tests.making import MORNING, make_open_campaign, make_ready
from prospectflow.testing.factories import make_mailbox, make_position, make_step
from tracking.services import place_pixel

LATER = MORNING + timedelta(hours=5)
_numbers = count(1)


def make_two_steps(mailbox: Mailbox | None = None, **fields: Any) -> Campaign:
    """A running campaign whose second step follows four working days after the first."""
    mailbox = mailbox or make_mailbox(address=OURS, sealed_password=seal("secret"))
    campaign = make_open_campaign(mailbox, **fields)
    make_step(campaign)
    make_step(campaign, delay_days=4)
    return campaign


def make_sent(
    campaign: Campaign | None = None, *, at: datetime = MORNING, **position: Any
) -> Message:
    """A first mail that the recipient's server took; its follow-up is planned."""
    campaign = campaign or make_two_steps()
    position = {"email": f"jean{next(_numbers)}@societe-exemple.fr"} | position
    task = make_ready(campaign, at=at, position=make_position(**position))
    Mailbox.objects.filter(pk=campaign.from_mailbox_id).update(next_send_at=None)
    intention = sending.intend(campaign.from_mailbox_id, now=at, worker="test", frozen=place_pixel)
    assert intention is not None
    assert intention.task.pk == task.pk
    taken = Accepted(250, "2.0.0 Ok", "mx.example.com")
    message = settle(intention.task, intention.message.pk, taken, now=at)
    assert message is not None
    return message


def answer(sent: Message, text: str, *, subject: str = "Re: Une idée", **headers: str) -> Fetched:
    """What the recipient of this mail writes back, as a mail program threads it."""
    ours = {
        "From": sent.to_address,
        "To": sent.from_address,
        "In-Reply-To": sent.rfc822_message_id,
    }
    headers = ours | headers
    reply = mail(text, subject=subject, **{k: v for k, v in headers.items() if v})
    return fetched(reply, identifier=f"<answer-{next(_numbers)}@societe-exemple.fr>")


def fetched(message: EmailMessage, *, identifier: str | None = None) -> Fetched:
    """A message as the inbox hands it over; `identifier` replaces its Message-ID, "" takes it."""
    if identifier is not None:
        del message["Message-ID"]
    if identifier:
        message["Message-ID"] = identifier
    raw = message.as_bytes()
    return Fetched("INBOX", 1, next(_numbers), LATER, len(raw), raw, message)


def state_of(sent: Message) -> str:
    """Where the enrolment of this mail stands now."""
    return Enrollment.objects.get(pk=sent.enrollment_id).state


def open_tasks(sent: Message) -> list[Task]:
    """What is still to be sent in the enrolment of this mail."""
    return list(Task.objects.open().filter(enrollment_id=sent.enrollment_id))
