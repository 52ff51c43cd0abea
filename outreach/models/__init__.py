"""What: the tables of the outreach engine, by subject."""

from outreach.models.campaigns import (
    Campaign,
    Enrollment,
    Prompt,
    StepExperiment,
    Variant,
    VariantAssignment,
    WorkflowStep,
)
from outreach.models.imports import (
    AddressCheck,
    ImportFilePart,
    ImportMapping,
    ImportProblem,
    ImportUpload,
)
from outreach.models.mailboxes import Mailbox, Suppression
from outreach.models.segments import Segment
from outreach.models.sending import Draft, Message, Task
from outreach.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "AddressCheck",
    "Campaign",
    "Draft",
    "Enrollment",
    "ImportFilePart",
    "ImportMapping",
    "ImportProblem",
    "ImportUpload",
    "Mailbox",
    "Message",
    "Prompt",
    "Segment",
    "StepExperiment",
    "Suppression",
    "Task",
    "Variant",
    "VariantAssignment",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkflowStep",
]
