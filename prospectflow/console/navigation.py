"""The side bar: the console's pages, grouped by the work they are for."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from iam.roles import may

GROUPS = [
    (
        "Work",
        [
            ("Dashboard", "space_dashboard", "console:index"),
            ("Review queue", "rate_review", "console:review"),
            ("Inbox", "inbox", "console:inbox"),
            ("Campaigns", "campaign", "outreach.campaign"),
        ],
    ),
    (
        "Prospects",
        [
            ("Companies", "apartment", "crm.company"),
            ("People", "group", "crm.person"),
            ("Positions", "badge", "crm.position"),
            ("Segments", "filter_alt", "outreach.segment"),
            ("Phones", "call", "crm.phone"),
            ("Consents", "how_to_reg", "crm.consent"),
            ("Imports", "upload_file", "outreach.importupload"),
            ("Address checks", "mark_email_read", "outreach.addresscheck"),
        ],
    ),
    (
        "Sending",
        [
            ("All sending", "front_hand", "console:sending"),
            ("Mailboxes", "mail", "outreach.mailbox"),
            ("Steps", "steps", "outreach.workflowstep"),
            ("Prompts", "edit_note", "outreach.prompt"),
            ("Experiments", "science", "outreach.stepexperiment"),
            ("Variants", "alt_route", "outreach.variant"),
            ("Enrolments", "how_to_vote", "outreach.enrollment"),
            ("Assignments", "casino", "outreach.variantassignment"),
            ("Tasks", "schedule", "outreach.task"),
            ("Drafts", "draft", "outreach.draft"),
            ("Messages", "forum", "outreach.message"),
            ("Suppressions", "block", "outreach.suppression"),
        ],
    ),
    (
        "Statistics",
        [
            ("Daily numbers", "monitoring", "tracking.dailystats"),
            ("Opens", "drafts", "tracking.openstats"),
            ("Pixels", "center_focus_weak", "tracking.pixel"),
        ],
    ),
    (
        "Organisation",
        [
            ("Organisation", "domain", "iam.organisation"),
            ("Members", "diversity_3", "iam.membership"),
            ("Users", "person", "iam.user"),
            ("Webhooks", "webhook", "outreach.webhookendpoint"),
            ("Webhook log", "outbound", "outreach.webhookdelivery"),
            ("Service accounts", "smart_toy", "iam.serviceaccount"),
            ("Audit trail", "history", "iam.auditevent"),
            ("Operators' visits", "support_agent", "iam.operatorentry"),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the side bar; empty until an organisation is entered."""
    if getattr(request, "membership", None) is None:
        return []
    return [
        {
            "title": title,
            "separator": index > 0,
            "collapsible": title not in {"Work", "Prospects"},
            "items": [
                {
                    "title": name,
                    "icon": icon,
                    "link": (link := _address(target)),
                    "active": _active(request, link),
                }
                for name, icon, target in items
                if _is_open(request, target)
            ],
        }
        for index, (title, items) in enumerate(GROUPS)
    ]


def account(request: HttpRequest) -> list[dict[str, str]]:
    """What a person finds under their own name."""
    links = [{"title": "Your sessions", "link": reverse("console:sessions")}]
    if request.user.is_authenticated and request.user.has_usable_password():
        links.append({"title": "Change password", "link": reverse("console:password_change")})
    return links


def stylesheet(request: HttpRequest) -> str:
    """The address of the console's own style sheet."""
    return static("console/console.css")


def icon(request: HttpRequest) -> str:
    """The address of the picture in the browser's tab."""
    return static("console/icon.svg")


def _is_open(request: HttpRequest, target: str) -> bool:
    """A table's own page says who may look at it; the console's are every member's."""
    if ":" in target:
        return may(request.membership, "view")
    return admin.site.get_model_admin(apps.get_model(target)).has_module_permission(request)


def _address(target: str) -> str:
    if ":" in target:
        return reverse(target)
    return reverse(f"console:{target.replace('.', '_')}_changelist")


def _active(request: HttpRequest, link: str) -> bool:
    return (
        request.path == link if link == reverse("console:index") else request.path.startswith(link)
    )
