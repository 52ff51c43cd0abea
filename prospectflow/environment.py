"""Settings come from the environment; a missing or malformed one is named in one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_REQUIRED = object()


class Environment:
    """Reads variables by name and remembers which were asked for."""

    def __init__(self, env_file: Path) -> None:
        self._env = environ.Env()
        self.names: set[str] = set()
        if env_file.exists():
            self._env.read_env(str(env_file))

    def text(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._read(name, self._env.str, "text", default)

    def boolean(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._read(name, self._strict_boolean, "true or false", default)

    def integer(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._read(name, self._env.int, "a whole number", default)

    def words(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._read(name, self._env.list, "words separated by commas", default)

    def database(self, name: str, default: Any = _REQUIRED) -> Any:
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
            if default is _REQUIRED:
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


def database_from(url: str) -> dict[str, Any]:
    """Django's settings for a PostgreSQL URL; ValueError when it is none."""
    configuration = dict(environ.Env.db_url_config(url))
    if "postgresql" not in configuration.get("ENGINE", "") or not configuration["NAME"]:
        raise ValueError("not the URL of a PostgreSQL database")
    return configuration
