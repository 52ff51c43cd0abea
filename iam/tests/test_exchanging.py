"""Whatever a provider answers to a code, it is an ID token or a refusal."""

import json

import pytest

from iam.auth import Refusal
from iam.auth.provider import LARGEST_DOCUMENT
from iam.signing_in.provider import exchange, verifier
from iam.tests.auth.publisher import Publisher


@pytest.fixture
def publisher(settings):
    publisher = Publisher()
    settings.AUTH = publisher.other(timeout_seconds=0.5)
    yield publisher
    publisher.stop()


def refused(publisher, status: int, body: bytes, **headers: str) -> Refusal:
    publisher.answers["/token"] = (status, headers, body)
    with pytest.raises(Refusal) as refusal:
        exchange("a-code", "a-verifier")
    return refusal.value


def test_an_id_token_is_handed_on(publisher):
    publisher.answers["/token"] = (200, {}, b'{"id_token": "a.b.c"}')

    assert exchange("a-code", "a-verifier") == "a.b.c"


@pytest.mark.parametrize("token", [None, 5, True, ["a"], {}])
def test_a_token_that_is_no_text_is_refused(publisher, token):
    refusal = refused(publisher, 200, json.dumps({"id_token": token}).encode())

    assert (refusal.code, refusal.status) == ("PROVIDER_UNAVAILABLE", 503)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b'"id_token"', b"{}", b"<html>", b"\xff", b"[" * 100_000]
)
def test_an_answer_that_holds_no_token_is_refused(publisher, body):
    assert refused(publisher, 200, body).code == "PROVIDER_UNAVAILABLE"


@pytest.mark.parametrize("status", [204, 302, 500])
def test_any_other_status_is_refused(publisher, status):
    assert refused(publisher, status, b'{"id_token": "a.b.c"}').code == "PROVIDER_UNAVAILABLE"


@pytest.mark.parametrize("status", [200, 400])
def test_an_endless_answer_is_left(publisher, status):
    verifier().endpoints()
    publisher.write = lambda file, body: file.write(b" " * 2 * LARGEST_DOCUMENT)

    refusal = refused(publisher, status, b"", **{"Content-Length": str(10**9)})

    assert (refusal.code, "too long" in refusal.reason) == ("PROVIDER_UNAVAILABLE", True)


def test_a_code_the_provider_refuses_is_refused_with_its_words_in_the_log_only(publisher):
    refusal = refused(publisher, 400, b'{"error": "invalid_grant"}' + b"x" * 1000)

    assert refusal.code == "PROVIDER_REFUSED"
    assert "invalid_grant" in refusal.reason
    assert len(refusal.reason) < 300
    assert "invalid_grant" not in refusal.detail
