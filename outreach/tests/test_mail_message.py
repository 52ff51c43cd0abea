"""The bytes of a mail: what was said arrives as it was said, and nothing else is smuggled in."""

import email
import email.header
import email.policy
import email.utils
import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outreach.mail import (
    MailRefused,
    Outgoing,
    build,
    content_hash,
    message_id,
    thread_subject,
    wire_address,
)

AT = datetime(2026, 11, 23, 9, 0, 7, tzinfo=timezone(timedelta(hours=1)))
URL = "https://prospection.example.com/u/" + "T" * 51  # 85 characters: the folding trap
EXCHANGE_ID = "<PAXPR01MB" + "7" * 90 + "@PAXPR01MB0000.eurprd01.prod.exchangelabs.com>"
PROSE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)
BODY = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


def outgoing(**changes) -> Outgoing:
    return Outgoing(
        **{
            "sender": ("Zoé Lefèvre", "zoe@atelier.example.com"),
            "recipient": "jean@client.example.com",
            "subject": "Une idée pour vos vidéos d’atelier",
            "text": "Bonjour Jean,\n\nÀ bientôt\n",
            "html": "<p>Bonjour Jean,</p><p>À bientôt</p>",
            "message_id": "<0198c0de@atelier.example.com>",
            "date": AT,
            "unsubscribe_url": URL,
            "unsubscribe_mailto": "zoe+stop@atelier.example.com",
        }
        | changes
    )


def parsed(raw: bytes):
    return email.message_from_bytes(raw, policy=email.policy.default)


def bodies(raw: bytes) -> list[str]:
    return [
        part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in parsed(raw).iter_parts()
    ]


def test_the_headers_say_who_to_whom_when_and_what():
    message = parsed(build(outgoing(feedback_id="c:t:cold:SENDER", tag="0198c0de")))

    assert message["From"].addresses[0].display_name == "Zoé Lefèvre"
    assert message["From"].addresses[0].addr_spec == "zoe@atelier.example.com"
    assert message["To"] == "jean@client.example.com"
    assert message["Subject"] == "Une idée pour vos vidéos d’atelier"
    assert message["Date"].datetime == AT
    assert message["Message-ID"] == "<0198c0de@atelier.example.com>"
    assert message["Feedback-ID"] == "c:t:cold:SENDER"
    assert message["X-ProspectFlow-Message"] == "0198c0de"
    assert b"Date: Mon, 23 Nov 2026 09:00:07 +0100\r\n" in build(outgoing())


def test_long_addresses_and_foreign_ids_survive_byte_for_byte():
    references = ("<first@example.com>", EXCHANGE_ID)
    raw = build(outgoing(in_reply_to=EXCHANGE_ID, references=references))
    message = parsed(raw)

    assert URL.encode() in raw
    assert b"=?" not in b"".join(line for line in raw.splitlines() if b"zoe+stop" in line)
    assert message["List-Unsubscribe"] == f"<{URL}>, <mailto:zoe+stop@atelier.example.com>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["In-Reply-To"] == EXCHANGE_ID
    assert message["References"] == " ".join(references)
    assert raw.count(EXCHANGE_ID.encode()) == 2


def test_text_comes_first_and_html_second_both_in_utf8():
    parts = list(parsed(build(outgoing())).iter_parts())

    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    assert bodies(build(outgoing())) == [
        "Bonjour Jean,\n\nÀ bientôt\n",
        "<p>Bonjour Jean,</p><p>À bientôt</p>",
    ]


def decoded(header: str) -> str:
    """A header as the older parser reads it; the newer one puts blanks between encoded words."""
    unfolded = header.replace("\r\n ", " ")
    return str(email.header.make_header(email.header.decode_header(unfolded)))


@given(PROSE, BODY, BODY)
def test_whatever_is_written_is_read_again_and_every_line_is_short_enough(subject, text, html):
    assume(subject.strip() == subject)
    raw = build(outgoing(subject=subject, text=text, html=html))

    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    assert parsed(raw).defects == []
    assert decoded(email.message_from_bytes(raw)["Subject"]) == subject
    assert bodies(raw) == [re.sub("\r\n?", "\n", part) for part in (text, html)]


@given(PROSE)
def test_a_display_name_is_read_again_as_it_was_written(name):
    assume(name == " ".join(name.split()))
    raw = build(outgoing(sender=(name, "zoe@a.example.com")))
    phrase, address = email.utils.parseaddr(email.message_from_bytes(raw)["From"])

    assert decoded(phrase) == name
    assert address == "zoe@a.example.com"


def test_a_name_that_looks_encoded_stays_what_it_is():
    message = parsed(build(outgoing(sender=("=?utf-8?q?Paul?=", "a@b.example"), subject="=?x?=")))

    assert message["From"].addresses[0].display_name == "=?utf-8?q?Paul?="
    assert message["Subject"] == "=?x?="


def test_the_same_mail_is_the_same_bytes_each_time():
    assert build(outgoing()) == build(outgoing())


def test_a_boundary_written_into_the_body_does_not_split_the_mail():
    boundary = parsed(build(outgoing())).get_boundary()
    raw = build(outgoing(text=f"--{boundary}--\n\n--{boundary}\nContent-Type: text/x-evil\n"))

    assert len(list(parsed(raw).iter_parts())) == 2


def test_a_mail_without_an_unsubscribe_address_has_no_header_for_it():
    message = parsed(build(outgoing(unsubscribe_url="", unsubscribe_mailto="")))

    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None


def test_one_click_is_not_promised_beside_a_mail_address_alone():
    message = parsed(build(outgoing(unsubscribe_url="", unsubscribe_mailto="mailto:s@b.example")))

    assert message["List-Unsubscribe"] == "<mailto:s@b.example>"
    assert message["List-Unsubscribe-Post"] is None


def test_a_long_thread_keeps_its_first_and_latest_references():
    ids = tuple(f"<{n}@example.com>" for n in range(60))
    kept = str(parsed(build(outgoing(references=ids)))["References"]).split()

    assert kept == [ids[0], *ids[-19:]]


def test_an_international_domain_goes_over_the_wire_in_ascii():
    assert wire_address("zoé@exemple.fr".replace("é", "e")) == "zoe@exemple.fr"
    assert wire_address("a@société.fr") == "a@xn--socit-esab.fr"
    assert wire_address("a@straße.de") == "a@xn--strae-oqa.de"  # strasse.de is somebody else's


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\r\nBcc: all@example.com"},
        {"subject": "Hello\nBcc: all@example.com"},
        {"subject": "Hello\x00"},
        {"subject": "Hello\u2028there"},
        {"sender": ("Zoé\r\nBcc: all@example.com", "zoe@a.example")},
        {"sender": ("Zoé", "zoe@a.example\r\nBcc: all@example.com")},
        {"recipient": "jean@b.example, all@example.com"},
        {"recipient": "jean@b.example\r\nBcc: all@example.com"},
        {"recipient": "Jean <jean@b.example>"},
        {"recipient": "jean"},
        {"recipient": "@b.example"},
        {"recipient": "jean@b..example"},
        {"recipient": "jean@" + "b" * 5000},
        {"recipient": "j" * 65 + "@b.example"},
        {"recipient": "jérôme@b.example"},
        {"message_id": "no angle brackets"},
        {"message_id": "<a@b>\r\nBcc: x@example.com"},
        {"in_reply_to": "<a@b> <c@d>"},
        {"references": ("<ok@example.com>", "<x y@example.com>")},
        {"references": (f"<{'x' * 1000}@example.com>",)},
        {"unsubscribe_url": "http://example.com/u/1"},
        {"unsubscribe_url": "https://example.com/u/1>\r\nBcc: x@example.com"},
        {"unsubscribe_url": "https://example.com/" + "x" * 1000},
        {"unsubscribe_url": "javascript:alert(1)"},
        {"unsubscribe_mailto": "a@b.example>, <mailto:c@d.example"},
        {"feedback_id": "a:b:c:d\r\nBcc: x@example.com"},
        {"tag": "a b"},
    ],
)
def test_what_would_damage_the_headers_is_refused_in_one_sentence(changes):
    with pytest.raises(MailRefused) as refusal:
        build(outgoing(**changes))

    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 6000


def test_a_refused_local_part_is_named():
    with pytest.raises(MailRefused, match="'jérôme@b.example' is no address that can be mailed"):
        wire_address("jérôme@b.example")


def test_the_loopback_may_be_used_without_tls():
    raw = build(outgoing(unsubscribe_url="http://127.0.0.1:8000/u/1"))

    assert b"List-Unsubscribe: <http://127.0.0.1:8000/u/1>" in raw


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="aware"):
        build(outgoing(date=datetime(2026, 1, 1)))


def test_a_message_id_is_the_row_at_the_senders_domain():
    row = UUID("0198c0de-0000-7000-8000-000000000001")

    assert message_id(row, "société.fr") == f"<{row.hex}@xn--socit-esab.fr>"
    with pytest.raises(MailRefused):
        message_id(row, "a b")


@pytest.mark.parametrize(
    ("first", "follow_up"),
    [
        ("Une idée", "Re: Une idée"),
        ("Re: Une idée", "Re: Une idée"),
        ("RE : Une idée", "RE : Une idée"),
        ("Relance", "Re: Relance"),
    ],
)
def test_a_follow_up_answers_the_first_subject_once(first, follow_up):
    assert thread_subject(first) == follow_up


SEEN = {"sender": "a@x.fr", "recipient": "b@y.fr", "subject": "S", "text": "T", "html": "<p>T</p>"}


@pytest.mark.parametrize("field", list(SEEN))
def test_any_change_of_what_is_seen_changes_the_hash(field):
    assert content_hash(**SEEN) != content_hash(**SEEN | {field: SEEN[field] + " "})


def test_text_moved_from_one_field_to_the_next_changes_the_hash():
    moved = SEEN | {"subject": "ST", "text": ""}

    assert content_hash(**SEEN) != content_hash(**moved)


def test_line_ends_of_a_web_form_do_not_change_the_hash():
    unix, web = SEEN | {"text": "a\nb"}, SEEN | {"text": "a\r\nb"}

    assert content_hash(**unix) == content_hash(**web)
    assert len(content_hash(**unix)) == 64


def test_the_date_is_written_with_a_numeric_offset_in_utc_too():
    assert b"+0000\r\n" in build(outgoing(date=datetime(2026, 1, 1, tzinfo=UTC)))
