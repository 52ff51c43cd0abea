"""Sessions on a real Valkey: how long they live, who sees them, and what ends them."""

from datetime import timedelta
from itertools import takewhile
from uuid import uuid4

import pytest
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from iam.sessions import (
    SessionStore,
    end_session,
    end_sessions,
    end_sessions_in,
    sessions_of,
)
from iam.sessions.keys import index_of, name_of
from iam.sessions.visitors import Visitor, device
from prospectflow.tenancy.middleware import SESSION_KEY
from prospectflow.testing.factories import make_user

DAY, WEEK = 24 * 60 * 60, timedelta(days=7)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture(autouse=True)
def _empty_store():
    yield
    server = get_redis_connection()
    for name in server.scan_iter(f"{cache.key_prefix}:*"):
        server.delete(name)


@pytest.fixture
def ada(db):
    return make_user(email="ada@example.com", password="a long passphrase")


def browser(user, agent=FIREFOX, **extra) -> Client:
    """A signed-in browser that has been seen once."""
    client = Client(headers={"User-Agent": agent}, **extra)
    client.force_login(user)
    assert client.get("/organisations/").status_code == 200
    return client


def is_in(client: Client) -> bool:
    return client.get("/organisations/").status_code == 200


def named(client: Client) -> str:
    """The name in Redis of this browser's session."""
    return name_of(SessionStore(client.cookies["sessionid"].value).public_id)


def signed_in_session(user_id, *, organisation_id=None, visitor=None) -> SessionStore:
    session = SessionStore()
    session.visitor = visitor
    session[USER_KEY] = str(user_id)
    if organisation_id:
        session[SESSION_KEY] = str(organisation_id)
    session.save()
    return session


def commands_of(act) -> list[str]:
    """The commands that Redis carries out for us meanwhile."""
    server = get_redis_connection()
    with server.monitor() as monitor:
        act()
        server.echo("done")
        heard = takewhile(lambda said: not said["command"].startswith("ECHO"), monitor.listen())
        return [
            said["command"].partition(" ")[0]
            for said in heard
            if said["client_type"] != "lua" and cache.key_prefix in said["command"]
        ]


def later(monkeypatch, span: timedelta) -> None:
    moment = timezone.now() + span
    monkeypatch.setattr(SessionStore, "clock", staticmethod(lambda: moment))


def test_each_request_gives_a_session_another_day(ada):
    client = browser(ada)
    server = get_redis_connection()
    server.expire(named(client), 100)

    client.get("/organisations/")

    assert DAY - 60 < server.ttl(named(client)) <= DAY
    assert client.cookies["sessionid"]["max-age"] == DAY


def test_a_session_that_nobody_used_for_a_day_is_over(ada):
    client = browser(ada)

    get_redis_connection().expire(named(client), 0)

    assert not is_in(client)
    assert sessions_of(ada.pk, now=timezone.now()) == []


def test_a_session_ends_a_week_after_the_sign_in_however_much_it_is_used(ada, monkeypatch):
    client = browser(ada)
    later(monkeypatch, WEEK - timedelta(minutes=1))
    assert is_in(client)
    assert get_redis_connection().ttl(named(client)) <= 60

    later(monkeypatch, WEEK + timedelta(minutes=1))

    assert not is_in(client)
    assert get_redis_connection().zcard(index_of(ada.pk)) == 0


def test_signing_in_again_begins_a_new_week(ada, monkeypatch):
    client = browser(ada)
    before = client.session.signed_in_at

    later(monkeypatch, WEEK - timedelta(minutes=1))
    client.force_login(ada)

    assert client.session.signed_in_at - before > timedelta(days=6)


def test_an_ordinary_request_costs_one_reading_and_one_saving_however_many_sessions(ada):
    client = browser(ada)
    for_one = commands_of(lambda: client.get("/organisations/"))
    for _ in range(9):
        signed_in_session(ada.pk)

    for_ten = commands_of(lambda: client.get("/organisations/"))

    assert for_one == for_ten == ["GET", "EVALSHA"]


def test_every_device_is_listed_with_what_it_told_of_itself(ada, organisation):
    browser(ada, FIREFOX, REMOTE_ADDR="192.0.2.7")
    visitor = Visitor("2001:db8::1", PHONE)
    phone = signed_in_session(ada.pk, organisation_id=organisation.pk, visitor=visitor)
    signed_in_session(make_user().pk)

    listed = sessions_of(ada.pk, now=timezone.now())

    assert [(one.device, one.ip) for one in listed] == [
        ("Safari on iPhone", "2001:db8::1"),
        ("Firefox on Linux", "192.0.2.7"),
    ]
    assert [one.organisation_id for one in listed] == [organisation.pk, None]
    assert listed[0].id == phone.public_id
    assert listed[0].signed_in_at <= listed[0].seen_at <= timezone.now()


def test_the_list_leaves_out_what_is_past_its_week(ada):
    signed_in_session(ada.pk)

    assert len(sessions_of(ada.pk, now=timezone.now())) == 1
    assert sessions_of(ada.pk, now=timezone.now() + WEEK) == []


def test_keys_stand_neither_in_redis_nor_in_the_list(ada):
    client = browser(ada)
    key = client.session.session_key.encode()
    server = get_redis_connection()

    named_there = list(server.scan_iter(f"{cache.key_prefix}:*"))

    assert named(client).encode() in named_there
    assert not any(key in name for name in named_there)
    assert key not in server.get(named(client))
    assert key.decode() not in str(sessions_of(ada.pk, now=timezone.now()))


def test_one_session_is_ended_and_the_others_are_not(ada):
    kept, ended = browser(ada), browser(ada, CHROME)

    assert end_session(ada.pk, ended.session.public_id)

    assert is_in(kept)
    assert not is_in(ended)
    assert [one.device for one in sessions_of(ada.pk, now=timezone.now())] == ["Firefox on Linux"]


@pytest.mark.parametrize("wanted", ["theirs", "", "nonsense", "*"])
def test_nobody_ends_a_session_that_is_not_theirs(ada, wanted):
    other = make_user()
    client = browser(other)
    session_id = client.session.public_id if wanted == "theirs" else wanted

    assert not end_session(ada.pk, session_id)

    assert is_in(client)


def test_all_sessions_but_one_are_ended(ada):
    kept, *others = [browser(ada) for _ in range(4)]
    stranger = browser(make_user())

    assert end_sessions(ada.pk, keep=kept.session.public_id) == 3

    assert is_in(kept)
    assert is_in(stranger)
    assert not any(is_in(each) for each in others)
    assert end_sessions(ada.pk) == 1
    assert not is_in(kept)


def test_only_the_sessions_that_stand_in_the_organisation_are_ended(ada):
    acme, other = uuid4(), uuid4()
    here, there, nowhere = (
        signed_in_session(ada.pk, organisation_id=place) for place in (acme, other, None)
    )
    colleague = signed_in_session(make_user().pk, organisation_id=acme)

    assert end_sessions_in(ada.pk, acme) == 1

    left = [SessionStore(each.session_key).get(USER_KEY) for each in (here, there, nowhere)]
    assert left == [None, str(ada.pk), str(ada.pk)]
    assert SessionStore(colleague.session_key).get(USER_KEY)


def test_a_stolen_cookie_is_dead_after_the_sign_out(ada):
    client = browser(ada)
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert is_in(thief)

    client.post("/logout/")

    assert not is_in(thief)
    assert sessions_of(ada.pk, now=timezone.now()) == []


def test_a_session_that_ended_under_a_request_is_not_brought_back(ada):
    client = browser(ada)
    meanwhile = SessionStore(client.session.session_key)
    meanwhile[SESSION_KEY] = "something"
    end_sessions(ada.pk)

    with pytest.raises(UpdateError):
        meanwhile.save()
    with pytest.raises(SessionInterrupted):
        meanwhile.cycle_key()

    assert not is_in(client)
    assert sessions_of(ada.pk, now=timezone.now()) == []


def test_a_new_key_takes_the_place_of_the_old_one_in_the_list(ada):
    session = signed_in_session(ada.pk)
    old = session.public_id

    session.cycle_key()

    assert SessionStore(session.session_key).get(USER_KEY) == str(ada.pk)
    assert [one.id for one in sessions_of(ada.pk, now=timezone.now())] == [session.public_id]
    assert session.public_id != old


def test_signing_in_by_the_page_is_listed_under_the_key_that_counts(ada, client):
    client.post("/login/", {"username": ada.email, "password": "a long passphrase"})

    listed = sessions_of(ada.pk, now=timezone.now())

    assert [one.id for one in listed] == [client.session.public_id]


def test_sessions_of_a_week_ago_leave_the_list_with_the_next_sign_in(ada, monkeypatch):
    signed_in_session(ada.pk)
    later(monkeypatch, WEEK + timedelta(seconds=2))

    signed_in_session(ada.pk)

    assert get_redis_connection().zcard(index_of(ada.pk)) == 1
    assert 0 < get_redis_connection().ttl(index_of(ada.pk)) <= WEEK.total_seconds()


def test_a_visitor_without_a_session_leaves_nothing_in_the_store(client, db):
    client.get("/login/")

    assert list(get_redis_connection().scan_iter(f"{cache.key_prefix}:*")) == []


@pytest.mark.parametrize(
    "cookie", ["x" * 40, "short", "x" * 3000, "../../etc", "é" * 20, "'; FLUSHALL"]
)
def test_an_invented_cookie_opens_nothing(db, cookie):
    client = Client()
    client.cookies["sessionid"] = cookie

    assert client.get("/organisations/").status_code == 302


def test_a_session_written_by_somebody_without_our_secret_is_nobodys(ada):
    client = browser(ada)
    get_redis_connection().set(named(client), b'{"_auth_user_id": "forged"}')

    assert not is_in(client)


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/140.0.0.0", "Edge on Windows"),
        (PHONE, "Safari on iPhone"),
        ("curl/8.5.0", "curl"),
        ("", "Another program"),
    ],
)
def test_a_device_is_named_as_people_would(agent, shown):
    assert device(agent) == shown


def test_a_visitors_words_are_shortened_and_hold_no_control_characters(rf):
    request = rf.get("/", headers={"User-Agent": "a\x00b\x1b[31m\n" + "c" * 5000})

    agent = Visitor.of(request).agent

    assert agent.startswith("ab[31mc")
    assert len(agent) == 200


@pytest.mark.parametrize(
    ("trusted", "told", "seen"),
    [
        (False, "198.51.100.9", "127.0.0.1"),
        (True, "198.51.100.9, 203.0.113.5", "203.0.113.5"),
        (True, "<script>", ""),
    ],
)
def test_an_address_is_the_proxys_word_only_where_it_is_trusted(rf, settings, trusted, told, seen):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if trusted else None

    assert Visitor.of(rf.get("/", headers={"X-Forwarded-For": told})).address == seen
