"""What each role may do, as data: a capability and the roles that have it."""

from collections.abc import Mapping

from iam.models import Role
from prospectflow.tenancy.memberships import Place

EVERYBODY = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER, Role.VIEWER})
_WORKERS = EVERYBODY - {Role.VIEWER}
_LEADERS = frozenset({Role.OWNER, Role.ADMIN})

CAPABILITIES: Mapping[str, frozenset[Role]] = {
    "view": EVERYBODY,
    "change": _WORKERS,
    "approve": _WORKERS,
    "delete": _LEADERS,
    "manage_mailboxes": _LEADERS,
    "manage_members": _LEADERS,
    "manage_organisation": _LEADERS,
    "read_audit": _LEADERS,
}


def may(place: Place | None, capability: str) -> bool:
    """Whether a person in this place has the capability; nobody has any outside of one."""
    return place is not None and place.role in CAPABILITIES[capability]
