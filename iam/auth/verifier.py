"""The front door: a token goes in, who stands behind it comes out, or a Refusal."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jwt import PyJWS, PyJWTError

from iam.auth import rules
from iam.auth.configuration import AuthConfiguration
from iam.auth.keys import KeySet
from iam.auth.parties import Caller, Identity
from iam.auth.provider import Endpoints, Provider
from iam.auth.refusals import Refusal

LONGEST_TOKEN = 16 * 1024  # characters

_signatures = PyJWS(options={"enforce_minimum_key_length": True})


class Verifier:
    """Checks tokens in this process, with cached keys; make one and share it among threads."""

    def __init__(
        self, configuration: AuthConfiguration, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.configuration = configuration
        self._provider = Provider(configuration)
        self._keys = KeySet(self._provider.keys, lifetime=configuration.key_lifetime, clock=clock)

    def endpoints(self) -> Endpoints:
        """Return the provider's addresses, asked for once; PROVIDER_UNAVAILABLE if unreachable."""
        if not self.configuration.configured:
            raise Refusal(
                "PROVIDER_UNAVAILABLE", detail="This server has no sign-in provider configured."
            )
        return self._provider.endpoints()

    def identity(self, id_token: str, *, nonce: str | None, now: datetime) -> Identity:
        """Return the person whom an ID token proves; `now` is aware.

        The nonce is the one that the sign-in sent, or None for a sign-in without one.
        """
        configuration = self.configuration
        header, claims = self._opened(id_token)
        rules.proves_identity(header, claims, cognito=configuration.cognito)
        rules.is_made_out_to(configuration.client_id, claims)
        rules.is_authorised_for(configuration.client_id, claims)
        issued_at, expires_at = rules.period(claims, now=now, leeway=configuration.leeway)
        if nonce is not None:
            rules.answers(nonce, claims)
        return Identity(
            subject=rules.subject(claims),
            email=rules.email(claims),
            first_name=rules.name(claims, "given_name"),
            last_name=rules.name(claims, "family_name"),
            issued_at=issued_at,
            expires_at=expires_at,
        )

    def caller(self, access_token: str, *, now: datetime) -> Caller:
        """Return who calls with this access token; `now` is aware.

        Any machine of the provider passes: whether its client may do anything, the caller decides.
        """
        configuration = self.configuration
        self._takes_access_tokens()
        header, claims = self._opened(access_token)
        rules.gives_access(header, claims, cognito=configuration.cognito)
        if configuration.api_audience:
            rules.is_made_out_to(configuration.api_audience, claims)
        issued_at, expires_at = rules.period(claims, now=now, leeway=configuration.leeway)
        caller = Caller(
            subject=rules.subject(claims),
            client_id=rules.client(claims),
            is_machine=rules.is_machine(claims, cognito=configuration.cognito),
            issued_at=issued_at,
            expires_at=expires_at,
            scopes=rules.scopes(claims),
        )
        if not caller.is_machine:
            rules.person_may_call(caller.client_id, caller.scopes, configuration)
        return caller

    def bearer(self, header: str | None, *, now: datetime) -> Caller:
        """Return who calls with this value of the Authorization header (RFC 6750, 2.1)."""
        if header is None or not header[:LONGEST_TOKEN].strip():
            raise Refusal("AUTHENTICATION_REQUIRED")
        if len(header) > LONGEST_TOKEN + len("Bearer "):
            raise Refusal("TOKEN_INVALID", reason="too long")
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal("WRONG_SCHEME")
        if not token.strip():
            raise Refusal("TOKEN_MISSING")
        return self.caller(token.strip(), now=now)

    def _takes_access_tokens(self) -> None:
        if not self.configuration.configured:
            raise Refusal(
                "TOKEN_INVALID", detail="This server accepts no tokens: it has no provider."
            )
        if not (self.configuration.cognito or self.configuration.api_audience):
            raise Refusal(
                "TOKEN_INVALID",
                detail="This server accepts no access tokens until OIDC_API_AUDIENCE is set.",
            )

    def _opened(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and claims of a token that our provider signed."""
        if len(token) > LONGEST_TOKEN:
            raise Refusal("TOKEN_INVALID", reason="too long")
        try:
            kid = _signatures.get_unverified_header(token).get("kid")
            key = self._keys.find(kid)
            opened = _signatures.decode_complete(token, key, algorithms=[key.algorithm_name])
            claims = json.loads(opened["payload"])
        except (PyJWTError, ValueError, RecursionError) as error:
            raise Refusal("TOKEN_INVALID", reason=str(error)) from error
        if not isinstance(claims, dict):
            raise Refusal("TOKEN_INVALID", reason="no claims")
        rules.comes_from(self.configuration.issuer, claims)
        return opened["header"], claims
