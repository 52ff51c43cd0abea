"""Each page of the console, and the capability that it takes.

SIGNED_IN: whoever shows who they are, inside an organisation or not. STAFF: the platform's
operators. PUBLIC: anybody.
"""

from typing import NamedTuple

PUBLIC, SIGNED_IN, STAFF = "public", "signed in", "operators of the platform"
NOBODY = "nobody"  # whatever their role
ABSENT = "no such method"  # whoever asks
NOTHING = "nothing"  # there: whoever is inside gets a 404

Line = dict[str, str | None]  # None: no such method, but only those inside learn it


class Table(NamedTuple):
    """The pages over one table: who sees, adds, changes and deletes, and who may take which action.

    `more` are pages that only this table has, by the ends of their names.
    """

    view: str = "view"
    add: str = "change"
    change: str = "change"
    delete: str = "delete"
    actions: dict[str, str] = {}
    more: dict[str, str] = {}


_FACTS = Table()
_READ = Table(add=NOBODY, change=NOBODY, delete=NOBODY)
_AUDIT = _READ._replace(view="read_audit")

TABLES: dict[str, Table] = {
    "crm.Company": _FACTS,
    "crm.Consent": Table(change=NOBODY, delete=NOBODY),
    "crm.Person": _FACTS,
    "crm.Phone": _FACTS,
    "crm.Position": Table(
        actions=dict.fromkeys(["enroll_in_campaign", "save_as_segment"], "change")
    ),
    "iam.AuditEvent": _AUDIT._replace(more={"export": "read_audit and export"}),
    "iam.Membership": Table(
        add="manage_members",
        change="manage_members",
        delete="manage_members",
        actions=dict.fromkeys(
            ["activate", "disable", "end_sessions", "renew", "withdraw"], "manage_members"
        )
        | {"hand_over": "hand_over"},
    ),
    "iam.OperatorEntry": _AUDIT,
    "iam.Organisation": Table(add=NOBODY, change="manage_organisation", delete=NOBODY),
    "iam.ServiceAccount": Table(
        view="manage_service_accounts or register_service_account",
        add="register_service_account",
        change="manage_service_accounts",
        delete=NOBODY,
        actions=dict.fromkeys(["activate", "disable"], "manage_service_accounts"),
    ),
    "iam.User": Table(add=NOBODY, change=NOBODY, delete=NOBODY),
    "outreach.AddressCheck": _READ,
    "outreach.Campaign": Table(
        actions=dict.fromkeys(["start", "pause", "archive", "restore"], "change")
    ),
    "outreach.Draft": _READ,
    "outreach.Enrollment": _READ,
    "outreach.ImportUpload": _READ,
    "outreach.Mailbox": Table(
        add="manage_mailboxes",
        change="manage_mailboxes",
        delete="manage_mailboxes",
        actions=dict.fromkeys(["activate", "pause"], "manage_mailboxes"),
    ),
    "outreach.Message": _READ,
    "outreach.Prompt": _FACTS,
    "outreach.Segment": Table(actions={"enroll_in_campaign": "change"}),
    "outreach.StepExperiment": Table(actions={"stop": "change"}),
    "outreach.Suppression": Table(change=NOBODY, delete=NOBODY),
    "outreach.Task": _READ._replace(
        actions=dict.fromkeys(["say_sent", "say_not_sent", "send_again"], "change")
    ),
    "outreach.Variant": _FACTS,
    "outreach.VariantAssignment": _READ,
    "outreach.WebhookDelivery": Table(
        view="manage_webhooks",
        add=NOBODY,
        change=NOBODY,
        delete=NOBODY,
        actions={"tell_again": "manage_webhooks"},
    ),
    "outreach.WebhookEndpoint": Table(
        view="manage_webhooks",
        add="manage_webhooks",
        change="manage_webhooks",
        delete="manage_webhooks",
        actions=dict.fromkeys(["activate", "disable", "renew_secret"], "manage_webhooks"),
    ),
    "outreach.WorkflowStep": _FACTS,
    "tracking.DailyStats": _READ,
    "tracking.OpenStats": _READ,
    "tracking.Pixel": _READ,
}

# What the page of an import lets be done to it, by the button's name.
IMPORT_MOVES = {
    **dict.fromkeys(["validate", "run", "cancel", "allow_contacted"], "change"),
    **dict.fromkeys(["undo", "discard"], "delete"),
}

# The console's own pages, by name. GET and POST are both asked.
PAGES: dict[str, Line] = {
    "index": {"GET": "view", "POST": "view"},
    "review": {"GET": "view", "POST": None},
    "review_draft": {"GET": "view", "POST": "approve"},
    "inbox": {"GET": "view", "POST": None},
    "thread": {"GET": "view", "POST": None},
    "campaign": {"GET": "view", "POST": None},
    "campaign_move": {"GET": None, "POST": "change"},
    "campaign_enroll": {"GET": "change", "POST": "change"},
    "campaign_simulation": {"GET": "view", "POST": None},
    "campaign_waiting": {"GET": "view", "POST": None},
    "task_cancel": {"GET": "change", "POST": "change"},
    "mailbox_check": {"GET": None, "POST": "manage_mailboxes"},
    "mailbox_domain": {"GET": None, "POST": "manage_mailboxes"},
    "mailbox_renew_dkim": {"GET": None, "POST": "manage_mailboxes"},
    "import_new": {"GET": "change", "POST": "change"},
    "import": {"GET": "view", "POST": None},
    "import_columns": {"GET": "view", "POST": "change"},
    "import_progress": {"GET": "view", "POST": None},
    "import_move": {"GET": None, "POST": "change"},  # without a move; with one: IMPORT_MOVES
    "import_refused": {"GET": "export", "POST": None},
    "check_addresses": {"GET": None, "POST": "change"},
    "sending": {"GET": "view", "POST": "manage_mailboxes"},
    "sending_platform": {"GET": None, "POST": STAFF},
    "task_decide": {"GET": None, "POST": "change"},
    "app_list": {"GET": "view", "POST": "view"},
    "autocomplete": {"GET": "view", "POST": None},
    "view_on_site": {"GET": NOTHING, "POST": NOTHING},
    "(?P<url>.*)$": {"GET": NOTHING, "POST": NOTHING},
    "search": {"GET": "view", "POST": "view"},
    # Where to go, and one's own
    "organisations": {"GET": SIGNED_IN, "POST": None},
    "enter": {"GET": None, "POST": SIGNED_IN},
    "accept": {"GET": None, "POST": SIGNED_IN},
    "leave": {"GET": None, "POST": SIGNED_IN},
    "visit": {"GET": None, "POST": STAFF},
    "visit_end": {"GET": None, "POST": "view"},
    "sessions": {"GET": SIGNED_IN, "POST": None},
    "session_end": {"GET": None, "POST": SIGNED_IN},
    "sessions_end_others": {"GET": None, "POST": SIGNED_IN},
    "sessions_end_everything": {"GET": None, "POST": SIGNED_IN},
    "password_change": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "password_change_done": {"GET": SIGNED_IN, "POST": None},
    "jsi18n": {"GET": SIGNED_IN, "POST": None},
    # The page of the API
    "api-docs": {"GET": SIGNED_IN, "POST": ABSENT},
    # The door
    "login": {"GET": PUBLIC, "POST": PUBLIC},
    "logout": {"GET": None, "POST": SIGNED_IN},
    "oidc-login": {"GET": PUBLIC, "POST": ABSENT},
    "oidc-callback": {"GET": PUBLIC, "POST": ABSENT},
    "oidc-logout": {"GET": ABSENT, "POST": PUBLIC},
    # What recipients of mails reach by a token
    "opt-out": {"GET": PUBLIC, "POST": PUBLIC},
    "u/<str:token>/": {"GET": PUBLIC, "POST": PUBLIC},
    "pixel": {"GET": PUBLIC, "POST": ABSENT},
}
