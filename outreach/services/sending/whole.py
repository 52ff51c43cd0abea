"""Whether a mailbox may send anything at all now, asked before any task is touched."""

from datetime import datetime
from uuid import UUID

from outreach.policy.facts import Case, Ledger
from outreach.policy.rules import reasons
from outreach.services.sending.held_back import is_of_the_mailbox
from outreach.services.switches import closed_switches

NOBODY = UUID(int=0)


def may_send_anything(ledger: Ledger, *, now: datetime) -> bool:
    """Whether nothing holds back the mailbox as a whole: limit, pace, hours, state, switches."""
    switches = tuple((switch.code, switch.sentence) for switch in closed_switches())
    case = Case(
        task_id=NOBODY, enrollment_id=NOBODY, campaign_id=NOBODY, position_id=NOBODY,
        company_id=NOBODY, address="", scheduled_for=now, ledger=ledger, switches=switches,
    )  # fmt: skip
    return not any(is_of_the_mailbox(each, case) for each in reasons(case, now=now))
