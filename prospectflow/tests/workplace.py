"""Organisations with mailboxes on a real server, and what became of their mails."""

from datetime import datetime
from typing import Any

from django.db import connection

from iam.models import Organisation
from outreach.credentials import seal
from outreach.models import Draft, Mailbox, Message
from outreach.services.approval import approve
from outreach.tests.conversing import make_two_steps
from outreach.tests.mail_server import PASSWORD, MailServer
from outreach.tests.making import MORNING, make_due
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation, make_position

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AT_ANY_HOUR = {"windows": dict.fromkeys(DAYS, [["00:00", "24:00"]]), "country": ""}


def found(server: MailServer, name: str, *, at: datetime = MORNING, **mailbox: Any) -> Organisation:
    """An organisation with a mailbox on the server and one first mail due."""
    organisation = make_organisation(name=name)
    account = {
        "address": f"{name}@acme.fr",
        "username": f"{name}@acme.fr",
        "sealed_password": seal(PASSWORD),
        "smtp_port": server.smtp_port,
        "imap_port": server.imap_port,
    }
    with tenant(organisation.pk):
        campaign = make_two_steps(make_mailbox(**(account | mailbox)))
        make_due(campaign, at=at, position=make_position(email=f"ada@{name}.example.com"))
    return organisation


def approve_all(organisation: Organisation, *, at: datetime = MORNING) -> None:
    """Let a rule approve whatever waits for a person."""
    with tenant(organisation.pk):
        for draft in Draft.objects.to_review():
            approve(draft, at=at, rule="test")


def sent(organisation: Organisation) -> int:
    """How many mails left."""
    with tenant(organisation.pk):
        return Message.objects.outbound().filter(status="sent").count()


def drafts(organisation: Organisation) -> list[str]:
    """How the drafts stand."""
    with tenant(organisation.pk):
        return list(Draft.objects.values_list("status", flat=True))


def mailbox_of(organisation: Organisation) -> Mailbox:
    """Its one mailbox as it stands."""
    with tenant(organisation.pk):
        return Mailbox.objects.get()


def forget_jobs(task: str = "%") -> None:
    """As if workers had done the jobs of this task, or all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE task_name LIKE %s", [f"prospectflow.{task}"]
        )
