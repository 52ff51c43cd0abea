"""The picture through its real address: it counts only with consent, and never tells anything."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.choices import ConsentPurpose, ConsentState
from crm.models import Consent
from outreach.models import Campaign, Mailbox
from outreach.services.approval import OPEN, UNSUBSCRIBE, pixel_url
from outreach.tests.conversing import make_sent, make_two_steps
from outreach.tests.making import MORNING
from outreach.tokens import digest, token
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_person
from tracking import views
from tracking.models import OpenStats, Pixel
from tracking.services import MACHINE_FOR, PIXEL_LIFE

pytestmark = pytest.mark.usefixtures("committed")

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
READ = MORNING + timedelta(hours=2)
GOOGLE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.fixture
def acme():
    return make_organisation()


@pytest.fixture
def load(monkeypatch):
    """Load the picture of a token at some instant, as a mail program does."""

    def request(candidate, *, at=READ, agent=BROWSER, method="get"):
        monkeypatch.setattr(views, "timezone", SimpleNamespace(now=lambda: at))
        call = getattr(Client(), method)
        return call(f"/t/{candidate}.gif", headers={"User-Agent": agent})

    return request


def say(person, state, *, at):
    Consent.objects.create(
        person=person, purpose=ConsentPurpose.OPEN_TRACKING, state=state, at=at, source="test"
    )


def send_to(acme, *states, track_opens=True):
    """A mail to a person who said this about being measured, word after word."""
    with tenant(acme.pk):
        campaign = make_two_steps(Mailbox.objects.first(), track_opens=track_opens)
        person = make_person()
        for days, state in enumerate(states):
            say(person, state, at=MORNING - timedelta(days=30 - days))
        return make_sent(campaign, person=person)


@pytest.fixture
def sent(acme):
    return send_to(acme, ConsentState.GIVEN)


def key(sent):
    return token(OPEN, sent.task_id)


def opens(acme):
    """Loads, loads of people on different days, loads of machines."""
    with tenant(acme.pk):
        rows = OpenStats.objects.values_list("total_opens", "unique_opens", "machine_opens")
        return list(rows)


def test_a_load_counts_where_the_person_consented(acme, sent, load):
    assert load(key(sent)).status_code == 200

    assert opens(acme) == [(1, 1, 0)]


def test_the_picture_stands_in_the_html_only_and_its_token_nowhere_in_the_clear(acme, sent):
    with tenant(acme.pk):
        stored = bytes(Pixel.objects.get().token_digest)

    assert pixel_url(sent.task_id) in sent.body_html
    assert "/t/" not in sent.body_text
    assert stored == digest(key(sent))
    assert key(sent).encode() not in stored


@pytest.mark.parametrize(
    ("words", "track_opens"),
    [
        ((), True),
        ((ConsentState.WITHDRAWN,), True),
        ((ConsentState.GIVEN, ConsentState.WITHDRAWN), True),
        ((ConsentState.GIVEN,), False),
    ],
)
def test_without_consent_or_a_campaign_that_asks_there_is_no_picture(acme, words, track_opens):
    sent = send_to(acme, *words, track_opens=track_opens)

    assert "<img" not in sent.body_html
    assert b"/t/" not in bytes(sent.raw)
    with tenant(acme.pk):
        assert not Pixel.objects.exists()


def test_consent_given_again_counts_again(acme, load):
    again = (ConsentState.GIVEN, ConsentState.WITHDRAWN, ConsentState.GIVEN)
    sent = send_to(acme, *again)

    load(key(sent))

    assert opens(acme) == [(1, 1, 0)]


def test_nothing_is_written_once_consent_is_withdrawn(acme, sent, load):
    with tenant(acme.pk):
        say(sent.position.person, ConsentState.WITHDRAWN, at=READ - timedelta(hours=1))

    load(key(sent))

    assert opens(acme) == []


def test_nothing_is_written_once_the_campaign_no_longer_asks(acme, sent, load):
    with tenant(acme.pk):
        Campaign.objects.update(track_opens=False)

    load(key(sent))

    assert opens(acme) == []


@pytest.mark.parametrize("after", [PIXEL_LIFE, PIXEL_LIFE + timedelta(days=1)])
def test_an_expired_picture_counts_nothing(acme, sent, load, after):
    load(key(sent), at=MORNING + after)
    assert opens(acme) == []

    load(key(sent), at=MORNING + PIXEL_LIFE - timedelta(seconds=1))
    assert opens(acme) == [(1, 1, 0)]


def test_looking_at_the_headers_never_counts(acme, sent, load):
    response = load(key(sent), method="head")

    assert (response.status_code, response.content) == (200, b"")
    assert opens(acme) == []


@pytest.mark.parametrize("bad", ["x", "A" * 22, "A" * 5000, "%00%ff", "é", "purpose", "withdrawn"])
def test_every_token_gets_the_same_bytes_and_headers(acme, sent, load, bad):
    withdrawn = send_to(acme, ConsentState.GIVEN)
    with tenant(acme.pk):
        say(withdrawn.position.person, ConsentState.WITHDRAWN, at=READ)
    others = {"purpose": token(UNSUBSCRIBE, sent.task_id), "withdrawn": key(withdrawn)}

    good, other = load(key(sent)), load(others.get(bad, bad))

    assert (other.status_code, other.content) == (good.status_code, good.content)
    for answer in (good, other):
        del answer.headers["X-Request-ID"]  # each request's own, whatever it asked for
    assert dict(other.headers) == dict(good.headers)
    assert not other.cookies
    assert opens(acme) == [(1, 1, 0)]


def test_the_picture_is_a_gif_that_nobody_keeps(sent, load):
    response = load(key(sent))

    assert (response.content[:6], len(response.content)) == (b"GIF89a", 43)
    assert response["Content-Type"] == "image/gif"
    assert response["Content-Length"] == "43"
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not {"ETag", "Last-Modified", "Set-Cookie"} & set(response.headers)


@pytest.mark.parametrize(
    ("agent", "after", "machine"),
    [
        (BROWSER, MACHINE_FOR - timedelta(seconds=1), True),
        (BROWSER, MACHINE_FOR, False),
        (BROWSER, timedelta(days=3), False),
        ("", timedelta(hours=1), True),
        ("Mozilla/5.0", timedelta(hours=1), True),  # Apple's privacy protection says no more
        (GOOGLE, timedelta(hours=1), True),
        ("YahooMailProxy; https://help.yahoo.com", timedelta(hours=1), True),
        ("python-requests/2.32", timedelta(hours=1), True),
        ("Microsoft Outlook 16.0", timedelta(hours=1), False),
    ],
)
def test_machines_are_told_from_people(acme, sent, load, agent, after, machine):
    load(key(sent), at=MORNING + after, agent=agent)

    assert opens(acme) == [(1, 0, 1) if machine else (1, 1, 0)]


def test_a_person_counts_once_a_day_and_every_load_in_all(acme, sent, load):
    for hours in (2, 3, 5, 26, 27, 75):
        load(key(sent), at=MORNING + timedelta(hours=hours))
    load(key(sent), at=MORNING + timedelta(hours=100), agent=GOOGLE)

    assert opens(acme) == [(7, 3, 1)]
    with tenant(acme.pk):
        stats = OpenStats.objects.get()
        assert stats.first_open_at == MORNING + timedelta(hours=2)
        assert stats.last_open_at == MORNING + timedelta(hours=75)


def test_a_machine_before_the_person_takes_no_open_from_them(acme, sent, load):
    load(key(sent), agent=GOOGLE)
    load(key(sent))

    assert opens(acme) == [(2, 1, 1)]


def test_only_the_mails_own_organisation_learns_of_it(acme, sent, load):
    other = make_organisation()

    load(key(sent))

    assert opens(other) == []


def test_an_old_key_opens_the_pictures_it_made(acme, sent, load, settings):
    old = key(sent)
    settings.TOKEN_KEYS = ["a new key", *settings.TOKEN_KEYS]

    load(old)

    assert opens(acme) == [(1, 1, 0)]


def test_a_load_costs_the_same_however_much_was_sent(acme, sent, load):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            load(key(sent))
        return len(queries)

    load(key(sent))
    before = cost()
    for _ in range(4):
        send_to(acme, ConsentState.GIVEN)

    assert cost() == before


def test_without_a_database_the_reader_still_gets_the_picture(monkeypatch, caplog):
    def lost(*args, **kwargs):
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(views, "record_open", lost)

    answer = Client().get("/t/anything.gif")

    assert (answer.status_code, answer.content) == (200, views.GIF)
    assert "could not be counted" in caplog.text
