"""What: the tables of the outreach engine, by subject."""

from outreach.models.campaigns import (
    Campaign,
    CampaignMailbox,
    Enrollment,
    Forecast,
    WorkflowStep,
)
from outreach.models.experiments import Prompt, StepExperiment, Variant, VariantAssignment
from outreach.models.imports import (
    AddressCheck,
    ImportFilePart,
    ImportMapping,
    ImportProblem,
    ImportUpload,
)
from outreach.models.mailboxes import Mailbox, Suppression
from outreach.models.platform import Platform
from outreach.models.segments import Segment
from outreach.models.sending import Draft, Message, Task
from outreach.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "AddressCheck",
    "Campaign",
    "CampaignMailbox",
    "Draft",
    "Enrollment",
    "Forecast",
    "ImportFilePart",
    "ImportMapping",
    "ImportProblem",
    "ImportUpload",
    "Mailbox",
    "Message",
    "Platform",
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
