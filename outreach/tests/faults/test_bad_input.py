"""Whatever names, subjects, addresses and bodies hold: refused, or sent as one mail; never more."""

from datetime import timedelta
from email import message_from_bytes, policy
from functools import partial

import pytest
from django.db import Error, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.mail import MailRefused, Outgoing, build
from outreach.models import Draft, Task
from outreach.services.approval import approve, rendered
from outreach.services.drafting import compose
from outreach.services.sending import send_batch
from outreach.tests.faults.judging import AT_ONCE, hold_to_account
from outreach.tests.making import MORNING, make_due, make_open_campaign, make_ready
from outreach.tests.postbox import World
from prospectflow.errors import DomainError
from prospectflow.jobs import write_due_drafts
from prospectflow.testing.factories import make_company, make_person, make_position, make_step

HOUR = timedelta(hours=1)
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Feedback-ID", "X-ProspectFlow-Message",
    "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
]  # fmt: skip
TEXTS = [
    "Ada\r\nBcc: victim@example.org",
    "Ada\nBcc: victim@example.org",
    "Ada\rBcc: victim@example.org",
    "Ada\u2028Bcc: victim@example.org\x85X: y\x0bZ: z",
    "Ada\r\n\r\nA body of their own\r\n.\r\nMAIL FROM:<x@example.org>",
    "=?utf-8?q?=0D=0ABcc:_victim=40example.org?=",
    '"Ada" <ada@evil.example>, (comment) \\',
    "🎬✨👩🏽‍🚀 Ada 🇫🇷",
    "\u202eada\u202c \u200fעדה\u200e",
    "A" + "\u0301" * 200,
    "Ada \udc80"[:4] + "\ufffd",
    "A" * 10_000,
    " \u00a0\u200b ",
    "{{ first_name }}{% for a in b %}",
    "--=_0123456789abcdef0123456789abcdef--",
]
ADDRESSES = [
    'a"quoted name"@client.example.com',
    '"ada lovelace"@client.example.com',
    "ada(comment)@client.example.com",
    "ada@client.example.com (ada)",
    "ada @client.example.com",
    "<ada@client.example.com>",
    "ada@client.example.com, victim@example.org",
    "ada@client.example.com\r\nrcpt to:<victim@example.org>",
    "ada@client.example.com>\r\ndata",
    "a" * 300 + "@client.example.com",
    "a" * 65 + "@client.example.com",
    "ada@" + "a" * 64 + ".example.com",
    "ada@-client.example.com",
    "ada@[127.0.0.1]",
    "ada@client..example.com",
    ".ada@client.example.com",
    "zoé@client.example.com",
    "ada\u202e@client.example.com",
    "ada@client.example.com\x00",
    "ada",
    "@",
    "",
]


@pytest.fixture
def campaign(busy):
    """Its subject and its body repeat what is said of the person and the company."""
    with busy.open() as mailbox:
        made = make_open_campaign(mailbox)
        make_step(
            made,
            subject_template="Une idée courte pour {{ company }}",
            body_template="Bonjour {{ first_name }} {{ last_name }}, voici une idée.",
        )
        return made


def among_others(world, campaign, makers):
    """Each bad task between two good ones; how many of the bad were let in at all."""
    let_in = 0
    for make in makers:
        with world.open():
            make_ready(campaign)
        try:
            with world.open():
                make()
        except (DomainError, Error, ValueError):  # refused, before anything is to leave
            continue
        let_in += 1
    with world.open():
        make_ready(campaign)
    return let_in


def send_all(world):
    for hour in range(1, 4):
        send_batch(
            world.organisation_id,
            world.mailbox_id,
            clock=lambda at=MORNING + hour * HOUR: at,
            worker="test",
            limit=200,
        )


def hold_whole(world, postbox, good, let_in):
    """The good ones left, and what left is each one mail with our own headers, to one address."""
    counted = hold_to_account(world, postbox)
    assert good <= counted["sent"] <= good + let_in
    assert sorted(to for to, _ in postbox.mails) == sorted(m["To"] for m in postbox.parsed())
    assert "victim@example.org" not in postbox.seen
    for mail in postbox.parsed():
        assert sorted(mail.keys()) == sorted(HEADERS)
        kinds = [part.get_content_type() for part in mail.iter_parts()]
        assert kinds == ["text/plain", "text/html"]


def test_whatever_people_and_companies_are_called(busy, postbox, campaign):
    def named(text):
        person = make_person(first_name=text, last_name=text)
        position = make_position(person=person, company=make_company(name=text))
        return make_ready(campaign, position=position)

    let_in = among_others(busy, campaign, [partial(named, text) for text in TEXTS])
    send_all(busy)

    assert let_in > len(TEXTS) // 2  # most of them are mended on their way
    hold_whole(busy, postbox, len(TEXTS) + 1, let_in)


def forced(campaign, position=None, **fields):
    """A draft that says this, approved past every gate."""
    draft = compose(make_due(campaign, position=position or make_position()), at=MORNING)
    Draft.objects.filter(pk=draft.pk).update(**fields)
    draft = Draft.objects.get(pk=draft.pk)
    Draft.objects.filter(pk=draft.pk).update(
        status="approved", approved_hash=rendered(draft).hash, approved_at=MORNING
    )


def test_whatever_a_subject_is_even_past_the_gates(busy, postbox, campaign):
    let_in = among_others(busy, campaign, [partial(forced, campaign, subject=t) for t in TEXTS])
    send_all(busy)

    assert let_in == len(TEXTS)
    hold_whole(busy, postbox, len(TEXTS) + 1, let_in)


def test_whatever_an_address_is_even_past_the_gates(busy, postbox, campaign):
    def addressed(address):
        forced(campaign, make_position(email=address), recipient=address)

    let_in = among_others(busy, campaign, [partial(addressed, each) for each in ADDRESSES])
    send_all(busy)

    assert set(postbox.seen) & set(ADDRESSES) == set()
    assert 0 < let_in < len(ADDRESSES)
    hold_whole(busy, postbox, len(ADDRESSES) + 1, 0)


@pytest.mark.parametrize("line", ["une ligne\n", "x" * 80])
def test_a_body_of_five_megabytes_leaves_whole(busy, postbox, campaign, line):
    body = ("Bonjour\n" + line * (5_000_000 // len(line))).strip()
    let_in = among_others(busy, campaign, [partial(forced, campaign, body_text=body)])
    send_all(busy)

    hold_whole(busy, postbox, 2, let_in)
    texts = [mail.get_body(("plain",)).get_content() for mail in postbox.parsed()]
    assert sum(text.replace("\r\n", "\n").startswith(body) for text in texts) == 1
    assert max(len(each) for _, raw in postbox.mails for each in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "template",
    [
        "{{ first_name | nothing_like_it }}",
        "{% for a in (1..1000000000) %}{{ a }}{% endfor %}",
        "{% if %}",
        "{{ first_name.a.b.c[0] }}{% assign x = x %}{% include 'etc/passwd' %}",
        "{{ 1 | divided_by: 0 }}",
    ],
)
def test_a_template_that_raises_keeps_back_no_other_mail(busy, postbox, campaign, template):
    with busy.open() as mailbox:
        broken = make_open_campaign(mailbox)
        make_step(broken, body_template=template)
        make_due(broken)
        make_due(campaign)
    write_due_drafts(busy.organisation_id, now=MORNING, ahead=HOUR, limit=20)
    with busy.open():
        for draft in Draft.objects.filter(task__campaign=campaign):
            approve(draft, at=MORNING, rule="test")
    send_all(busy)

    assert hold_to_account(busy, postbox) == {"sent": 1, "scheduled": 1}
    with busy.open():
        assert Task.objects.get(campaign=broken).last_error


def test_a_mailbox_whose_name_is_bad_refuses_its_mails_and_no_others(committed, postbox):
    bad, good = (
        World(postbox, **AT_ONCE | {"display_name": name})
        for name in ("Camille\r\nBcc: victim@example.org", "Camille")
    )
    for world in (bad, good):
        with world.open() as mailbox:
            campaign = make_open_campaign(mailbox)
            make_step(campaign)
            try:
                with transaction.atomic():
                    make_ready(campaign)
            except DomainError:
                pass
        send_all(world)

    assert len(postbox.mails) == 1
    assert postbox.parsed()[0].keys().count("Bcc") == 0


@settings(max_examples=100, deadline=None)
@given(name=st.text(max_size=120), subject=st.text(max_size=400), text=st.text(max_size=400))
def test_any_text_at_all_is_refused_or_read_back_as_it_was(name, subject, text):
    try:
        raw = build(
            Outgoing(
                sender=(name, "zoe@atelier.example.com"),
                recipient="jean@client.example.com",
                subject=subject,
                text=text,
                html=f"<p>{text}</p>",
                message_id="<1@atelier.example.com>",
                date=MORNING,
                unsubscribe_url="https://prospects.example.com/u/token",
                feedback_id="a:step0:cold:prospectflow",
                tag="42",
            )
        )
    except (MailRefused, UnicodeEncodeError):
        return
    mail = message_from_bytes(raw, policy=policy.default)
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert mail["Subject"] == subject.strip() or "".join(mail["Subject"].split()) == "".join(
        subject.split()
    )
    assert mail["To"] == "jean@client.example.com"
    assert mail["From"].addresses[0].addr_spec == "zoe@atelier.example.com"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
