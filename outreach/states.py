"""Every state of the engine, and the moves between them."""

from django.db import models

from prospectflow.choices import Moves


class CampaignStatus(models.TextChoices):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"


CAMPAIGN_MOVES: Moves = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.RUNNING, CampaignStatus.ARCHIVED}),
    CampaignStatus.RUNNING: frozenset({CampaignStatus.PAUSED, CampaignStatus.ARCHIVED}),
    CampaignStatus.PAUSED: frozenset({CampaignStatus.RUNNING, CampaignStatus.ARCHIVED}),
    CampaignStatus.ARCHIVED: frozenset({CampaignStatus.PAUSED}),  # never straight to running
}


class StepKind(models.TextChoices):
    EMAIL = "email"


class ExperimentStatus(models.TextChoices):
    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


EXPERIMENT_MOVES: Moves = {
    ExperimentStatus.DRAFT: frozenset({ExperimentStatus.RUNNING, ExperimentStatus.STOPPED}),
    ExperimentStatus.RUNNING: frozenset({ExperimentStatus.STOPPED}),
    ExperimentStatus.STOPPED: frozenset(),  # another try is another experiment
}


class EnrollmentState(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    REPLIED = "replied"
    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"
    FINISHED = "finished"


_STOPS = frozenset({EnrollmentState.REPLIED, EnrollmentState.BOUNCED, EnrollmentState.UNSUBSCRIBED})
ENROLLMENT_MOVES: Moves = {
    EnrollmentState.ACTIVE: _STOPS | {EnrollmentState.PAUSED, EnrollmentState.FINISHED},
    EnrollmentState.PAUSED: _STOPS | {EnrollmentState.ACTIVE, EnrollmentState.FINISHED},
    # An answer may come after the last step, and a last mail in doubt may be sent once more.
    EnrollmentState.FINISHED: _STOPS | {EnrollmentState.ACTIVE},
    EnrollmentState.REPLIED: frozenset({EnrollmentState.UNSUBSCRIBED, EnrollmentState.BOUNCED}),
    EnrollmentState.BOUNCED: frozenset({EnrollmentState.UNSUBSCRIBED}),
    EnrollmentState.UNSUBSCRIBED: frozenset(),
}


class TaskStatus(models.TextChoices):
    SCHEDULED = "scheduled"
    LEASED = "leased"
    TRANSMITTING = "transmitting"
    DEFERRED = "deferred"
    SENT = "sent"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"


WAITING = (TaskStatus.SCHEDULED, TaskStatus.DEFERRED)
"""What waits for its hour."""
OPEN = (*WAITING, TaskStatus.LEASED)
"""What has not left yet, and still can be kept from it."""
_FROM_WAITING = frozenset(
    {TaskStatus.LEASED, TaskStatus.SKIPPED, TaskStatus.CANCELLED}
    | {TaskStatus.UNKNOWN}  # it may have left in a time that a restored database forgot
    | {TaskStatus.SENT}  # as from everywhere: what the server took has left, however late we hear
)
TASK_MOVES: Moves = {
    TaskStatus.SCHEDULED: _FROM_WAITING,
    TaskStatus.DEFERRED: _FROM_WAITING,  # the server said: later; the same bytes go again
    TaskStatus.LEASED: frozenset(
        {TaskStatus.TRANSMITTING, TaskStatus.SCHEDULED, TaskStatus.DEFERRED}
        | {TaskStatus.SKIPPED, TaskStatus.CANCELLED, TaskStatus.FAILED, TaskStatus.SENT}
    ),
    # From here on the mail may have left: back only where it certainly has not.
    TaskStatus.TRANSMITTING: frozenset(
        {TaskStatus.SENT, TaskStatus.DEFERRED, TaskStatus.SCHEDULED}
        | {TaskStatus.CANCELLED, TaskStatus.FAILED, TaskStatus.UNKNOWN}
    ),
    # Found in the mailbox, given up, or sent once more because a person says so.
    TaskStatus.UNKNOWN: frozenset({TaskStatus.SENT, TaskStatus.FAILED, TaskStatus.DEFERRED}),
    TaskStatus.SENT: frozenset(),
    TaskStatus.SKIPPED: frozenset({TaskStatus.SENT}),
    TaskStatus.CANCELLED: frozenset({TaskStatus.SENT}),
    TaskStatus.FAILED: frozenset({TaskStatus.SENT}),
}


class DraftStatus(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    SKIPPED = "skipped"


DRAFT_MOVES: Moves = {
    DraftStatus.PENDING: frozenset({DraftStatus.APPROVED, DraftStatus.SKIPPED}),
    DraftStatus.APPROVED: frozenset({DraftStatus.PENDING, DraftStatus.SKIPPED}),
    DraftStatus.SKIPPED: frozenset({DraftStatus.PENDING}),
}


class Direction(models.TextChoices):
    OUTBOUND = "outbound"
    INBOUND = "inbound"


class MessageStatus(models.TextChoices):
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    RECEIVED = "received"
    FAILED = "failed"


MESSAGE_MOVES: Moves = {
    MessageStatus.QUEUED: frozenset({MessageStatus.SENT, MessageStatus.FAILED}),
    MessageStatus.SENT: frozenset({MessageStatus.DELIVERED, MessageStatus.BOUNCED}),
    MessageStatus.DELIVERED: frozenset({MessageStatus.BOUNCED}),
    MessageStatus.FAILED: frozenset({MessageStatus.SENT}),  # taken after all: told late
    MessageStatus.BOUNCED: frozenset(),
    MessageStatus.RECEIVED: frozenset(),
}


class MessageKind(models.TextChoices):
    """What an inbound mail is."""

    REPLY = "reply"
    OUT_OF_OFFICE = "out_of_office"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    OBJECTION = "objection"
    CHALLENGE = "challenge"
    LEFT_COMPANY = "left_company"
    ADDRESS_CHANGED = "address_changed"
    ACKNOWLEDGEMENT = "acknowledgement"
    AUTO_OTHER = "auto_other"


class MailboxStatus(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"


MAILBOX_MOVES: Moves = {
    MailboxStatus.ACTIVE: frozenset({MailboxStatus.PAUSED, MailboxStatus.BROKEN}),
    MailboxStatus.PAUSED: frozenset({MailboxStatus.ACTIVE, MailboxStatus.BROKEN}),
    MailboxStatus.BROKEN: frozenset({MailboxStatus.ACTIVE, MailboxStatus.PAUSED}),
}


class Provider(models.TextChoices):
    OTHER = "other", "another provider"
    GOOGLE = "google", "Google Workspace"
    MICROSOFT = "microsoft", "Microsoft 365"
    OVH = "ovh", "OVHcloud"
    GANDI = "gandi", "Gandi"
    INFOMANIAK = "infomaniak", "Infomaniak"


class SignIn(models.TextChoices):
    PASSWORD = "password", "user name and password"  # noqa: S105
    OAUTH = "oauth", "OAuth 2.0 (XOAUTH2)"


class Security(models.TextChoices):
    TLS = "tls", "TLS from the start"
    STARTTLS = "starttls", "STARTTLS"
    PLAIN = "plain", "none (this machine only)"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "unsubscribed"
    OBJECTION = "objection"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    LEFT_COMPANY = "left_company"
    BY_HAND = "by_hand"


class UploadStatus(models.TextChoices):
    UPLOADED = "uploaded"
    MAPPED = "mapped"
    VALIDATING = "validating"
    VALIDATION_FAILED = "validation_failed"
    IMPORTING = "importing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


UPLOAD_MOVES: Moves = {
    UploadStatus.UPLOADED: frozenset({UploadStatus.MAPPED, UploadStatus.FAILED}),
    UploadStatus.MAPPED: frozenset(
        {UploadStatus.VALIDATING, UploadStatus.IMPORTING, UploadStatus.FAILED}
    ),
    # What was found fit for import waits for it as `mapped`, with the report of the dry run.
    UploadStatus.VALIDATING: frozenset(
        {UploadStatus.MAPPED, UploadStatus.VALIDATION_FAILED, UploadStatus.FAILED}
    ),
    UploadStatus.VALIDATION_FAILED: frozenset({UploadStatus.MAPPED}),
    UploadStatus.IMPORTING: frozenset(
        {UploadStatus.COMPLETED, UploadStatus.CANCELLED, UploadStatus.FAILED}
    ),
    # What was cancelled leaves whole chunks: it may go on where it was, or be taken back.
    UploadStatus.CANCELLED: frozenset({UploadStatus.IMPORTING, UploadStatus.UNDOING}),
    UploadStatus.COMPLETED: frozenset({UploadStatus.UNDOING}),
    UploadStatus.FAILED: frozenset(
        {UploadStatus.MAPPED, UploadStatus.IMPORTING, UploadStatus.UNDOING}
    ),
    # What cannot be taken back, or not now, is again what it was.
    UploadStatus.UNDOING: frozenset(
        {UploadStatus.UNDONE, UploadStatus.COMPLETED, UploadStatus.CANCELLED}
    ),
    UploadStatus.UNDONE: frozenset(),
}


class ProblemKind(models.TextChoices):
    """What a problem did to its row."""

    REFUSED = "refused"
    DUPLICATE = "duplicate"
    WARNING = "warning"
    NOTE = "note"


class WebhookEvent(models.TextChoices):
    """What other programs may be told of."""

    REPLIED = "enrollment.replied"
    BOUNCED = "enrollment.bounced"
    UNSUBSCRIBED = "enrollment.unsubscribed"
    IMPORT_FINISHED = "import.finished"


class WebhookStatus(models.TextChoices):
    ACTIVE = "active"
    DISABLED = "disabled"


WEBHOOK_MOVES: Moves = {
    WebhookStatus.ACTIVE: frozenset({WebhookStatus.DISABLED}),
    WebhookStatus.DISABLED: frozenset({WebhookStatus.ACTIVE}),
}


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


DELIVERY_MOVES: Moves = {
    DeliveryStatus.WAITING: frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED}),
    DeliveryStatus.DELIVERED: frozenset(),
    DeliveryStatus.FAILED: frozenset({DeliveryStatus.WAITING}),
}
