"""Each address of the API, each of its methods, and the capability that it takes.

PUBLIC: anybody. SIGNED_IN: whoever shows who they are, inside an organisation or not.
PERSON: the same, but no program.
"""

PUBLIC, SIGNED_IN, PERSON = "public", "signed in", "a person"

_READ, _CHANGE, _EXPORT = {"GET": "view"}, {"POST": "change"}, {"GET": "export"}
_FACTS = {"GET": "view", "POST": "change"}
_FACT = {"GET": "view", "PUT": "change", "PATCH": "change", "DELETE": "delete"}
_APPROVE, _MAILBOXES = {"POST": "approve"}, {"POST": "manage_mailboxes"}
_MEMBERS = {"POST": "manage_members"}
_PROGRAMS = {"POST": "manage_service_accounts"}
_AUDIT = {"GET": "read_audit"}
_WEBHOOKS = {"POST": "manage_webhooks"}

TABLE: dict[str, dict[str, str]] = {
    # What the API says of itself
    "openapi.json": {"GET": SIGNED_IN},
    "openapi.yaml": {"GET": SIGNED_IN},
    # Oneself
    "me/": {"GET": SIGNED_IN},
    "organisations/": {"GET": SIGNED_IN},
    "me/sessions/": {"GET": PERSON},
    "me/sessions/<str:pk>/": {"DELETE": PERSON},
    "me/sessions/end-others/": {"POST": PERSON},
    "me/sessions/sign-out-everywhere/": {"POST": PERSON},
    # The organisation
    "organisation/": {"GET": "view", "PATCH": "manage_organisation"},
    "memberships/": _READ,
    "memberships/<str:pk>/": {"GET": "view", "PATCH": "manage_members"},
    "memberships/<str:pk>/activate/": _MEMBERS,
    "memberships/<str:pk>/disable/": _MEMBERS,
    "memberships/<str:pk>/end-access/": _MEMBERS,
    "memberships/<str:pk>/make-owner/": {"POST": "hand_over"},
    "invitations/": {"GET": "manage_members", "POST": "manage_members"},
    "invitations/<str:pk>/": {"GET": "manage_members", "DELETE": "manage_members"},
    "service-accounts/": {"GET": "manage_service_accounts", "POST": "register_service_account"},
    "service-accounts/<str:pk>/": dict.fromkeys(["GET", "PATCH"], "manage_service_accounts"),
    "service-accounts/<str:pk>/activate/": _PROGRAMS,
    "service-accounts/<str:pk>/disable/": _PROGRAMS,
    "operator-entries/": _AUDIT,
    "operator-entries/<str:pk>/": _AUDIT,
    "audit-events/": _AUDIT,
    "audit-events/<str:pk>/": _AUDIT,
    "audit-events/export/": {"GET": "read_audit and export"},
    # Prospects
    "companies/": _FACTS,
    "companies/export/": _EXPORT,
    "companies/<str:pk>/": _FACT,
    "people/": _FACTS,
    "people/export/": _EXPORT,
    "people/<str:pk>/": _FACT,
    "phones/": _FACTS,
    "phones/export/": _EXPORT,
    "phones/<str:pk>/": _FACT,
    "positions/": _FACTS,
    "positions/export/": _EXPORT,
    "positions/<str:pk>/": _FACT,
    "consents/": _FACTS,
    "consents/export/": _EXPORT,
    "consents/<str:pk>/": _READ,
    "segments/": _FACTS,
    "segments/<str:pk>/": _FACT,
    "segments/<str:pk>/enroll/": _CHANGE,
    "segments/<str:pk>/positions/": _READ,
    # Campaigns
    "campaigns/": _FACTS,
    "campaigns/export/": _EXPORT,
    "campaigns/<str:pk>/": _FACT,
    "campaigns/<str:pk>/archive/": _CHANGE,
    "campaigns/<str:pk>/enroll/": _CHANGE,
    "campaigns/<str:pk>/enroll-everyone/": _CHANGE,
    "campaigns/<str:pk>/pause/": _CHANGE,
    "campaigns/<str:pk>/readiness/": _READ,
    "campaigns/<str:pk>/restore/": _CHANGE,
    "campaigns/<str:pk>/start/": _CHANGE,
    "steps/": _FACTS,
    "steps/<str:pk>/": _FACT,
    "prompts/": _FACTS,
    "prompts/<str:pk>/": _FACT,
    "experiments/": _FACTS,
    "experiments/<str:pk>/": _FACT,
    "experiments/<str:pk>/start/": _CHANGE,
    "experiments/<str:pk>/stop/": _CHANGE,
    "variants/": _FACTS,
    "variants/<str:pk>/": _FACT,
    "variant-assignments/": _READ,
    "variant-assignments/export/": _EXPORT,
    "variant-assignments/<str:pk>/": _READ,
    "enrollments/": _FACTS,
    "enrollments/export/": _EXPORT,
    "enrollments/<str:pk>/": _READ,
    "enrollments/<str:pk>/pause/": _CHANGE,
    "enrollments/<str:pk>/stop/": _CHANGE,
    # Sending
    "drafts/": _READ,
    "drafts/export/": _EXPORT,
    "drafts/<str:pk>/": {"GET": "view", "PATCH": "change"},
    "drafts/<str:pk>/approve/": _APPROVE,
    "drafts/<str:pk>/reject/": _APPROVE,
    "drafts/<str:pk>/skip/": _APPROVE,
    "drafts/batch/": _APPROVE,
    "tasks/": _READ,
    "tasks/export/": _EXPORT,
    "tasks/<str:pk>/": _READ,
    "tasks/<str:pk>/explain/": _READ,
    "messages/": _READ,
    "messages/export/": _EXPORT,
    "messages/<str:pk>/": _READ,
    "mailboxes/": {"GET": "view", "POST": "manage_mailboxes"},
    "mailboxes/<str:pk>/": _READ | dict.fromkeys(["PUT", "PATCH", "DELETE"], "manage_mailboxes"),
    "mailboxes/<str:pk>/activate/": _MAILBOXES,
    "mailboxes/<str:pk>/check/": _MAILBOXES,
    "mailboxes/<str:pk>/pause/": _MAILBOXES,
    "suppressions/": _FACTS,
    "suppressions/export/": _EXPORT,
    "suppressions/<str:pk>/": _READ,
    "suppressions/check/": {"POST": "view"},  # an address in a query would stand in every log
    "imports/": _FACTS,
    "imports/<str:pk>/": {"GET": "view", "PATCH": "change", "DELETE": "delete"},
    "imports/<str:pk>/allow-contacted/": _CHANGE,
    "imports/<str:pk>/cancel/": _CHANGE,
    "imports/<str:pk>/columns/": _READ,
    "imports/<str:pk>/problems/": _READ,
    "imports/<str:pk>/progress/": _READ,
    "imports/<str:pk>/refused-rows/": {"GET": "export"},
    "imports/<str:pk>/report/": _READ,
    "imports/<str:pk>/run/": _CHANGE,
    "imports/<str:pk>/undo/": {"POST": "delete"},
    "imports/<str:pk>/validate/": _CHANGE,
    "imports/template/": _READ,
    "import-mappings/": _READ,
    "import-mappings/<str:pk>/": {"GET": "view", "DELETE": "delete"},
    "address-checks/": _FACTS,
    "address-checks/<str:pk>/": _READ,
    "statistics/": _READ,
    "statistics/export/": _EXPORT,
    "statistics/<str:pk>/": _READ,
    "statistics/totals/": _READ,
    "opens/": _READ,
    "opens/export/": _EXPORT,
    "opens/<str:pk>/": _READ,
    "pixels/": _READ,
    "pixels/<str:pk>/": _READ,
    # Webhooks
    "webhooks/": dict.fromkeys(["GET", "POST"], "manage_webhooks"),
    "webhooks/<str:pk>/": dict.fromkeys(["GET", "PUT", "PATCH", "DELETE"], "manage_webhooks"),
    "webhooks/<str:pk>/activate/": _WEBHOOKS,
    "webhooks/<str:pk>/disable/": _WEBHOOKS,
    "webhooks/<str:pk>/renew-secret/": _WEBHOOKS,
    "webhook-deliveries/": {"GET": "manage_webhooks"},
    "webhook-deliveries/<str:pk>/": {"GET": "manage_webhooks"},
    "webhook-deliveries/<str:pk>/retry/": _WEBHOOKS,
}
LINES = [
    (method, path, capability)
    for path, line in TABLE.items()
    for method, capability in line.items()
]
