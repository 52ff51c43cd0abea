"""Programs that ask the API, each with a token of its own role."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.test import Client
from django.utils import timezone

from iam.auth import Caller, Verifier
from iam.models import Membership, Organisation, Role
from iam.services import register_service_account
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_organisation, make_user

JSON = "application/json"
_numbers = count(1)
_callers: dict[str, Caller] = {}
_checked = Verifier.bearer


def _bearer(self: Verifier, header: str | None, *, now: datetime) -> Caller:
    """The caller that a test made this token for; the check itself is tested in iam/tests/auth."""
    return _callers[header] if header in _callers else _checked(self, header, now=now)


Verifier.bearer = _bearer  # type: ignore[method-assign]


class ApiClient(Client):
    """Every request bears the caller's token; bodies are JSON unless told otherwise."""

    def __init__(self, caller: Caller, organisation: Organisation, **options: Any) -> None:
        header = f"Bearer token-{next(_numbers)}"
        super().__init__(headers={"Authorization": header}, **options)
        self.caller, self.organisation = caller, organisation
        _callers[header] = caller

    def post(self, path: str, data: Any = None, content_type: str = JSON, **extra: Any) -> Any:
        return super().post(path, data, content_type, **extra)

    def put(self, path: str, data: Any = None, content_type: str = JSON, **extra: Any) -> Any:
        return super().put(path, data, content_type, **extra)

    def patch(self, path: str, data: Any = None, content_type: str = JSON, **extra: Any) -> Any:
        return super().patch(path, data, content_type, **extra)

    def delete(self, path: str, data: Any = "", content_type: str = JSON, **extra: Any) -> Any:
        return super().delete(path, data, content_type, **extra)


def api_client(role: str = Role.MEMBER, organisation: Organisation | None = None) -> ApiClient:
    """A new member's program; as owner, the organisation's own. Call it outside of any scope."""
    organisation = organisation or make_organisation()
    with tenant(organisation.pk):
        if role == Role.OWNER:
            user = Membership.objects.get(role=Role.OWNER).user
        else:
            user = make_user()
            Membership.objects.create(user=user, role=role)
    user.cognito_sub = user.cognito_sub or f"subject-{user.pk}"
    user.save(update_fields=["cognito_sub"])
    return ApiClient(caller(user.cognito_sub), organisation)


def machine_client(role: str = Role.MEMBER, organisation: Organisation | None = None) -> ApiClient:
    """A service account's program. Call it outside of any scope."""
    organisation = organisation or make_organisation()
    client_id = f"machine-{next(_numbers)}"
    with tenant(organisation.pk):
        register_service_account(f"Robot {client_id}", client_id, role)
    return ApiClient(caller(client_id, is_machine=True), organisation)


def caller(subject: str, *, is_machine: bool = False) -> Caller:
    """Who a fresh token with every scope stands for; a machine is called by its client id."""
    now = timezone.now()
    return Caller(
        subject=subject,
        client_id=subject if is_machine else "browser",
        is_machine=is_machine,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
        scopes=frozenset({"openid", "prospectflow/read", "prospectflow/write"}),
    )


def refusal(answer: Any) -> tuple[int, str]:
    """The status and the code of a problem."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]


def faults(answer: Any) -> dict[str, str]:
    """The code of each field that a 400 names."""
    assert refusal(answer) == (400, "VALIDATION_FAILED"), answer.content
    return {fault["field"]: fault["code"] for fault in answer.json()["errors"]}
