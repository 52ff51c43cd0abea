"""An error tracker (Sentry, or whatever speaks its protocol) learns what broke, and of nobody."""

import re
from typing import Any

import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.utils import BadDsn, Dsn
from structlog.contextvars import get_contextvars

from prospectflow.tenancy.context import request_id

from .hiding import hidden
from .lines import service

MALFORMED = (
    "SENTRY_DSN is malformed: it must be as the tracker shows it, such as https://key@host/1."
)
ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)+")
VALUES = re.compile(r"\bDETAIL: .*", re.DOTALL)  # PostgreSQL names the row's values there
UNTOLD = frozenset({"breadcrumbs", "extra", "request", "user"})
TAGS = ("organisationId", "job", "task")


def begin(dsn: str, *, environment: str, **options: Any) -> None:
    """Report errors from here on: no variables, no bodies, no cookies, no people.

    Raises ImproperlyConfigured for what is no DSN.
    """
    try:
        Dsn(dsn)
    except BadDsn as error:
        raise ImproperlyConfigured(MALFORMED) from error
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        server_name=service(),
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_enabling_integrations=False,
        integrations=[DjangoIntegration(), LoggingIntegration(level=None)],
        before_send=scrubbed,
        **options,
    )


def scrubbed(event: Any, hint: Any) -> Any:
    """The event without secrets, addresses, values of rows, and anything of the request but where
    it went.
    """
    told = {name: value for name, value in event.items() if name not in UNTOLD}
    clean, bound = _nameless(hidden(told)), hidden(get_contextvars())
    if "url" in bound:
        clean["request"] = {name: bound[name] for name in ("method", "url")}
    tags = {name: str(bound[name]) for name in TAGS if bound.get(name)}
    clean["tags"] = {**clean.get("tags", {}), **tags, "requestId": request_id.get() or "-"}
    return clean


def _nameless(value: Any) -> Any:
    if isinstance(value, str):
        return ADDRESS.sub("[address]", VALUES.sub("DETAIL: [hidden]", value))
    if isinstance(value, dict):
        return {key: _nameless(inner) for key, inner in value.items()}
    return [_nameless(each) for each in value] if isinstance(value, list) else value
