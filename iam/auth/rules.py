"""What a token must say: one rule a function, which refuses or hands on what it read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from iam.auth.configuration import AuthConfiguration
from iam.auth.refusals import Refusal

LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2
LONGEST_EMAIL = 254  # RFC 5321
LONGEST_NAME = 150
ACCESS_TOKEN_TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068, section 2.1
OF_IDENTITY_TOKENS_ONLY = ("nonce", "at_hash", "c_hash")

Claims = Mapping[str, Any]


def _invalid(reason: str) -> Refusal:
    return Refusal("TOKEN_INVALID", reason=reason)


def comes_from(issuer: str, claims: Claims) -> None:
    """The token is from our provider (RFC 7519, 4.1.1)."""
    if claims.get("iss") != issuer:
        raise _invalid("another issuer")


def proves_identity(header: Claims, claims: Claims, *, cognito: bool) -> None:
    """This is an ID token; Cognito's say so, others must at least not say otherwise."""
    use = claims.get("token_use", None if cognito else "id")
    if use != "id" or _type(header) in ACCESS_TOKEN_TYPES:
        raise Refusal(
            "TOKEN_WRONG_USE", detail="This is the wrong kind of token: sign-in takes ID tokens."
        )


def gives_access(header: Claims, claims: Claims, *, cognito: bool) -> None:
    """This is an access token: Cognito's by `token_use`, others' by their type (RFC 9068)."""
    if cognito:
        fits = claims.get("token_use") == "access"
    else:
        fits = _type(header) in ACCESS_TOKEN_TYPES and claims.get("token_use", "access") == "access"
        fits = fits and not any(name in claims for name in OF_IDENTITY_TOKENS_ONLY)
    if not fits:
        raise Refusal("TOKEN_WRONG_USE")


def _type(header: Claims) -> str:
    return str(header.get("typ", "")).lower()


def is_made_out_to(audience: str, claims: Claims) -> None:
    """`aud` names this audience (RFC 7519, 4.1.3)."""
    if audience not in _audiences(claims):
        raise _invalid("another audience")


def is_authorised_for(client_id: str, claims: Claims) -> None:
    """`azp` is our client; needed only where there are several audiences (OIDC Core, 3.1.3.7)."""
    several = len(_audiences(claims)) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise _invalid("another authorised party")


def _audiences(claims: Claims) -> list[Any]:
    audiences = claims.get("aud")
    return audiences if isinstance(audiences, list) else [audiences]


def period(claims: Claims, *, now: datetime, leeway: timedelta) -> tuple[datetime, datetime]:
    """Return when the token was issued and when it ends; `now` must lie between."""
    issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
    starts_at = max(issued_at, _moment(claims, "nbf")) if "nbf" in claims else issued_at
    if starts_at > now + leeway:
        raise _invalid("from the future")
    if expires_at <= now - leeway:
        raise Refusal("TOKEN_EXPIRED")
    return issued_at, expires_at


def _moment(claims: Claims, name: str) -> datetime:
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _invalid(f"{name} is not a moment")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _invalid(f"{name} is not a moment") from error


def answers(nonce: str, claims: Claims) -> None:
    """The token answers the very sign-in that sent this nonce (OIDC Core, 3.1.3.7)."""
    if claims.get("nonce") != nonce:
        raise Refusal("NONCE_MISMATCH")


def subject(claims: Claims) -> str:
    """Return `sub`: 1 to 255 printable characters."""
    return _identifier(claims, "sub")


def client(claims: Claims) -> str:
    """Return `client_id`: who asked for the access token."""
    return _identifier(claims, "client_id")


def _identifier(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise _invalid(f"no usable {name}")
    if len(value) > LONGEST_SUBJECT:
        raise _invalid(f"{name} is too long")
    return value


def email(claims: Claims) -> str:
    """Return the verified e-mail address, lower-case."""
    address, verified = claims.get("email"), claims.get("email_verified")
    # Cognito writes "true" where the attribute was mapped from another provider.
    if not isinstance(address, str) or not (verified is True or verified == "true"):
        raise Refusal("EMAIL_NOT_VERIFIED")
    address = address.strip().lower()
    if "@" not in address or not address.isprintable() or len(address) > LONGEST_EMAIL:
        raise Refusal("EMAIL_NOT_VERIFIED")
    return address


def name(claims: Claims, which: str) -> str:
    """Return a name as one printable line of at most 150 characters; empty where none is given."""
    given = claims.get(which)
    if not isinstance(given, str):
        return ""
    printable = "".join(letter if letter.isprintable() else " " for letter in given)
    return " ".join(printable.split())[:LONGEST_NAME]


def is_machine(claims: Claims, *, cognito: bool) -> bool:
    """Did the client ask for itself (RFC 9068, 2.2)? Cognito's people have a username besides."""
    return claims.get("sub") == claims.get("client_id") and not (cognito and "username" in claims)


def scopes(claims: Claims) -> frozenset[str]:
    """Return the words of `scope` (RFC 8693, 4.2); none where it is missing or no text."""
    given = claims.get("scope")
    return frozenset(given.split()) if isinstance(given, str) else frozenset()


def person_may_call(
    client_id: str, granted: frozenset[str], configuration: AuthConfiguration
) -> None:
    """A person calls through a client that we know, with the scope for people."""
    if client_id != configuration.client_id and client_id not in configuration.api_client_ids:
        raise _invalid("a client that is not welcome")
    if configuration.person_scope not in granted:
        raise Refusal("SCOPE_MISSING")
