"""Access tokens for mailboxes: asked for by a refresh token (RFC 6749, 6), sent as XOAUTH2."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from outreach.mail.message import is_loopback
from outreach.posting import NO_ANSWER, NotPublic, Sent, address_of, ask
from prospectflow.errors import DomainError

ASKING_SECONDS = 4.0  # perhaps after another's; a worker that is told to stop has ten
MOST_BYTES = 64 * 1024
USUAL_LIFE, LONGEST_LIFE = 3600.0, 86_400.0  # seconds
TOKEN = re.compile(r"[\x21-\x7e]+")
BUSY = (408, 425, 429)
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    "User-Agent": "ProspectFlow-Mailboxes/1",
}


class TokenRefused(DomainError):
    """The provider gives no access token: check the token URL, the client ID and its secret."""


class TokenUrlRefused(TokenRefused):
    """The token URL must begin with https:// and name a public host, without a password."""


class SignInWithdrawn(TokenRefused):
    """The provider no longer takes the refresh token: sign in there again, enter the new one."""


class TokenUnavailable(DomainError):
    """The provider's token server does not answer as it should: try again later."""


@dataclass(frozen=True)
class Client:
    """Who asks, where, and by what it was allowed to."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Access:
    """What opens a mailbox for so many seconds, and the refresh token for the next time."""

    token: str = field(repr=False)
    seconds: float
    refresh_token: str = field(repr=False)


def refreshed(client: Client) -> Access:
    """A new access token; TokenRefused where a person must act, TokenUnavailable for now.

    Hold no row meanwhile: it speaks to the network.
    """
    body = {"grant_type": "refresh_token", "refresh_token": client.refresh_token}
    body |= {"client_id": client.client_id}
    if client.client_secret:
        body |= {"client_secret": client.client_secret}
    status, answer = _asked(checked_token_url(client.token_url), urlencode(body).encode())
    if status != 200:  # noqa: PLR2004
        raise _refusal(status, answer)
    return _access(answer, client)


def checked_token_url(url: str) -> str:
    """The URL, if a secret may be sent to it: https, or this machine while developing."""
    try:
        address = address_of(url)
    except ValueError as error:
        raise TokenUrlRefused from error
    if address.scheme != "https" and not (settings.DEBUG and is_loopback(address.host)):
        raise TokenUrlRefused
    if urlsplit(url).fragment:
        raise TokenUrlRefused
    return url


def initial_response(username: str, token: str) -> str:
    """What XOAUTH2 sends first; an error of the server is answered by nothing at all."""
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


def _asked(url: str, body: bytes) -> tuple[int, dict[str, Any]]:
    anywhere = settings.DEBUG and is_loopback(address_of(url).host)
    try:
        sent = Sent(url, body, HEADERS)
        status, raw = ask(sent, seconds=ASKING_SECONDS, most=MOST_BYTES, anywhere=anywhere)
    except NotPublic as error:
        raise TokenUrlRefused from error
    except NO_ANSWER:
        raise TokenUnavailable from None  # its cause may quote what was sent
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    return status, answer if isinstance(answer, dict) else {}


def _refusal(status: int, answer: dict[str, Any]) -> DomainError:
    """What the answer means (RFC 6749, 5.2); its own words are not passed on."""
    if answer.get("error") == "invalid_grant":
        return SignInWithdrawn()
    if 400 <= status < 500 and status not in BUSY:  # noqa: PLR2004
        return TokenRefused()
    return TokenUnavailable()


def _access(answer: dict[str, Any], client: Client) -> Access:
    token, seconds = answer.get("access_token"), answer.get("expires_in", USUAL_LIFE)
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise TokenUnavailable
    try:
        life = min(max(float(seconds), 0.0), LONGEST_LIFE)
    except (TypeError, ValueError):
        life = USUAL_LIFE
    renewed = answer.get("refresh_token")
    kept = renewed if isinstance(renewed, str) and renewed else client.refresh_token
    return Access(token, life, kept)
