"""Bounces and complaints of every shape."""

import base64

import pytest

from outreach.inbox.bounces import read_bounce, read_complaint
from outreach.tests.inbox.corpus import (
    ORIGINAL,
    OUR_ID,
    OURS,
    THEIRS,
    arf,
    dsn,
    failed,
    mail,
    parse,
)

UNKNOWN = failed(THEIRS, "5.1.1", "550 5.1.1 User unknown", Remote_MTA="dns; mx.exemple.fr")
DELAYED = failed(THEIRS, "4.4.1", "421 try later", Action="delayed")


def test_a_failed_delivery_is_read_with_all_it_says():
    bounce = read_bounce(dsn(UNKNOWN))

    assert (bounce.kind, bounce.standard) == ("hard", True)
    assert bounce.recipients[0].address == THEIRS
    assert bounce.recipients[0].status == "5.1.1"
    assert bounce.recipients[0].diagnostic == "550 5.1.1 User unknown"
    assert bounce.original_message_ids == (OUR_ID,)
    assert bounce.original_tags == ("m-0198",)


def test_a_delay_is_no_bounce():
    assert read_bounce(dsn(DELAYED)).kind == "delayed"


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "Delivered"])
def test_a_success_is_no_bounce(action):
    assert read_bounce(dsn(failed(THEIRS, "2.0.0", "250 ok", Action=action))) is None


def test_each_recipient_of_a_report_keeps_its_own_kind():
    full = failed("paul@exemple.fr", "5.2.2", "552 5.2.2 mailbox full")
    fine = failed("anne@exemple.fr", "2.1.5", "250 ok", Action="delivered")

    bounce = read_bounce(dsn(full, UNKNOWN, fine))

    assert bounce.kind == "hard"
    assert [(one.address, one.kind) for one in bounce.recipients] == [
        ("paul@exemple.fr", "soft"),
        (THEIRS, "hard"),
    ]


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind"),
    [
        ("5.1.1", "", "hard"),
        ("5.0.0", "550 5.1.1 unknown", "hard"),
        ("5.0.0", "550 Utilisateur inconnu", "hard"),
        ("5.7.1", "550 5.7.1 refused: spam", "block"),
        ("4.4.7", "expired", "soft"),
        ("5.3.4", "552 5.3.4 message too big", "config"),
        ("5.4.4", "", "hard"),
    ],
)
def test_the_diagnostic_says_how_bad_it_is(status, diagnostic, kind):
    assert read_bounce(dsn(failed(THEIRS, status, diagnostic))).kind == kind


@pytest.mark.parametrize(
    "original_type", ["message/rfc822", "message/global", "text/rfc822-headers"]
)
def test_our_message_is_found_whole_or_as_headers_only(original_type):
    bounce = read_bounce(dsn(UNKNOWN, original=ORIGINAL + "\nBonjour", original_type=original_type))

    assert (bounce.original_message_ids, bounce.original_tags) == ((OUR_ID,), ("m-0198",))


@pytest.mark.parametrize("encoded", [False, True], ids=["8bit", "base64"])
def test_an_internationalised_report_is_read_in_full(encoded):
    """RFC 6533; the standard parser stops after the first block."""
    blocks = [failed("zoé@exemple.fr", "5.1.1", "550 no"), UNKNOWN]
    message = dsn(*blocks, status_type="message/global-delivery-status")
    if encoded:
        body = "\n\n".join(("Reporting-MTA: dns; mx", *blocks)).encode()
        text = base64.encodebytes(body).decode()
        kind = "message/global-delivery-status\nContent-Transfer-Encoding: base64"
        message = parse(dsn("X", status_type=kind).as_bytes().replace(
            b"Reporting-MTA: dns; mx.societe-exemple.fr\n\nX", text.encode()
        ))  # fmt: skip

    assert [one.address for one in read_bounce(message).recipients] == ["zoé@exemple.fr", THEIRS]


def test_the_address_that_we_wrote_to_goes_before_a_rewritten_one():
    block = failed("jd@internal.local", "5.1.1", "550", Original_Recipient=f"rfc822;{THEIRS}")

    assert read_bounce(dsn(block)).recipients[0].address == THEIRS


POSTFIX = f"""This is the mail system at host mx.exemple.fr.

<{THEIRS}>: host mx.societe-exemple.fr[192.0.2.1] said: 550 5.1.1
    <{THEIRS}>: Recipient address rejected: User unknown in virtual mailbox table
"""
EXCHANGE_FR = f"""Échec de la remise à ces destinataires ou groupes :

Jean Durand ({THEIRS})
L’adresse de messagerie que vous avez entrée est introuvable. Vérifiez-la, puis renvoyez le message.

Informations de diagnostic pour les administrateurs :
Serveur distant a retourné « 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP lookup »

En-têtes du message d’origine :
{ORIGINAL}
"""
ORANGE = f"""Votre message n'a pas pu être remis au destinataire : {THEIRS}

Motif : boîte aux lettres pleine (552 5.2.2)

------ Copie du message ------
{ORIGINAL}
"""
QMAIL = f"""Hi. This is the qmail-send program at exemple.fr.
I'm afraid I wasn't able to deliver your message to the following addresses.

<{THEIRS}>:
192.0.2.1 does not like recipient.
Remote host said: 550 no such user
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

{ORIGINAL}
"""
SPAM_REFUSED = f"""Message non remis à {THEIRS}
554 5.7.1 Message bloqué : spam
"""
WITHOUT_STANDARD = {
    "postfix": ("Undelivered Mail Returned to Sender", POSTFIX, "hard"),
    "exchange, french": ("Non remis : Une idée", EXCHANGE_FR, "hard"),
    "orange": ("Échec de la remise", ORANGE, "soft"),
    "qmail": ("failure notice", QMAIL, "hard"),
    "spam": ("Message non distribué", SPAM_REFUSED, "block"),
}


@pytest.mark.parametrize(
    ("subject", "text", "kind"), WITHOUT_STANDARD.values(), ids=WITHOUT_STANDARD.keys()
)
def test_a_bounce_without_standard_is_understood(subject, text, kind):
    message = mail(text, subject=subject, From="MAILER-DAEMON@mx.exemple.fr", Return_Path="<>")

    bounce = read_bounce(message)

    assert (bounce.kind, bounce.standard) == (kind, False)
    assert [one.address for one in bounce.recipients] == [THEIRS]
    assert bounce.original_message_ids == ((OUR_ID,) if ORIGINAL in text else ())


def test_a_warning_without_standard_is_a_delay():
    text = f"THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND.\n{THEIRS}: 451 4.4.1 later"
    message = mail(text, subject="Warning: message still undelivered", From="postmaster@mx.fr")

    assert read_bounce(message).kind == "delayed"


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("Oui, jeudi.", {}),
        ("Le serveur nous a dit 550 5.1.1 hier.", {}),
        ("Je suis absent.", {"Return_Path": "<>", "subject": "Absence"}),
        ("Je suis le postmaster, que voulez-vous ?", {"From": "postmaster@exemple.fr"}),
        ("Vu, merci.", {"subject": "Re: Undelivered Mail Returned to Sender"}),
    ],
)
def test_what_people_and_absent_people_write_is_no_bounce(text, headers):
    assert read_bounce(mail(text, **headers)) is None


def test_a_complaint_names_its_person_and_our_message():
    complaint = read_complaint(arf("abuse"))

    assert complaint.counts
    assert complaint.recipients == (THEIRS,)
    assert (complaint.original_message_ids, complaint.original_tags) == ((OUR_ID,), ("m-0198",))


@pytest.mark.parametrize(
    ("kind", "counts"), [("abuse", True), ("opt-out", True), ("fraud", True), ("not-spam", False)]
)
def test_only_a_report_of_welcome_mail_does_not_count(kind, counts):
    assert read_complaint(arf(kind)).counts is counts


def test_a_reply_is_no_complaint():
    assert read_complaint(mail(f"Signalé à {OURS}")) is None
