"""Facts made in memory, for rules that read no database."""

from datetime import datetime
from typing import Any
from uuid import UUID

from outreach.calendar import DEFAULT_WINDOWS, Schedule
from outreach.policy.facts import Case, Ledger

OFFICE = Schedule.from_json(DEFAULT_WINDOWS)


def suppose_ledger(**fields: Any) -> Ledger:
    """The day of a mailbox in Paris that has sent nothing yet."""
    defaults = {"mailbox_id": UUID(int=1), "address": "sales@acme.example", "schedule": OFFICE}
    return Ledger(**(defaults | fields))


def suppose_case(at: datetime, *, number: int = 1, **fields: Any) -> Case:
    """A case that nothing speaks against, due at this instant; `number` tells people apart."""
    ids = {
        name: UUID(int=number)
        for name in ("task_id", "enrollment_id", "campaign_id", "position_id", "company_id")
    }
    defaults = {"address": f"ada{number}@example.com", "scheduled_for": at}
    ledger = fields.pop("ledger", None) or suppose_ledger()
    return Case(**(ids | defaults | {"ledger": ledger} | fields))
