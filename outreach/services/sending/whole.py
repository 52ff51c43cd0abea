"""Whether a mailbox may send anything at all now, asked before any task is touched."""

from datetime import datetime
from uuid import UUID

from outreach.models import Campaign
from outreach.policy.facts import Case, Ledger
from outreach.policy.rules import reasons
from outreach.services.sending.held_back import OF_THE_HOURS, is_of_the_mailbox
from outreach.services.switches import closed_switches
from outreach.states import CampaignStatus

NOBODY = UUID(int=0)


def may_send_anything(ledger: Ledger, *, now: datetime) -> bool:
    """Whether nothing holds back the mailbox as a whole: limit, pace, hours, state, switches.

    Its hours do not, while a campaign counts them where each recipient is.
    """
    switches = tuple((switch.code, switch.sentence) for switch in closed_switches())
    case = Case(
        task_id=NOBODY, enrollment_id=NOBODY, campaign_id=NOBODY, position_id=NOBODY,
        company_id=NOBODY, address="", scheduled_for=now, ledger=ledger, switches=switches,
    )  # fmt: skip
    codes = {each.code for each in reasons(case, now=now) if is_of_the_mailbox(each, case)}
    return not codes or (codes <= OF_THE_HOURS and _follows_recipients())


def _follows_recipients() -> bool:
    running = Campaign.objects.filter(status=CampaignStatus.RUNNING)
    return running.filter(follows_recipient=True).exists()
