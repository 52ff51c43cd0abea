"""Keys are fetched seldom, renewed, searched for, and kept through an outage."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from iam.auth import Refusal, Verifier
from iam.tests.auth.publisher import (
    KEYS,
    NOON,
    access_claims,
    private_key,
    published,
    signed,
)


@pytest.fixture
def verifier(publisher, clock):
    """A verifier that need not discover where the keys are."""
    return Verifier(publisher.cognito(jwks_uri=publisher.issuer + KEYS), clock=clock)


def token(verifier, kid="first", **options):
    return signed(access_claims(verifier.configuration.issuer), kid=kid, **options)


def outcome(verifier, *args, **options) -> str:
    try:
        verifier.caller(token(verifier, *args, **options), now=NOON)
    except Refusal as refusal:
        return refusal.code
    return "welcome"


def test_keys_are_fetched_once_for_many_tokens(publisher, verifier):
    assert {outcome(verifier) for _ in range(20)} == {"welcome"}
    assert publisher.times_asked() == 1


def test_a_new_key_is_found_at_once(publisher, verifier):
    assert outcome(verifier) == "welcome"

    publisher.keys = [published("second")]

    assert outcome(verifier, "second") == "welcome"


def test_a_key_that_is_no_longer_published_dies_at_the_next_fetch(publisher, verifier, clock):
    assert outcome(verifier) == "welcome"
    publisher.keys = [published("second")]

    clock.passes(minutes=9, seconds=59)
    assert outcome(verifier) == "welcome"
    clock.passes(seconds=1)
    assert outcome(verifier) == "TOKEN_INVALID"


def test_a_search_for_a_new_key_buries_the_old_one(publisher, verifier):
    assert outcome(verifier) == "welcome"
    publisher.keys = [published("second")]
    assert outcome(verifier, "second") == "welcome"

    assert outcome(verifier, "first") == "TOKEN_INVALID"


def test_keys_are_renewed_after_their_lifetime(publisher, verifier, clock):
    outcome(verifier)
    clock.passes(minutes=10)

    assert outcome(verifier) == "welcome"
    assert publisher.times_asked() == 2


def test_a_flood_of_forged_keys_costs_the_provider_one_question_in_30_seconds(
    publisher, verifier, clock
):
    outcome(verifier)
    flood = [f"forged-{number}" for number in range(50)]
    stranger = private_key("stranger")

    assert {outcome(verifier, kid, key=stranger) for kid in flood} == {"TOKEN_INVALID"}
    assert publisher.times_asked() == 2
    clock.passes(seconds=29.9)
    assert outcome(verifier, "forged", key=stranger) == "TOKEN_INVALID"
    assert publisher.times_asked() == 2
    clock.passes(seconds=0.1)
    outcome(verifier, "forged", key=stranger)
    assert publisher.times_asked() == 3


def test_a_flood_does_not_lock_out_those_with_a_true_key(publisher, verifier):
    outcome(verifier)
    outcome(verifier, "forged", key=private_key("stranger"))

    assert outcome(verifier) == "welcome"


def test_a_flood_delays_a_new_key_by_no_more_than_30_seconds(publisher, verifier, clock):
    outcome(verifier)
    outcome(verifier, "forged", key=private_key("stranger"))
    publisher.keys = [published("first"), published("second")]

    assert outcome(verifier, "second") == "TOKEN_INVALID"
    clock.passes(seconds=30)
    assert outcome(verifier, "second") == "welcome"


def test_old_keys_serve_for_a_day_while_the_provider_is_silent(publisher, verifier, clock):
    outcome(verifier)
    publisher.fails()

    clock.passes(hours=23, minutes=59)
    assert outcome(verifier) == "welcome"
    clock.passes(minutes=1)
    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"


def test_a_silent_provider_is_asked_every_30_seconds_at_most(publisher, verifier, clock):
    outcome(verifier)
    publisher.fails()
    clock.passes(minutes=10)

    assert {outcome(verifier) for _ in range(10)} == {"welcome"}
    assert publisher.times_asked() == 2
    clock.passes(seconds=29.9)
    outcome(verifier)
    assert publisher.times_asked() == 2
    clock.passes(seconds=0.1)
    outcome(verifier)
    assert publisher.times_asked() == 3


def test_an_unknown_key_during_an_outage_is_the_providers_fault(publisher, verifier):
    outcome(verifier)
    publisher.fails()

    assert outcome(verifier, "second") == "PROVIDER_UNAVAILABLE"
    assert outcome(verifier, "second") == "PROVIDER_UNAVAILABLE"
    assert outcome(verifier, "first") == "welcome"
    assert publisher.times_asked() == 2


def test_the_first_keys_arrive_without_a_restart(publisher, verifier, clock):
    publisher.fails()
    assert {outcome(verifier) for _ in range(10)} == {"PROVIDER_UNAVAILABLE"}
    assert publisher.times_asked() == 1
    publisher.recovers()

    clock.passes(seconds=5)

    assert outcome(verifier) == "welcome"


def test_an_outage_that_ends_is_forgotten(publisher, verifier, clock):
    outcome(verifier)
    publisher.fails()
    clock.passes(minutes=10)
    outcome(verifier)
    publisher.recovers()
    clock.passes(seconds=30)

    assert outcome(verifier) == "welcome"
    assert outcome(verifier, "forged", key=private_key("stranger")) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": {"kty": "RSA"}}'),
        (200, b'{"keys": [7, null, {}]}'),
        (200, b'{"keys": [{"kty": "RSA", "alg": ["RS256"]}]}'),
        (200, b'{"keys": [{"kty": "RSA", "kid": "first", "n": "!", "e": "AQAB"}]}'),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (204, b""),
    ],
)
def test_an_answer_without_keys_leaves_the_old_ones_in_place(
    publisher, verifier, clock, status, body
):
    outcome(verifier)
    publisher.answers[KEYS] = (status, {}, body)
    clock.passes(minutes=10)

    assert outcome(verifier) == "welcome"
    assert outcome(verifier, "second") == "PROVIDER_UNAVAILABLE"
    assert publisher.times_asked() == 2


def test_keys_that_come_with_an_error_are_not_believed(publisher, verifier):
    publisher.answers[KEYS] = (500, {}, json.dumps({"keys": publisher.keys}).encode())

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"


def test_unusable_keys_do_not_spoil_the_usable_ones(publisher, verifier):
    publisher.keys = [
        {"kty": "RSA", "kid": "broken", "alg": "RS256"},
        {"kty": "new-kind", "kid": "unheard-of"},
        published("second", alg="RSA-OAEP"),
        published("first"),
    ]

    assert outcome(verifier) == "welcome"
    assert outcome(verifier, "second") == "TOKEN_INVALID"


def test_a_key_need_not_name_its_algorithm(publisher, verifier):
    publisher.keys = [published("first", alg=None, use=None)]

    assert outcome(verifier) == "welcome"


def test_a_single_key_needs_no_name(publisher, verifier):
    publisher.keys = [published("first", kid=None)]

    assert outcome(verifier, None) == "welcome"


def test_of_several_keys_the_token_must_name_one(publisher, verifier):
    publisher.keys = [published("first"), published("second")]

    assert outcome(verifier, None) == "TOKEN_INVALID"


def test_no_redirect_is_followed(publisher, verifier):
    publisher.answers[KEYS] = (302, {"Location": f"{publisher.issuer}/moved"}, b"")
    publisher.answers["/moved"] = (200, {}, json.dumps({"keys": publisher.keys}).encode())

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"
    assert publisher.asked == [KEYS]


def test_an_answer_that_is_too_long_is_not_read(publisher, verifier):
    document = {"keys": publisher.keys, "padding": "x" * 300_000}
    publisher.answers[KEYS] = (200, {}, json.dumps(document).encode())

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"


def test_a_provider_that_hangs_is_left_after_the_time(publisher):
    hanging = Event()
    publisher.before_answering = lambda path: hanging.wait(10)
    verifier = Verifier(publisher.cognito(jwks_uri=publisher.issuer + KEYS, timeout_seconds=0.05))

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"
    assert not hanging.is_set()
    hanging.set()


def test_a_provider_that_drips_is_left_after_the_time(publisher):
    left, written = Event(), []

    def drip(file, body):
        for byte in body:
            if left.wait(0.02):
                return
            written.append(file.write(bytes([byte])))

    publisher.write = drip
    verifier = Verifier(publisher.cognito(jwks_uri=publisher.issuer + KEYS, timeout_seconds=0.2))

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"
    left.set()
    assert len(written) < len(json.dumps({"keys": publisher.keys}))


def test_a_provider_that_is_gone_is_unavailable(publisher):
    publisher.stop()
    verifier = Verifier(publisher.cognito())

    assert outcome(verifier) == "PROVIDER_UNAVAILABLE"


def test_threads_that_meet_at_the_first_token_ask_once(publisher, verifier):
    made = token(verifier)
    with ThreadPoolExecutor(16) as threads:
        callers = list(threads.map(lambda _: verifier.caller(made, now=NOON), range(64)))

    assert {caller.subject for caller in callers} == {"anna-1"}
    assert publisher.times_asked() == 1


def test_nobody_with_an_old_key_waits_for_the_new_ones(publisher, verifier, clock):
    outcome(verifier)
    clock.passes(minutes=10)
    asked, answer = Event(), Event()
    publisher.before_answering = lambda path: asked.set() or answer.wait(10)

    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(outcome, verifier)
        assert asked.wait(10)
        assert outcome(verifier) == "welcome"
        assert not renewing.done()
        answer.set()
        assert renewing.result() == "welcome"


def test_who_needs_the_new_key_waits_for_the_search_of_another(publisher, verifier):
    outcome(verifier)
    publisher.keys = [published("second")]
    asked, answer = Event(), Event()
    publisher.before_answering = lambda path: asked.set() or answer.wait(10)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(outcome, verifier, "second")
        assert asked.wait(10)
        second = threads.submit(outcome, verifier, "second")
        answer.set()
        assert {first.result(), second.result()} == {"welcome"}
    assert publisher.times_asked() == 2
