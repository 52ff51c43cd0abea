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
from outreach.models.mailboxes import ImportUpload, Mailbox, Suppression
from outreach.models.sending import Draft, Message, Task
from outreach.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Campaign",
    "Draft",
    "Enrollment",
    "ImportUpload",
    "Mailbox",
    "Message",
    "Prompt",
    "StepExperiment",
    "Suppression",
    "Task",
    "Variant",
    "VariantAssignment",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkflowStep",
]
