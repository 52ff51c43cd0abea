"""The API keeps what its OpenAPI document promises, whatever is sent to it.

Each operation is asked with data that fits the document and with data that does not, by a member's
and by a viewer's token: no 5xx, no status, type or body that the document does not name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crm.models import Company, Person, Position
from outreach.models import Campaign, Draft, Mailbox, Prompt, StepExperiment, WorkflowStep
from prospectflow.tests.permissions.world import World, undone

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 5
WHO = [
    ("member", GenerationMode.POSITIVE),
    ("member", GenerationMode.NEGATIVE),
    ("viewer", GenerationMode.POSITIVE),
    ("viewer", GenerationMode.NEGATIVE),
    ("owner", GenerationMode.POSITIVE),  # gets where neither of them does
]
# Forged, these hide what stands behind them; test_api_bad_input.py forges them.
REFUSED_AT_ONCE = {"authorization", "x-organisation"}
# They ask others; outreach/tests/test_api_mailboxes.py does, with servers that are there.
EXCLUDED = {"/api/v1/mailboxes/{id}/check/", "/api/v1/mailboxes/{id}/check_domain/"}
REFERENCES = {
    "campaign": Campaign,
    "company": Company,
    "draft": Draft,
    "from_mailbox": Mailbox,
    "mailbox": Mailbox,
    "person": Person,
    "position": Position,
    "prompt": Prompt,
    "step_experiment": StepExperiment,
    "workflow_step": WorkflowStep,
}
SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
SCHEMA.app = WSGIHandler()
OPERATIONS = {
    f"{operation.method.upper()} {operation.path.removeprefix('/api/v1/')}": operation
    for result in SCHEMA.get_all_operations()
    if (operation := result.ok()).path not in EXCLUDED
}


@pytest.mark.parametrize(("role", "mode"), WHO)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_as_documented(world, unhurried, name, role, mode):
    operation = OPERATIONS[name]

    @bounded(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps_its_word(case: Case) -> None:
        ask(world, role, case)

    keeps_its_word()


def ask(world: World, role: str, case: Case) -> None:
    """Ask about rows that are there, in the place of ids that nobody has."""
    for name in [name for name in case.headers if name.lower() in REFUSED_AT_ONCE]:
        del case.headers[name]
    if isinstance(case.query, dict):
        case.query.pop("fields", None)  # by its nature, it leaves out what the schema requires
    for name, value in case.path_parameters.items():
        if _is_id(value):
            case.path_parameters[name] = world.variable(role, address_of(case))
    case.body = _about(world, case.body)
    token = world.api[role].defaults["HTTP_AUTHORIZATION"]
    with undone(), _one_connection():
        answer = case.call(headers={"Authorization": token})
    case.validate_response(answer, checks=CHECKS)


@contextmanager
def _one_connection() -> Iterator[None]:
    """The world is in an open transaction, whose connection the end of a request would close."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def address_of(case: Case) -> str:
    """The address as the table of permissions names it."""
    return case.path.removeprefix("/api/v1/").replace("{id}", "<str:pk>")


def _about(world: World, value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _about(world, inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_about(world, inner, name) for inner in value]
    if name.removesuffix("s") in REFERENCES and _is_id(value):
        return str(world.row(REFERENCES[name.removesuffix("s")]).pk)
    return value


def _is_id(value: Any) -> bool:
    try:
        return bool(UUID(value))
    except (ValueError, TypeError, AttributeError):
        return False
