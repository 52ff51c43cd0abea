"""The pages of the outreach engine, by subject."""

from outreach.admin import campaigns, enrolling, experiments, mailboxes, sending, webhooks

__all__ = ["campaigns", "enrolling", "experiments", "mailboxes", "sending", "webhooks"]
