"""The session store stopped, silent and refusing under a running web process."""

import os
import signal
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import redis
import requests
from django.conf import global_settings

from prospectflow.operations.demo.web import web_process
from prospectflow.operations.embedded import valkey
from prospectflow.operations.embedded.state import load
from prospectflow.testing import processes
from prospectflow.testing.factories import make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def store(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A Valkey of this test's own, which it may harm."""
    directory = tmp_path_factory.mktemp("valkey")
    state = valkey.start(directory, load(directory))
    server = valkey.daemon(directory, state)
    yield SimpleNamespace(
        url=valkey.url(state),
        start=lambda: valkey.start(directory, state),
        stop=server.stop,
        signal=lambda number: os.kill(server.pid(), number),
    )
    if pid := server.pid():
        os.kill(pid, signal.SIGCONT)
    server.stop()


@pytest.fixture
def address(committed, settings, store, monkeypatch, tmp_path) -> Iterator[str]:
    """A web process that keeps its sessions there."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those of the web process
    make_user(email="ada@example.com", password=PASSWORD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    own = {"REDIS_URL": store.url, "PUBLIC_URL": url, "PASSWORD_SIGN_IN": "on"}
    for name, value in (processes.environment() | own).items():
        monkeypatch.setenv(name, value)
    with web_process(url, tmp_path / "web.log"):
        yield url


@pytest.fixture
def ada(address) -> Iterator[requests.Session]:
    """A browser that signed in while all was well."""
    with requests.Session() as browser:
        assert sign_in(browser, address).status_code == 200
        assert is_in(browser, address)
        yield browser


def sign_in(browser: requests.Session, address: str) -> requests.Response:
    page = browser.get(f"{address}/login/")
    form = {
        "username": "ada@example.com",
        "password": PASSWORD,
        "csrfmiddlewaretoken": browser.cookies.get("csrftoken"),
    }
    return browser.post(f"{address}/login/", form) if page.ok else page


def is_in(browser: requests.Session, address: str) -> bool:
    answer = browser.get(f"{address}/organisations/", allow_redirects=False)
    return answer.status_code == 200 and "ada@example.com" in answer.text


def assert_nobody_is_let_in(browser: requests.Session, address: str) -> None:
    page = browser.get(f"{address}/organisations/")
    assert page.status_code == 503
    assert "try again in a moment" in page.text
    assert page.headers["Retry-After"] == "5"
    assert "Set-Cookie" not in page.headers

    body = browser.get(f"{address}/api/v1/companies/")
    assert (body.status_code, body.json()["code"]) == (503, "SESSION_STORE_UNAVAILABLE")
    assert body.headers["Content-Type"] == "application/problem+json"
    assert body.headers["Retry-After"] == "5"

    for path in ("/login/", "/organisations/", "/"):
        assert requests.get(f"{address}{path}", timeout=60).status_code == 503, path


def stopped(store):
    store.stop()
    yield
    store.start()


def silent(store):
    store.signal(signal.SIGSTOP)
    yield
    store.signal(signal.SIGCONT)


def refusing(store):
    with redis.from_url(store.url) as server:
        password = server.config_get("requirepass")["requirepass"]
        server.config_set("requirepass", "changed")
        server.client_kill_filter(_type="normal", skipme=True)
        yield
        server.config_set("requirepass", password)


@pytest.mark.faults
@pytest.mark.parametrize("trouble", [stopped, silent, refusing])
def test_without_the_store_nobody_is_let_in_and_with_it_again_all_works(
    store, address, ada, trouble
):
    course = trouble(store)
    next(course)

    assert_nobody_is_let_in(ada, address)
    for path in ("/t/none.gif", "/u/none"):
        for asker in (ada, requests):
            assert asker.get(f"{address}{path}", timeout=60).status_code < 500, path

    next(course, None)
    assert sign_in(requests.Session(), address).status_code == 200
    assert is_in(ada, address) == (trouble is not stopped)  # a stopped Valkey forgets


@pytest.mark.faults
def test_a_store_that_takes_nothing_new_lets_nobody_in(store, address, ada):
    with redis.from_url(store.url) as server:
        server.config_set("maxmemory", "1")

        assert sign_in(requests.Session(), address).status_code == 503
        assert is_in(ada, address)  # what needs no change is served

        server.config_set("maxmemory", "128mb")
        assert sign_in(requests.Session(), address).status_code == 200
