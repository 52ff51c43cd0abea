"""The intention to send, the text a person approved, and what was really sent or received."""

from django.db import models
from django.db.models import Q

from crm.models import lower_case
from outreach.models.campaigns import Campaign, Enrollment, WorkflowStep
from outreach.models.experiments import Prompt, StepExperiment, Variant
from outreach.models.mailboxes import Mailbox
from outreach.querysets import DraftQuerySet, MessageQuerySet, TaskQuerySet
from outreach.states import (
    DRAFT_MOVES,
    MESSAGE_MOVES,
    TASK_MOVES,
    WAITING,
    Direction,
    DraftStatus,
    MessageKind,
    MessageStatus,
    TaskStatus,
)
from prospectflow.choices import known
from prospectflow.tenancy.constraints import Audited, TenantReference, Trigger
from prospectflow.tenancy.fields import TenantForeignKey, UserReference
from prospectflow.tenancy.models import TenantModel


class Task(TenantModel):
    """The intention to send one step to one enrolment: one, ever."""

    Status = TaskStatus
    MOVES = TASK_MOVES

    campaign = TenantForeignKey(Campaign, models.DB_CASCADE, related_name="tasks")
    enrollment = TenantForeignKey(
        Enrollment,
        models.DB_CASCADE,
        related_name="tasks",
        db_index=False,
        verbose_name="enrolment",
    )
    workflow_step = TenantForeignKey(WorkflowStep, models.DB_CASCADE, related_name="tasks")
    scheduled_for = models.DateTimeField()
    status = models.TextField(
        choices=TaskStatus, default=TaskStatus.SCHEDULED, db_default=TaskStatus.SCHEDULED
    )
    attempts = models.IntegerField(default=0, db_default=0)
    locked_at = models.DateTimeField(null=True, blank=True)
    locked_by = models.TextField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # Kept by PostgreSQL from the enrolment, the step and the draft, for the index of what may go.
    mailbox = TenantForeignKey(
        Mailbox,
        models.DB_SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="tasks",
        db_index=False,
    )
    step_index = models.IntegerField(default=0, db_default=0, editable=False)
    is_approved = models.BooleanField(default=False, db_default=False, editable=False)
    last_error = models.TextField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        db_table = "tasks"
        constraints = [
            *TenantModel.Meta.constraints,
            known("status", TaskStatus, name="tasks_status_known"),
            models.CheckConstraint(condition=Q(attempts__gte=0), name="tasks_attempts_positive"),
            models.UniqueConstraint(
                fields=["organisation", "enrollment", "workflow_step"], name="tasks_once"
            ),
            models.CheckConstraint(
                condition=~Q(status="leased") | Q(leased_until__isnull=False),
                name="tasks_lease_ends",
            ),
            Trigger(
                name="tasks_placed",
                when="BEFORE INSERT OR UPDATE OF enrollment_id, workflow_step_id",
                function="outreach.place_task",
            ),
            TenantReference(
                name="tasks_enrollment_of_campaign",
                to="outreach.Enrollment",
                fields=["enrollment", "campaign"],
                to_fields=["id", "campaign"],
                on_delete="CASCADE",
            ),
            TenantReference(
                name="tasks_step_of_campaign",
                to="outreach.WorkflowStep",
                fields=["workflow_step", "campaign"],
                to_fields=["id", "campaign"],
                on_delete="CASCADE",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "scheduled_for", "id"],
                condition=Q(status__in=WAITING),
                name="tasks_waiting",
            ),
            models.Index(
                fields=["organisation", "mailbox", "step_index", "scheduled_for", "id"],
                condition=Q(status__in=WAITING, is_approved=True),
                name="tasks_to_send",
            ),
            models.Index(
                fields=["organisation", "status", "locked_at"],
                condition=Q(status__in=["leased", "transmitting", "unknown"]),
                name="tasks_in_flight",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_step} of {self.enrollment}"


class Draft(TenantModel):
    """The text for one task, and who stands for it.

    `approved_hash` is the SHA-256 of exactly what will be sent; messages refer to it, so that
    PostgreSQL itself lets nothing leave that was not approved.
    """

    Status = DraftStatus
    MOVES = DRAFT_MOVES

    task = TenantForeignKey(Task, models.DB_CASCADE, related_name="drafts", db_index=False)
    variant = TenantForeignKey(
        Variant, models.DB_SET_NULL, null=True, blank=True, related_name="drafts"
    )
    prompt = TenantForeignKey(
        Prompt, models.DB_SET_NULL, null=True, blank=True, related_name="drafts"
    )
    recipient = models.CharField(max_length=254)
    subject = models.TextField()
    body_text = models.TextField("text")
    hooks = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Personal claims and sources."
    )
    problems = models.JSONField(
        default=list, db_default=[], blank=True, help_text="What the gates found."
    )
    status = models.TextField(
        choices=DraftStatus, default=DraftStatus.PENDING, db_default=DraftStatus.PENDING
    )
    skip_count = models.IntegerField(default=0, db_default=0)
    approved_hash = models.CharField(max_length=64, null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = UserReference(null=True, blank=True, related_name="+")
    approved_rule = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The rule that approved, where no person did.",
    )
    edits = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Who changed what, and when."
    )

    objects = DraftQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        db_table = "drafts"
        constraints = [
            *TenantModel.Meta.constraints,
            known("status", DraftStatus, name="drafts_status_known"),
            lower_case("recipient", name="drafts_recipient_lower_case"),
            models.CheckConstraint(
                condition=Q(
                    status="approved", approved_hash__isnull=False, approved_at__isnull=False
                )
                | (~Q(status="approved") & Q(approved_hash__isnull=True)),
                name="drafts_approved_means_hash",
            ),
            models.UniqueConstraint(fields=["organisation", "task"], name="drafts_one_per_task"),
            models.UniqueConstraint(
                fields=["organisation", "id", "approved_hash"], name="drafts_approved_text"
            ),
            models.UniqueConstraint(fields=["organisation", "id", "task"], name="drafts_of_task"),
            Trigger(
                name="drafts_change_unapproves",
                when="BEFORE UPDATE",
                function="outreach.unapprove_changed_draft",
            ),
            Trigger(
                name="drafts_mark_task",
                when="AFTER INSERT OR UPDATE OR DELETE",
                function="outreach.mark_task",
            ),
            Audited(  # approvals, given and withdrawn; not the text itself
                name="drafts_audited",
                when="AFTER UPDATE",
                without=["recipient", "subject", "body_text", "hooks", "problems", "edits"]
                + ["skip_count", "approved_at", "approved_by_id", "variant_id", "prompt_id"],
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "skip_count", "id"],
                condition=Q(status="pending"),
                name="drafts_to_review",
            )
        ]

    def __str__(self) -> str:
        return self.subject


WAS_FOUND = Q(provider="imap", task__isnull=True, draft__isnull=True)
"""Of a mail that only the mailbox still knew, after a restore: it belongs to nothing here."""


class Message(TenantModel):
    """A mail that left or came in. Its Message-ID is committed before a connection opens."""

    Status = MessageStatus
    Direction = Direction
    MOVES = MESSAGE_MOVES

    position = TenantForeignKey(
        "crm.Position", models.DB_CASCADE, null=True, related_name="messages", db_index=False
    )  # messages_of_position begins with it
    enrollment = TenantForeignKey(
        Enrollment,
        models.DB_SET_NULL,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name="enrolment",
    )
    task = TenantForeignKey(
        Task, models.DB_SET_NULL, null=True, blank=True, related_name="messages"
    )
    draft = TenantForeignKey(
        Draft, models.DB_SET_NULL, null=True, blank=True, related_name="messages"
    )
    mailbox = TenantForeignKey(
        Mailbox,
        models.DB_SET_NULL,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
    )  # messages_by_mailbox begins with it
    step_experiment = TenantForeignKey(
        StepExperiment, models.DB_SET_NULL, null=True, blank=True, related_name="messages"
    )
    variant = TenantForeignKey(
        Variant, models.DB_SET_NULL, null=True, blank=True, related_name="messages"
    )
    direction = models.TextField(choices=Direction)
    status = models.TextField(
        choices=MessageStatus, default=MessageStatus.QUEUED, db_default=MessageStatus.QUEUED
    )
    # An index that names `status` itself would have every index written again as a mail leaves.
    gone_wrong = models.GeneratedField(
        expression=Q(status__in=["bounced", "failed"]),  # type: ignore[arg-type]  # it takes it
        output_field=models.BooleanField(),
        db_persist=True,
    )
    provider = models.TextField(default="smtp", db_default="smtp")
    provider_message_id = models.TextField("provider's message ID", null=True, blank=True)
    provider_thread_id = models.TextField("provider's thread ID", null=True, blank=True)
    rfc822_message_id = models.TextField("Message-ID", null=True, blank=True)
    in_reply_to = models.TextField("In-Reply-To", null=True, blank=True)
    references = models.JSONField(default=list, db_default=[], blank=True)
    from_address = models.CharField("from", max_length=254, blank=True, default="", db_default="")
    to_address = models.CharField("to", max_length=254, blank=True, default="", db_default="")
    subject = models.TextField(null=True, blank=True)
    body_text = models.TextField("text", null=True, blank=True)
    body_html = models.TextField("HTML", null=True, blank=True)
    raw = models.BinaryField(null=True, blank=True)
    content_hash = models.CharField(max_length=64, null=True, blank=True)
    unsubscribe_digest = models.BinaryField(null=True, blank=True, max_length=32)
    verdict = models.TextField(choices=MessageKind, null=True, blank=True)
    evidence = models.TextField(blank=True, default="", db_default="")
    answer_code = models.TextField(
        blank=True, default="", db_default="", help_text="The server's last word."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta(TenantModel.Meta):
        db_table = "messages"
        constraints = [
            *TenantModel.Meta.constraints,
            known("direction", Direction, name="messages_direction_known"),
            known("status", MessageStatus, name="messages_status_known"),
            known("verdict", MessageKind, name="messages_verdict_known"),
            models.CheckConstraint(
                condition=Q(direction="inbound") | Q(position__isnull=False) | WAS_FOUND,
                name="messages_outbound_has_position",
            ),
            models.CheckConstraint(
                condition=Q(direction="inbound")
                | Q(rfc822_message_id__isnull=False, content_hash__isnull=False)
                | WAS_FOUND,
                name="messages_outbound_is_frozen",
            ),
            models.UniqueConstraint(
                fields=["organisation", "provider_message_id"],
                condition=Q(provider_message_id__isnull=False),
                name="messages_provider_id_once",
            ),
            models.UniqueConstraint(
                fields=["organisation", "rfc822_message_id"],
                condition=Q(direction="outbound"),
                name="messages_sent_once",
            ),
            models.UniqueConstraint(
                fields=["organisation", "mailbox", "rfc822_message_id"],
                condition=Q(direction="inbound"),
                name="messages_received_once",
            ),
            models.UniqueConstraint(
                fields=["organisation", "task"],
                condition=Q(direction="outbound"),
                name="messages_one_per_task",
            ),
            # The one look-up that starts without an organisation, by outreach.unsubscribe_target.
            models.UniqueConstraint(
                fields=["unsubscribe_digest"], name="messages_unsubscribe_digest_everywhere"
            ),
            TenantReference(
                name="messages_approved_text",
                to="outreach.Draft",
                fields=["draft", "content_hash"],
                to_fields=["id", "approved_hash"],
                on_delete="SET NULL (draft_id)",
            ),
            TenantReference(
                name="messages_draft_of_task",
                to="outreach.Draft",
                fields=["draft", "task"],
                to_fields=["id", "task"],
                on_delete="SET NULL (draft_id)",
            ),
            TenantReference(
                name="messages_position_of_enrollment",
                to="outreach.Enrollment",
                fields=["enrollment", "position"],
                to_fields=["id", "position"],
                on_delete="SET NULL (enrollment_id)",
            ),
            TenantReference(
                name="messages_variant_of_experiment",
                to="outreach.Variant",
                fields=["variant", "step_experiment"],
                to_fields=["id", "step_experiment"],
                on_delete="SET NULL (variant_id)",
            ),
            Trigger(
                name="messages_require_draft",
                when="BEFORE INSERT OR UPDATE OF direction, content_hash, draft_id, task_id",
                function="outreach.require_approved_draft",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "position", "-created_at"], name="messages_of_position"
            ),
            models.Index(fields=["organisation", "mailbox", "sent_at"], name="messages_by_mailbox"),
            models.Index(
                fields=["organisation", "-received_at", "id"],
                condition=Q(direction="inbound"),
                name="messages_inbox",
            ),
            models.Index(fields=["organisation", "to_address", "sent_at"], name="messages_to"),
            models.Index(
                fields=["organisation", "mailbox", "sent_at"],
                condition=Q(direction="outbound", gone_wrong=True),
                name="messages_gone_wrong",
            ),
            models.Index(
                fields=["organisation", "received_at"],
                condition=Q(verdict="complaint"),
                name="messages_complaints",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or "(no subject)"
