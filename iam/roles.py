"""What each role may do, as data: a capability and the roles that have it."""

from collections.abc import Mapping

from iam.models import Role
from prospectflow.tenancy.memberships import Place

OPERATOR = "operator"  # the role of a visit; no member has it
_EVERY_MEMBER = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER, Role.VIEWER})
_WORKERS = _EVERY_MEMBER - {Role.VIEWER}
_LEADERS = frozenset({Role.OWNER, Role.ADMIN})
_VISITOR = frozenset({OPERATOR})

CAPABILITIES: Mapping[str, frozenset[str]] = {
    "view": _EVERY_MEMBER | _VISITOR,
    "change": _WORKERS | _VISITOR,
    "approve": _WORKERS,
    "export": _WORKERS,
    "delete": _LEADERS,
    "manage_mailboxes": _LEADERS | _VISITOR,
    "manage_members": _LEADERS,
    "hand_over": frozenset({Role.OWNER}),
    "manage_webhooks": _LEADERS | _VISITOR,
    "manage_service_accounts": _LEADERS,
    # Client ids are the provider's, so only the platform's operator ties one to an organisation.
    "register_service_account": _VISITOR,
    "manage_organisation": _LEADERS,
    "read_audit": _LEADERS | _VISITOR,
}
PERSONAL = frozenset({"approve"})  # a person stands for every mail; a program never does


def may(place: Place | None, capability: str) -> bool:
    """Whether whoever has this place has the capability; nobody has any outside of one."""
    if place is None or (place.service_account_id and capability in PERSONAL):
        return False
    return place.role in CAPABILITIES[capability]


def capabilities_of(place: Place | None) -> list[str]:
    """Everything that whoever has this place may do."""
    return [capability for capability in CAPABILITIES if may(place, capability)]
