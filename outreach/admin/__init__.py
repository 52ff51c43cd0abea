"""The pages of the outreach engine, by subject."""

from outreach.admin import (
    campaigns,
    enrolling,
    experiments,
    imports,
    mailboxes,
    segments,
    sending,
    steps,
    webhooks,
)

__all__ = [
    "campaigns",
    "enrolling",
    "experiments",
    "imports",
    "mailboxes",
    "segments",
    "sending",
    "steps",
    "webhooks",
]
