"""Tokens: short, bound to purpose and row, alive as long as their key is listed."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import new
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.tokens import TokenKeyMissing, belongs, digest, token

ROW = UUID("0198c0de-0000-7000-8000-000000000001")
OLD, NEW = ["old key"], ["new key", "old key"]


def test_a_token_is_the_start_of_an_hmac_over_purpose_and_row():
    mark = new(b"old key", b"unsubscribe" + ROW.bytes, sha256).digest()[:16]

    assert token("unsubscribe", ROW, OLD) == urlsafe_b64encode(mark).decode().rstrip("=")


@given(st.text(max_size=20), st.uuids())
def test_a_token_is_22_characters_that_need_no_escaping_in_a_url(purpose, row):
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token(purpose, row, OLD))


@given(st.uuids(), st.uuids())
def test_a_token_works_for_its_own_row_and_purpose_only(row, other):
    made = token("open", row, OLD)

    assert belongs(made, "open", row, OLD)
    assert not belongs(made, "unsubscribe", row, OLD)
    assert belongs(made, "open", other, OLD) == (row == other)


def test_the_first_key_signs_and_every_key_verifies():
    before = token("open", ROW, OLD)

    assert token("open", ROW, NEW) != before
    assert belongs(before, "open", ROW, NEW)
    assert not belongs(token("open", ROW, NEW), "open", ROW, OLD)


@pytest.mark.parametrize("nonsense", ["", "é" * 22, "A" * 22, "x" * 10_000])
def test_nonsense_belongs_to_nothing(nonsense):
    assert not belongs(nonsense, "open", ROW, NEW)


def test_the_digest_is_the_sha256_of_the_token():
    assert digest("abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("keys", [[], [""]])
def test_without_a_key_no_token_is_made(keys):
    with pytest.raises(TokenKeyMissing, match="TOKEN_KEYS"):
        token("open", ROW, keys)


def test_the_keys_come_from_the_settings_unless_given(settings):
    settings.TOKEN_KEYS = NEW

    assert token("open", ROW) == token("open", ROW, NEW)
    assert belongs(token("open", ROW, OLD), "open", ROW)
