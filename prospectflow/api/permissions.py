"""Who may: the capability that the view names for its action, looked up in iam's table."""

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from iam.roles import may
from prospectflow.api.errors import Problem
from prospectflow.tenancy.middleware import REFUSALS, TenantRequest

CAPABILITY_OF = {
    "list": "view",
    "retrieve": "view",
    "export": "export",
    "create": "change",
    "update": "change",
    "partial_update": "change",
    "destroy": "delete",
    "metadata": "view",
}


class ByRole(BasePermission):
    """Signed in, inside an organisation, and in a role that has the action's capability."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False  # 401
        place = cast("TenantRequest", request._request).membership
        if place is None:
            status, sentence = REFUSALS["MISSING_ORGANISATION"]
            raise Problem(status, "MISSING_ORGANISATION", sentence)
        for capability in capabilities_of(view):
            if not may(place, capability):
                sentence = f"Your role ({place.role}) lacks “{capability}”."
                raise Problem(403, "FORBIDDEN", sentence)
        return True


class SignedIn(BasePermission):
    """Anybody signed in, inside an organisation or not: for pages about oneself."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated)


def capabilities_of(view: Any) -> list[str]:
    """What the view's present action asks for; a file of rows also takes what their list takes."""
    asked = {**CAPABILITY_OF, **view.capabilities}
    actions = ["list", "export"] if view.action == "export" else [view.action or "metadata"]
    return list(dict.fromkeys(asked[action] for action in actions))
