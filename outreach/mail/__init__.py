"""What a mail is made of: its bytes, its thread, its hash and its legal footer."""

from outreach.mail.body import FooterRefused, Identity, Source, footer, to_html
from outreach.mail.message import (
    MailRefused,
    Outgoing,
    Sender,
    build,
    content_hash,
    message_id,
    thread_subject,
    wire_address,
)

__all__ = [
    "FooterRefused",
    "Identity",
    "MailRefused",
    "Outgoing",
    "Sender",
    "Source",
    "build",
    "content_hash",
    "footer",
    "message_id",
    "thread_subject",
    "to_html",
    "wire_address",
]
