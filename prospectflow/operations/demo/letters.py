"""What the demo's recipients, and their mail servers, write back."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from outreach.inbox.reading import text_of

REPLIES = (
    "Bonjour,\n\nPourquoi pas, appelez-moi jeudi matin.\n\nCordialement",
    "Bonjour, pouvez-vous m’envoyer vos exemples et vos tarifs ? Merci",
    "Bonjour,\n\nNous avons déjà quelqu’un pour cela, mais je garde votre contact.",
)
OBJECTIONS = ("Merci de me désinscrire de votre liste.", "Ne me contactez plus, merci.")
AWAY = "Bonjour,\n\nJe suis actuellement en congés, de retour le {day}.\n\nBien cordialement"
DELIVERY_REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: {sender}
Date: {date}
Message-ID: <{mark}@mx.example.com>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_{mark}"

--=_{mark}
Content-Type: text/plain; charset=us-ascii

This is the mail system. Your message could not be delivered to {recipient}.

--=_{mark}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: User unknown

--=_{mark}
Content-Type: text/rfc822-headers

Message-ID: {message_id}
To: {recipient}

--=_{mark}--
"""


@dataclass(frozen=True)
class Received:
    """A mail as its recipient sees it."""

    recipient: str
    sender: str
    subject: str
    message_id: str
    step: int
    at: datetime
    mail: Message


def reply(received: Received, at: datetime) -> bytes:
    """A person's answer, with our mail quoted beneath."""
    return _quoting(received, REPLIES[len(received.recipient) % len(REPLIES)], at)


def objection(received: Received, at: datetime) -> bytes:
    """A person's no, with our mail quoted beneath."""
    return _quoting(received, OBJECTIONS[len(received.recipient) % len(OBJECTIONS)], at)


def away(received: Received, at: datetime, *, back: datetime) -> bytes:
    """A machine's word that its owner is away."""
    mail = _answer(received, AWAY.format(day=f"{back:%d/%m/%Y}"), at)
    mail.replace_header("Subject", f"Réponse automatique : {received.subject}")
    mail["Auto-Submitted"] = "auto-replied"
    return mail.as_bytes(policy=SMTP)


def delivery_report(received: Received, at: datetime) -> bytes:
    """The report of a server that has no such mailbox (RFC 3464)."""
    report = DELIVERY_REPORT.format(
        sender=received.sender,
        recipient=received.recipient,
        message_id=received.message_id,
        date=format_datetime(at),
        mark=_mark(received),
    )
    return report.replace("\n", "\r\n").encode()


def _quoting(received: Received, text: str, at: datetime) -> bytes:
    body = next(part for part in received.mail.walk() if part.get_content_type() == "text/plain")
    quoted = "\n".join(f"> {line}" for line in text_of(body).splitlines())
    intro = f"Le {received.at:%d/%m/%Y}, {received.sender} a écrit :"
    return _answer(received, f"{text}\n\n{intro}\n{quoted}", at).as_bytes(policy=SMTP)


def _answer(received: Received, text: str, at: datetime) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = received.recipient, received.sender
    mail["Subject"] = f"RE: {received.subject}"
    mail["Date"] = at
    mail["Message-ID"] = f"<{_mark(received)}@answer.example.com>"
    mail["In-Reply-To"] = mail["References"] = received.message_id
    mail.set_content(text)
    return mail


def _mark(received: Received) -> str:
    return sha256(received.message_id.encode()).hexdigest()[:24]
