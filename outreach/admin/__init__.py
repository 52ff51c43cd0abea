"""The pages of the outreach engine, by subject."""

from outreach.admin import campaigns, mailboxes, sending

__all__ = ["campaigns", "mailboxes", "sending"]
