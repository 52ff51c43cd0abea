"""How a mailbox signs in: by its password, or by an access token that is fetched when it is needed.

Tokens live in this process's memory alone, until shortly before they end.
"""

import json
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from outreach.credentials import CredentialUnreadable, seal, unseal
from outreach.models import Mailbox
from outreach.oauth import Client, SignInWithdrawn, TokenRefused, refreshed
from outreach.states import SignIn
from prospectflow.tenancy.context import tenant

EARLY = 60.0  # seconds before its end in which a token is no longer begun with

TURN = "SELECT pg_advisory_xact_lock(hashtextextended('prospectflow token ' || %s, 0))"

type AccessToken = Callable[[], str]


class _Kept(NamedTuple):
    stands_on: tuple[str, str, str]
    token: str
    until: float


_tokens: dict[UUID, _Kept] = {}
_lock = Lock()


def password_of(mailbox: Mailbox) -> str:
    """CredentialUnreadable when no key opens it; blank while none was entered, or none is used."""
    used = mailbox.sign_in == SignIn.PASSWORD and mailbox.sealed_password
    return unseal(mailbox.sealed_password) if used else ""


def seal_oauth(*, client_secret: str, refresh_token: str) -> str:
    """Both secrets of an OAuth client in one sealed text."""
    return seal(json.dumps({"client_secret": client_secret, "refresh_token": refresh_token}))


def oauth_secrets(mailbox: Mailbox) -> dict[str, str]:
    """The secrets that `seal_oauth` sealed; blank ones while none were entered."""
    blank = {"client_secret": "", "refresh_token": ""}
    return blank | json.loads(unseal(mailbox.sealed_oauth)) if mailbox.sealed_oauth else blank


def access_token_of(mailbox: Mailbox) -> AccessToken | None:
    """What gives an access token of this mailbox; None where it signs in by a password.

    Call what it returns outside of a scope: it may ask the provider, and it keeps the refresh
    token that the provider gives in exchange. It raises TokenRefused or TokenUnavailable.
    """
    if mailbox.sign_in != SignIn.OAUTH:
        return None
    organisation_id, mailbox_id = mailbox.organisation_id, mailbox.pk
    begun = _stands_on(mailbox)

    def access_token() -> str:
        return _known(mailbox_id, begun) or _fresh(organisation_id, mailbox_id)

    return access_token


def _stands_on(mailbox: Mailbox) -> tuple[str, str, str]:
    return mailbox.oauth_token_url, mailbox.oauth_client_id, mailbox.sealed_oauth


def _known(mailbox_id: UUID, stands_on: tuple[str, str, str]) -> str:
    kept = _tokens.get(mailbox_id)
    valid = kept and kept.stands_on == stands_on and monotonic() < kept.until
    return kept.token if kept and valid else ""


def _fresh(organisation_id: UUID, mailbox_id: UUID) -> str:
    """A token by the secrets as they are now, which one process after another may renew.

    The provider is asked within the transaction, which holds no row: of two who bring the same
    refresh token, the second may be taken for a thief (RFC 9700, 4.14.2).
    """
    with tenant(organisation_id):
        _wait_for_our_turn(mailbox_id)
        mailbox = Mailbox.objects.filter(pk=mailbox_id).first()
        if mailbox is None:
            raise SignInWithdrawn("The mailbox was deleted.")
        if token := _known(mailbox_id, _stands_on(mailbox)):
            return token
        return _renewed(mailbox)


def _wait_for_our_turn(mailbox_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TURN, [str(mailbox_id)])


def _renewed(mailbox: Mailbox) -> str:
    try:
        secrets = oauth_secrets(mailbox)
    except CredentialUnreadable as error:
        raise TokenRefused(str(error)) from error
    access = refreshed(Client(mailbox.oauth_token_url, mailbox.oauth_client_id, **secrets))
    until = monotonic() + access.seconds - EARLY
    if access.refresh_token != secrets["refresh_token"]:
        _keep(mailbox, secrets | {"refresh_token": access.refresh_token})
    with _lock:
        _tokens[mailbox.pk] = _Kept(_stands_on(mailbox), access.token, until)
    return access.token


def _keep(mailbox: Mailbox, secrets: dict[str, str]) -> None:
    """Keep what the provider gave in exchange, unless somebody entered others meanwhile."""
    before, mailbox.sealed_oauth = mailbox.sealed_oauth, seal_oauth(**secrets)
    known = Mailbox.objects.filter(pk=mailbox.pk, sealed_oauth=before)
    known.update(sealed_oauth=mailbox.sealed_oauth)
