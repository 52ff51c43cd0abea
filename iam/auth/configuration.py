"""Which provider is trusted, and for whom its tokens must be made out."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

POOL = re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)_[A-Za-z0-9]{1,55}")
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
LONGEST_TIMEOUT = 60.0  # seconds
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost"})

COGNITO = (
    "COGNITO_USER_POOL_ID",
    "COGNITO_REGION",
    "COGNITO_CLIENT_ID",
    "COGNITO_CLIENT_SECRET",
    "COGNITO_DOMAIN",
)
DISCOVERY = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_API_AUDIENCE")
SHARED = (
    "OIDC_API_CLIENT_IDS",
    "OIDC_PERSON_SCOPE",
    "OIDC_READ_SCOPE",
    "OIDC_WRITE_SCOPE",
    "OIDC_TIMEOUT_SECONDS",
)


class ConfigurationError(Exception):
    """A setting of the sign-in provider is missing, malformed or contradicts another."""


def is_safe_url(text: str) -> bool:
    """Is this an https address, or an http one on this very machine?"""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return False
    if not url.hostname or url.username is not None or url.fragment:
        return False
    if " " in text or not text.isprintable():
        return False
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in LOCAL_HOSTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfiguration:
    """The provider, our client, and what tokens must carry; everything empty means: none."""

    VARIABLES: ClassVar[tuple[str, ...]] = COGNITO + DISCOVERY + SHARED

    issuer: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)  # empty: a public client
    api_client_ids: frozenset[str] = frozenset()  # further clients whose people may call
    api_audience: str = ""  # what `aud` of access tokens must hold; Cognito writes none
    person_scope: str = "openid"
    read_scope: str = "prospectflow/read"
    write_scope: str = "prospectflow/write"
    cognito: bool = False  # its tokens say what they are for by `token_use`
    domain: str = ""  # host of Cognito's sign-in pages; empty: discovery says where they are
    jwks_uri: str = ""  # where the keys are; empty: discovery says where
    leeway: timedelta = timedelta(seconds=60)
    timeout_seconds: float = 5.0
    key_lifetime: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Refuse what could never work, and plain http beyond this machine."""
        if bool(self.issuer) != bool(self.client_id):
            missing = "issuer" if self.client_id else "client id"
            raise ConfigurationError(f"The sign-in provider's {missing} is missing.")
        if self.issuer and ("?" in self.issuer or not is_safe_url(self.issuer)):
            raise ConfigurationError(
                f"OIDC_ISSUER must be an https address (http only on 127.0.0.1 and localhost),"
                f" without query or fragment: {self.issuer}"
            )
        if self.jwks_uri and not is_safe_url(self.jwks_uri):
            raise ConfigurationError(f"jwks_uri must be an https address: {self.jwks_uri}")

    @property
    def configured(self) -> bool:
        """Is there a provider at all? Without one, sign-in by it and bearer tokens are off."""
        return bool(self.issuer)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the variables of `VARIABLES`; blank ones count as missing.

        Raises ConfigurationError with a sentence that names the variable.
        """
        given = {name: environment.get(name, "").strip() for name in cls.VARIABLES}
        cognito = _first_given(given, COGNITO)
        other = _first_given(given, DISCOVERY)
        if cognito and other:
            raise ConfigurationError(f"Give either {cognito} or {other}, not both.")
        provider = _cognito(given) if cognito else _discovered(given) if other else {}
        return cls(**provider, **_shared(given))


def _first_given(given: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((name for name in names if given[name]), "")


def _required(given: Mapping[str, str], name: str) -> str:
    if not given[name]:
        raise ConfigurationError(f"{name} is missing.")
    return given[name]


def _cognito(given: Mapping[str, str]) -> dict[str, Any]:
    pool = _required(given, "COGNITO_USER_POOL_ID")
    match = POOL.fullmatch(pool)
    if match is None:
        raise ConfigurationError(
            f"COGNITO_USER_POOL_ID must look like eu-west-1_AbCdEf123, not like {pool}."
        )
    region = given["COGNITO_REGION"] or match["region"]
    if region != match["region"]:
        raise ConfigurationError(f"COGNITO_REGION is {region}, but the pool's id says otherwise.")
    issuer = f"https://cognito-idp.{region}.amazonaws.com/{pool}"
    return {
        "issuer": issuer,
        "client_id": _required(given, "COGNITO_CLIENT_ID"),
        "client_secret": given["COGNITO_CLIENT_SECRET"],
        "cognito": True,
        "domain": _domain(given["COGNITO_DOMAIN"], region),
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
    }


def _domain(domain: str, region: str) -> str:
    """Return the host of the sign-in pages; a bare prefix gets Cognito's own ending."""
    if domain and not DOMAIN.fullmatch(domain):
        raise ConfigurationError(
            f"COGNITO_DOMAIN must be a host such as login.example.com, or its prefix: {domain}"
        )
    if not domain or "." in domain:
        return domain
    return f"{domain}.auth.{region}.amazoncognito.com"


def _discovered(given: Mapping[str, str]) -> dict[str, Any]:
    issuer = _required(given, "OIDC_ISSUER")
    return {
        "issuer": issuer,
        "client_id": _required(given, "OIDC_CLIENT_ID"),
        "client_secret": given["OIDC_CLIENT_SECRET"],
        "api_audience": given["OIDC_API_AUDIENCE"],
        # Cognito by its discovery address is still Cognito, with its stricter rules.
        "cognito": issuer.startswith("https://cognito-idp."),
    }


def _shared(given: Mapping[str, str]) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    clients = (name.strip() for name in given["OIDC_API_CLIENT_IDS"].split(","))
    shared["api_client_ids"] = frozenset(name for name in clients if name)
    for kind in ("person", "read", "write"):
        name = f"OIDC_{kind.upper()}_SCOPE"
        if scope := given[name]:
            shared[f"{kind}_scope"] = _scope(name, scope)
    if seconds := given["OIDC_TIMEOUT_SECONDS"]:
        shared["timeout_seconds"] = _timeout(seconds)
    return shared


def _scope(name: str, scope: str) -> str:
    if len(scope.split()) != 1:
        raise ConfigurationError(f"{name} must be one scope, without spaces: {scope}")
    return scope


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise ConfigurationError(
            f"OIDC_TIMEOUT_SECONDS must be a number above 0, at most {LONGEST_TIMEOUT:g}: {text}"
        )
    return seconds
