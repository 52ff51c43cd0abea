"""An SMTP server that answers as it is told, and a mailbox that sends through it."""

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from outreach.models import Enrollment, Mailbox, Message, Task
from outreach.services.approval import approve
from outreach.services.drafting import compose
from outreach.services.mailboxes import set_password
from outreach.services.sending import send_next
from outreach.tests.making import fresh, make_open_campaign, make_ready, message_of
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_mailbox, make_organisation, make_step

PASSWORD = "sesame"
SUBJECT = "Une idée courte"


class Postbox(Controller):
    """A server on a free port. What it took over stays in `mails`, in order.

    It takes commands in groups (RFC 2920), as the servers of all large providers do.
    """

    def __init__(self) -> None:
        self.offers_pipelining = True
        self.mails: list[tuple[str, bytes]] = []
        self.seen: list[str] = []
        self.answers: dict[str, list[str]] = {}
        self.hooks: dict[str, Callable[[Any, Any], None]] = {}
        super().__init__(
            self,
            hostname="127.0.0.1",
            port=0,
            authenticator=self._authenticate,
            auth_require_tls=False,
        )

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def answer(self, stage: str, *answers: str) -> None:
        """What to say at this stage, one answer a time; afterwards all is well again."""
        self.answers[stage] = list(answers)

    def parsed(self) -> list[EmailMessage]:
        """The mails as a strict reader sees them."""
        return [message_from_bytes(raw, policy=policy.default) for _, raw in self.mails]

    def _authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=data.password.decode() == PASSWORD, handled=False)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        await self._say("EHLO", server, envelope)
        if self.offers_pipelining:
            responses.insert(1, "250-PIPELINING")
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await self._say("MAIL", server, envelope) or "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.seen.append(address)
        answer = await self._say("RCPT", server, envelope)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = await self._say("DATA", server, envelope)
        if answer is None or answer.startswith("2"):
            self.mails.append((envelope.rcpt_tos[0], envelope.original_content))
            await self._say("TAKEN", server, envelope)
        return answer or "250 2.0.0 Queued as 42"

    async def _say(self, stage: str, server: Any, envelope: Any) -> str | None:
        if hook := self.hooks.get(stage):
            await asyncio.get_running_loop().run_in_executor(None, hook, server, envelope)
        answers = self.answers.get(stage)
        return answers.pop(0) if answers else None


def hang_up(server: Any, envelope: Any) -> None:
    """Drop the connection without another word."""
    server.loop.call_soon_threadsafe(server.transport.abort)


class World:
    """An organisation with one mailbox behind a postbox, seen as workers see it."""

    def __init__(self, postbox: Postbox, **fields: Any) -> None:
        self.organisation_id: UUID = make_organisation().pk
        with tenant(self.organisation_id):
            mailbox = make_mailbox(smtp_port=postbox.port, **fields)
            set_password(mailbox, PASSWORD)
            mailbox.save()
            self.mailbox_id = mailbox.pk

    @contextmanager
    def open(self):
        """Stand inside the organisation; gives the mailbox as it is now."""
        with tenant(self.organisation_id):
            yield Mailbox.objects.get(pk=self.mailbox_id)

    def send(self, at: datetime) -> Message | None:
        """One round of one worker."""
        return send_next(self.organisation_id, self.mailbox_id, now=at, worker="test")

    def queue(self, count: int = 1, steps: int = 1) -> Any:
        """A running campaign of so many steps, with so many first mails that may leave."""
        with self.open() as mailbox:
            campaign = make_open_campaign(mailbox)
            made = [
                make_step(campaign, delay_days=4 * n, subject_template="" if n else SUBJECT)
                for n in range(steps)
            ]
            tasks = [make_ready(campaign, workflow_step=made[0]) for _ in range(count)]
        return tasks if count > 1 else tasks[0]

    def state(self, task: Task) -> tuple[Task, Message | None, Enrollment, Mailbox]:
        """The task, its message, its enrolment and its mailbox, as they stand."""
        with self.open() as mailbox:
            task = fresh(task)
            return task, message_of(task), task.enrollment, mailbox

    def follow_up_of(self, task: Task) -> Task | None:
        """The task that was planned after this one."""
        with self.open():
            others = Task.objects.exclude(pk=task.pk)
            return others.filter(enrollment_id=task.enrollment_id).first()

    def approve_all(self, at: datetime) -> None:
        """Write and approve what is planned, and have the inbox read."""
        with self.open():
            for task in Task.objects.filter(status="scheduled", drafts__isnull=True):
                approve(compose(task, at=at), at=at, rule="test")
            Mailbox.objects.update(last_synced_at=at)
