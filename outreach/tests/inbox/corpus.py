"""Messages as mail programs and servers write them, built in code; the people are made up."""

from email import message_from_bytes, policy
from email.message import EmailMessage

OURS = "camille@agence-exemple.fr"
THEIRS = "jean.durand@societe-exemple.fr"
OUR_ID = "<0f3c9a.1@agence-exemple.fr>"

FOOTER = (
    "Camille Martin, Agence Exemple, 12 rue de Rome, 13001 Marseille\n\n"
    "Vous recevez ce message car votre fonction est en rapport avec notre offre.\n"
    "Pour ne plus recevoir de messages de notre part, répondez STOP ou cliquez ici :\n"
    "https://agence-exemple.fr/u/k3Jd8sL0aQ2wE5rT7yU9iO\n"
)
OUR_MAIL = f"Bonjour Jean,\n\nAvez-vous dix minutes jeudi ?\n\n{FOOTER}"


def parse(raw: bytes) -> EmailMessage:
    """Parse bytes as the inbox does."""
    return message_from_bytes(raw, policy=policy.default)


def mail(text: str = "", *, html: str = "", subject: str = "Re: Une idée", **headers: str):
    """Build a reply; `X_Autoreply="yes"` becomes the header X-Autoreply."""
    message = EmailMessage(policy=policy.default.clone(max_line_length=998))
    message["From"] = headers.pop("From", f"Jean Durand <{THEIRS}>")
    message["To"] = headers.pop("To", OURS)
    message["Subject"] = subject
    message["Message-ID"] = "<reply-1@societe-exemple.fr>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return parse(message.as_bytes())


def quoted(text: str) -> str:
    """Quote a text as mail programs do."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


ORIGINAL = (
    f"Message-ID: {OUR_ID}\nX-ProspectFlow-Message: m-0198\nFrom: {OURS}\nTo: {THEIRS}\n"
    "Subject: Une =?utf-8?q?id=C3=A9e?=\n"
)


def dsn(
    *blocks: str,
    status_type: str = "message/delivery-status",
    original: str = ORIGINAL,
    original_type: str = "text/rfc822-headers",
) -> EmailMessage:
    """Build a delivery status notification (RFC 3464) from its recipient blocks."""
    body = "\n\n".join(("Reporting-MTA: dns; mx.societe-exemple.fr", *blocks))
    raw = (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.societe-exemple.fr>\n"
        f"To: {OURS}\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        "Auto-Submitted: auto-replied\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain; charset=utf-8\n\nYour message could not be delivered.\n"
        f"--b\nContent-Type: {status_type}\n\n{body}\n"
        f"--b\nContent-Type: {original_type}\n\n{original}\n--b--\n"
    )
    return parse(raw.encode())


def failed(address: str, status: str, diagnostic: str, **fields: str) -> str:
    """Build the block of one recipient."""
    block = {
        "Final-Recipient": f"rfc822; {address}",
        "Action": "failed",
        "Status": status,
        "Diagnostic-Code": f"smtp; {diagnostic}",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    return "\n".join(f"{name}: {value}" for name, value in block.items())


def arf(feedback_type: str, *, original: str = ORIGINAL + "\nBonjour\n") -> EmailMessage:
    """Build an abuse report (RFC 5965)."""
    raw = (
        f"From: fbl@fournisseur-exemple.fr\nTo: {OURS}\nSubject: FW: Une idee\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n"
        "--b\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {feedback_type}\nUser-Agent: Fbl/1.0\nVersion: 1\n"
        f"Original-Rcpt-To: {THEIRS}\nSource-IP: 192.0.2.1\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    )
    return parse(raw.encode())
