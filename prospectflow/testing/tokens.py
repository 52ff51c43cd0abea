"""Requests that bear a token, without a provider: the check itself is tested in iam/tests/auth."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from iam.auth import Caller


@contextmanager
def bearing(caller: Caller) -> Iterator[None]:
    """Whatever token is borne, it stands for this caller."""
    with patch("iam.auth.Verifier.bearer", lambda self, header, now: caller):
        yield
