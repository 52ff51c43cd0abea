"""Access tokens are asked of the provider alone, over https, and told to nobody."""

import logging
import socket

import pytest

from outreach import oauth
from outreach.oauth import (
    Client,
    SignInWithdrawn,
    TokenRefused,
    TokenUnavailable,
    TokenUrlRefused,
    checked_token_url,
    refreshed,
)
from outreach.presets import PRESETS
from outreach.tests.token_server import GOOD, TokenServer

SECRET = "s3cret&=+é"


@pytest.fixture
def server(settings):
    settings.DEBUG = True  # a token server on this machine is for developing only
    with TokenServer() as server:
        yield server


def client(server: TokenServer, **fields) -> Client:
    given = {"client_id": "us", "client_secret": SECRET, "refresh_token": "renew-me"}
    return Client(**{"token_url": server.url, **given, **fields})


def test_a_refresh_token_gets_an_access_token(server):
    access = refreshed(client(server))

    assert (access.token, access.seconds, access.refresh_token) == (GOOD, 3600, "renew-me")
    assert server.asked == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "renew-me",
            "client_id": "us",
            "client_secret": SECRET,
        }
    ]


def test_a_client_without_a_secret_sends_none(server):
    refreshed(client(server, client_secret=""))

    assert "client_secret" not in server.asked[0]


def test_the_refresh_token_given_in_exchange_is_the_next(server):
    server.more["refresh_token"] = "the-next"

    assert refreshed(client(server)).refresh_token == "the-next"


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ((400, {"error": "invalid_grant"}), SignInWithdrawn),
        ((401, {"error": "invalid_client"}), TokenRefused),
        ((400, {"error": "unauthorized_client"}), TokenRefused),
        ((404, b"<html>"), TokenRefused),
        ((302, {}), TokenUnavailable),
        ((429, {}), TokenUnavailable),
        ((500, {"error": "server_error"}), TokenUnavailable),
        ((503, b""), TokenUnavailable),
        ((200, b"not json"), TokenUnavailable),
        ((200, {"token_type": "Bearer"}), TokenUnavailable),
        ((200, {"access_token": 5}), TokenUnavailable),
        ((200, ["access_token"]), TokenUnavailable),
        ((200, {"access_token": "a\x01auth=Bearer b"}), TokenUnavailable),
        ((200, {"access_token": "a\r\nQUIT"}), TokenUnavailable),
        ((200, {"access_token": "x" * 100_000}), TokenUnavailable),
    ],
)
def test_what_is_no_token_is_one_sentence_of_our_own(server, answer, refusal):
    server.answers = [answer]

    with pytest.raises(refusal) as raised:
        refreshed(client(server))

    assert type(raised.value) is refusal
    assert str(raised.value) == refusal.__doc__
    assert len(server.asked) == 1  # a redirect is not followed


@pytest.mark.parametrize("seconds", ["soon", None, -5, "1e999", True, {"a": 1}])
def test_an_odd_time_of_life_is_no_error(server, seconds):
    server.more["expires_in"] = seconds

    assert 0 <= refreshed(client(server)).seconds <= oauth.LONGEST_LIFE


def test_a_server_that_is_not_there_or_says_nothing_is_tried_again_later(settings, monkeypatch):
    settings.DEBUG = True
    monkeypatch.setattr(oauth, "ASKING_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TokenUnavailable):
            refreshed(Client(url, "us", "", "renew-me"))
    with pytest.raises(TokenUnavailable):
        refreshed(Client(url, "us", "", "renew-me"))


@pytest.mark.parametrize(
    "url",
    ["", "token", "http://login.example.com/token", "ftp://login.example.com/"]
    + ["https://us:secret@login.example.com/", "https://login.example.com/#token"]
    + ["https://login.example.com/a b", "http://127.0.0.1:1/", "https://[::1%25eth0]/"],
)
def test_a_secret_goes_over_https_alone(settings, url):
    settings.DEBUG = False

    with pytest.raises(TokenUrlRefused):
        checked_token_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "localhost"])
def test_a_secret_goes_to_no_private_network(settings, host):
    settings.DEBUG = False

    with pytest.raises(TokenUrlRefused):
        refreshed(Client(f"https://{host}:9/token", "us", SECRET, "renew-me"))


def test_developing_opens_this_machine_and_no_other(settings):
    settings.DEBUG = True

    with pytest.raises(TokenUrlRefused):
        refreshed(Client("https://10.0.0.1:9/token", "us", SECRET, "renew-me"))
    with pytest.raises(TokenUrlRefused):
        checked_token_url("http://10.0.0.1/token")


def test_the_token_urls_that_are_known_may_be_asked():
    known = [preset.oauth_token_url for preset in PRESETS.values() if preset.oauth_token_url]

    assert known == [checked_token_url(url) for url in known]


def test_nothing_secret_is_shown_or_logged(server, caplog):
    caplog.set_level(logging.DEBUG)
    given = client(server)

    access = refreshed(given)
    server.answers = [(400, {"error": "invalid_grant", "error_description": SECRET})]
    with pytest.raises(SignInWithdrawn) as refusal:
        refreshed(given)

    for shown in (repr(given), repr(access), str(refusal.value), caplog.text):
        assert SECRET not in shown
        assert "renew-me" not in shown
        assert GOOD not in shown
