"""Settings come from the environment; a missing or malformed one is named in one sentence."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from limits import parse

REQUIRED = object()


class Environment:
    """Reads variables by name and remembers which were asked for."""

    def __init__(self, env_file: Path) -> None:
        self._env = environ.Env()
        self.names: set[str] = set()
        if env_file.exists():
            self._env.read_env(str(env_file))

    def text(self, name: str, default: Any = REQUIRED) -> Any:
        return self._read(name, self._env.str, "text", default)

    def boolean(self, name: str, default: Any = REQUIRED) -> Any:
        return self._read(name, self._strict_boolean, "true or false", default)

    def integer(
        self, name: str, default: Any = REQUIRED, *, least: int = 0, most: int = 2**31
    ) -> Any:
        def within(name: str) -> int:
            value = int(self._env.str(name))
            if not least <= value <= most:
                raise ValueError(name)
            return value

        return self._read(name, within, f"a whole number, {least} or more", default)

    def words(self, name: str, default: Any = REQUIRED) -> Any:
        return self._read(name, self._env.list, "words separated by commas", default)

    def choice(self, name: str, options: Sequence[str], default: Any = REQUIRED) -> Any:
        def one_of(name: str) -> str:
            return options[options.index(self._env.str(name))]

        return self._read(name, one_of, " or ".join(options), default)

    def url(self, name: str, example: str, default: Any = REQUIRED) -> Any:
        """An address of the same kind of scheme as the example, without a slash at its end."""
        schemes = {"https": {"https", "http"}}.get(urlsplit(example).scheme, {"redis", "rediss"})

        def address(name: str) -> str:
            parts = urlsplit(self._env.str(name))
            if parts.scheme not in schemes or not parts.hostname:
                raise ValueError(name)
            return parts.geturl().rstrip("/")

        return self._read(name, address, f"a URL such as {example}", default)

    def rate(self, name: str, default: Any = REQUIRED) -> Any:
        """How often in which time, as `limits` reads it: one rate, for example 600/minute."""

        def rate(name: str) -> str:
            text: str = self._env.str(name)
            if parse(text).amount < 1:
                raise ValueError(name)
            return text

        return self._read(name, rate, "a rate such as 600/minute", default)

    def nameservers(self, name: str, default: Any = REQUIRED) -> Any:
        """IP addresses with their ports, 53 where none is given; an IPv6 one's stands after ]."""

        def servers(name: str) -> list[tuple[str, int]]:
            return [_nameserver(each.strip()) for each in self._env.list(name)]

        kind = "IP addresses such as 192.0.2.53 or 127.0.0.1:5353, separated by commas"
        return self._read(name, servers, kind, default)

    def networks(self, name: str, default: Any = REQUIRED) -> Any:
        def networks(name: str) -> list[Any]:
            return [ip_network(each.strip()) for each in self._env.list(name)]

        kind = "networks such as 10.0.0.0/8 or 127.0.0.1, separated by commas"
        return self._read(name, networks, kind, default)

    def listening(self, name: str, default: Any = REQUIRED) -> Any:
        """An IP address and a port to listen at; an IPv6 one stands in brackets."""

        def listening(name: str) -> tuple[str, int]:
            parts = urlsplit(f"//{self._env.str(name)}")
            if not parts.port:
                raise ValueError(name)
            return str(ip_address(parts.hostname or "")), parts.port

        return self._read(name, listening, "an address and a port such as 127.0.0.1:9464", default)

    def sealing_keys(self, name: str, default: Any = REQUIRED) -> Any:
        def keys(name: str) -> list[str]:
            given: list[str] = self._env.list(name)
            for key in given:
                Fernet(key)  # ValueError unless it is one
            return given

        kind = "keys of 32 bytes in URL-safe base64, separated by commas"
        return self._read(name, keys, kind, default)

    def database(self, name: str, default: Any = REQUIRED) -> Any:
        kind = "a URL such as postgres://user:password@host:5432/name"
        return self._read(name, self._postgres, kind, default)

    def _strict_boolean(self, name: str) -> bool:
        value = self._env.str(name).strip().lower()
        if value not in {*self._env.BOOLEAN_TRUE_STRINGS, "false", "off", "no", "n", "0"}:
            raise ValueError(value)
        return value in self._env.BOOLEAN_TRUE_STRINGS

    def _postgres(self, name: str) -> dict[str, Any]:
        return database_from(self._env.str(name))

    def _read(self, name: str, cast: Callable[[str], Any], kind: str, default: Any) -> Any:
        self.names.add(name)
        if not self._env.str(name, default=""):
            if default is REQUIRED:
                raise ImproperlyConfigured(
                    f"{name} is not set: it must be {kind}; .env.example says what it is for."
                )
            return default
        try:
            return cast(name)
        except (ValueError, KeyError, TypeError, ImproperlyConfigured) as error:
            raise ImproperlyConfigured(
                f"{name} is malformed: it must be {kind}; .env.example shows an example."
            ) from error


def _nameserver(text: str) -> tuple[str, int]:
    bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    parts = urlsplit(f"//[{text}]" if bare_ipv6 else f"//{text}")
    return str(ip_address(parts.hostname or "")), parts.port or 53


def database_from(url: str) -> dict[str, Any]:
    """Django's settings for a PostgreSQL URL; ValueError when it is none."""
    if urlsplit(url).scheme not in {"postgres", "postgresql", "psql", "pgsql"}:
        raise ValueError("not the URL of a PostgreSQL database")
    configuration = dict(environ.Env.db_url_config(url))
    if "postgresql" not in configuration.get("ENGINE", "") or not configuration["NAME"]:
        raise ValueError("not the URL of a PostgreSQL database")
    return configuration


def replica_from(database: dict[str, Any], *, like: dict[str, Any]) -> dict[str, Any]:
    """Django's settings for a replica of the database `like`; given up within seconds when away."""
    patience = {
        "connect_timeout": 2,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # milliseconds
    }
    own = {"ENGINE": like["ENGINE"], "ATOMIC_REQUESTS": False}
    return like | database | own | {"OPTIONS": patience | database.get("OPTIONS", {})}
