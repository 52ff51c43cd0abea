"""A mail that we sign is believed, and both headers of one-click unsubscribing are covered."""

import re
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach.mail import Outgoing, build
from outreach.mail.signing import (
    DkimKeyRefused,
    checked_key,
    make_key,
    public_record,
    signature,
)
from outreach.services.mailbox_secrets import dkim_record, renew_dkim_key
from outreach.services.mailboxes import signature_of
from prospectflow.testing.factories import NOON, make_mailbox

MAIL = build(
    Outgoing(
        sender=("Zoé Durand", "zoe@atelier.example.com"),
        recipient="jean@client.example.com",
        subject="Une idée pour vos vitrines 🎬",
        text="Bonjour,\n.\nune ligne\n",
        html="<p>Bonjour,</p>",
        message_id="<1234@atelier.example.com>",
        date=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        in_reply_to="<before@atelier.example.com>",
        references=("<before@atelier.example.com>",),
        unsubscribe_url="https://go.atelier.example.com/u/" + 60 * "x",
        unsubscribe_mailto="zoe@atelier.example.com?subject=unsubscribe",
        feedback_id="abc:step1:cold:prospectflow",
    )
)
DOMAIN, SELECTOR = "atelier.example.com", "pf20261124"


@pytest.fixture(scope="module")
def key() -> str:
    return make_key()


@pytest.fixture(scope="module")
def signed(key) -> bytes:
    return signature(domain=DOMAIN, selector=SELECTOR, key=key)(MAIL)


def pem(private) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def believed(raw: bytes, key: str) -> bool:
    """What a receiver finds, who looks the key up where the signature says."""
    published = {f"{SELECTOR}._domainkey.{DOMAIN}.": public_record(key).encode()}
    return dkim.verify(raw, dnsfunc=lambda name, timeout=5: published.get(name.decode()))


def tag(raw: bytes, name: str) -> str:
    head = raw.split(b"\r\nFrom:")[0].decode().replace("\r\n ", "")
    return re.search(rf"[ ;]{name}=([^;]*)", head)[1]


def test_a_receiver_believes_the_signature(signed, key):
    assert signed.endswith(MAIL)
    assert believed(signed, key)
    assert not believed(signed, make_key())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"/u/x", b"/u/y"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
        (b"abc:step1", b"abc:step2"),
        (b"<before@", b"<behind@"),
        (b"<p>Bonjour", b"<p>Bonsoir"),
        (b"\r\nTo: ", b"\r\nFrom: eve@elsewhere.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nList-Unsubscribe: <https://elsewhere.example/>\r\nTo: "),
    ],
)
def test_what_was_changed_on_the_way_is_not_believed(signed, key, before, after):
    assert before in signed
    assert not believed(signed.replace(before, after), key)


def test_every_header_that_counts_is_covered(signed):
    covered = set(tag(signed, "h").replace(" ", "").split(":"))

    assert covered >= {"list-unsubscribe", "list-unsubscribe-post", "feedback-id", "from", "to"}
    assert covered >= {"subject", "date", "message-id", "in-reply-to", "references"}
    assert covered >= {"mime-version", "content-type"}


def test_the_body_is_signed_to_its_end_and_blanks_may_change(signed):
    assert tag(signed, "c") == "relaxed/relaxed"
    assert tag(signed, "a") == "rsa-sha256"
    assert not re.search(rb"[; ]l=", signed.split(b"\r\nFrom:")[0])


def test_no_line_of_the_signature_is_too_long(signed):
    assert max(map(len, signed.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("bits", [1024, 2048])
def test_a_key_in_any_form_of_pem_is_taken(bits):
    entered = pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    key = checked_key(f"\n  {entered}\n")

    assert believed(signature(domain=DOMAIN, selector=SELECTOR, key=key)(MAIL), key)
    assert public_record(entered) == public_record(key)


@pytest.mark.parametrize(
    "entered",
    [
        "",
        "nothing",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
        pem(ec.generate_private_key(ec.SECP256R1())),
        "é",
    ],
)
def test_what_is_no_key_is_refused_without_being_quoted(entered):
    with pytest.raises(DkimKeyRefused, match="Enter an RSA private key") as refusal:
        checked_key(entered)

    assert "AAAA" not in str(refusal.value)


def test_a_key_that_nobody_would_believe_is_refused():
    p, q = 2**256 - 2**32 - 977, 2**256 - 2**224 + 2**192 + 2**96 - 1
    e = 23
    d = pow(e, -1, (p - 1) * (q - 1))
    parts = p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(*parts, rsa.RSAPublicNumbers(e, p * q))

    with pytest.raises(DkimKeyRefused):
        checked_key(pem(numbers.private_key()))


def test_a_new_key_signs_only_once_it_was_seen_published(inside):
    mailbox = make_mailbox(address="zoe@atelier.example.com")

    record = renew_dkim_key(mailbox, at=NOON)

    mailbox.refresh_from_db()
    assert record == dkim_record(mailbox)
    assert record.name == f"{mailbox.dkim_selector}._domainkey.atelier.example.com"
    assert signature_of(mailbox) is None
    mailbox.domain_report = {"dkim": {"state": "ok", "sentence": "It is published."}}
    sign = signature_of(mailbox)
    published = {f"{record.name}.": record.value.encode()}
    assert dkim.verify(sign(MAIL), dnsfunc=lambda name, timeout=5: published[name.decode()])


def test_a_mailbox_without_a_key_leaves_signing_to_its_provider(inside):
    assert signature_of(make_mailbox()) is None
    assert dkim_record(make_mailbox()) is None
