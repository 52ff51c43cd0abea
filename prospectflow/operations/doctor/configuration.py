"""Settings that look wrong. None of their values is shown, since many are secrets."""

from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.http.request import validate_host

from .findings import Finding


def configuration(now: datetime) -> Iterator[Finding]:
    """What each rule says of this process's settings; on a laptop most of them do not matter."""
    found = list(_framework())
    if not settings.EMBEDDED:
        found += [finding for rule in RULES for finding in rule()]
    yield from found or [Finding("all", "look right")]


def _framework() -> Iterator[Finding]:
    """Django's own checks, and on a server those for a deployment."""
    for message in run_checks(include_deployment_checks=not settings.EMBEDDED):
        if message.level >= WARNING and not message.is_silenced():
            sentence = " ".join(str(message.msg).split())
            yield Finding(message.id or "check", sentence, message.hint or "Mend it.")


def _debugging() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding("DEBUG", "is on", "Set it to off: pages of errors show settings and code.")


def _hosts() -> Iterator[Finding]:
    if "*" in settings.ALLOWED_HOSTS:
        advice = "Name the hosts: links in answers could be made to lead elsewhere."
        yield Finding("ALLOWED_HOSTS", "lets any host in", advice)
    public = urlsplit(settings.PUBLIC_URL)
    if not validate_host(public.hostname or "", settings.ALLOWED_HOSTS):
        advice = "Add its host to ALLOWED_HOSTS: links in mails lead there, and are refused."
        yield Finding("PUBLIC_URL", "is a host that is not answered", advice)
    if public.scheme != "https":
        advice = "Give its https address: mail programs warn of plain links, and cookies need it."
        yield Finding("PUBLIC_URL", "is not https", advice)


def _keys() -> Iterator[Finding]:
    """One secret in two places cannot be changed in one of them alone."""
    seen: dict[str, str] = {}
    for name in ("SECRET_KEY", "TOKEN_KEYS", "CREDENTIAL_KEYS"):
        value = getattr(settings, name)
        for key in [value] if isinstance(value, str) else value:
            if key in seen:
                advice = f"Make a key of its own: {seen[key]} holds the same one."
                yield Finding(name, "is used twice", advice)
            seen[key] = name


def _workers_way() -> Iterator[Finding]:
    stats = settings.PGBOUNCER_STATS
    if stats and all(settings.WORKER_DATABASE[name] == stats[name] for name in ("HOST", "PORT")):
        advice = "Lead it to PostgreSQL itself: workers refuse a pooler."
        yield Finding("WORKER_DATABASE_URL", "leads to PgBouncer", advice)


def _log() -> Iterator[Finding]:
    if settings.LOG_LEVEL in {"ERROR", "CRITICAL"}:
        advice = "Set it to WARNING or INFO: what a mailbox or a worker suffers from is a warning."
        yield Finding("LOG_LEVEL", f"is {settings.LOG_LEVEL}", advice)


RULES: tuple[Callable[[], Iterator[Finding]], ...] = (
    *(_debugging, _hosts, _keys, _workers_way, _log),
)
