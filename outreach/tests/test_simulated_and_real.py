"""What was foreseen against what really left over SMTP: the same mails at the same instants."""

from datetime import timedelta

from crm.models import Position
from outreach.models import Campaign, CampaignMailbox, Enrollment, Mailbox, Message
from outreach.services.campaigns import enroll, start
from outreach.services.mailboxes import set_password
from outreach.services.simulating import simulate
from outreach.simulation.state import Options
from outreach.tests.making import MORNING, make_open_campaign
from outreach.tests.playing import play_for_real
from outreach.tests.postbox import PASSWORD, World
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_mailbox, make_position, make_step

DAYS = 30


def test_a_played_campaign_is_the_simulated_one_to_the_instant(world, postbox):
    with tenant(world.organisation_id):
        campaign = make_ready_campaign(world, postbox)
        foreseen = simulate(campaign, Options(days=DAYS), now=MORNING)

    play_for_real(world, until=MORNING + timedelta(days=DAYS))

    with tenant(world.organisation_id):
        assert left(campaign) == sorted(tuple(mail) for mail in foreseen.mails)
    assert foreseen.waiting == 0
    assert len(foreseen.mails) == 27
    assert {hold.code for hold in foreseen.binding()} >= {"daily_limit", "domain_limit", "pace"}


def make_ready_campaign(world: World, postbox) -> Campaign:
    """Nine people, three steps and two mailboxes, which another campaign uses as well."""
    own = Mailbox.objects.get(pk=world.mailbox_id)
    own.daily_limit, own.domain_limit = 3, 1
    own.save()
    other = make_mailbox(smtp_port=postbox.port, daily_limit=5, ramp_start=2, ramp_step=1)
    set_password(other, PASSWORD)
    other.save()
    rival = make_open_campaign(own)
    make_step(rival)
    make_step(rival, delay_days=1)
    enroll(rival, [make_position(email=f"rival{n}@r{n}.example.com") for n in range(4)], at=MORNING)
    campaign = make_open_campaign(own, status="draft", follows_recipient=True)
    CampaignMailbox.objects.create(campaign=campaign, mailbox=other, weight=1)
    for delay in (0, 2, 3):
        make_step(campaign, delay_days=delay)
    for number in range(9):
        place = {"country": "FR", "department": "971"} if number % 3 == 0 else {}
        company = make_company(**place)
        make_position(company=company, email=f"person{number}@d{number % 2}.example.com")
    enroll(campaign, Position.objects.filter(email__startswith="person"), at=MORNING)
    for number in range(9):  # by chance most could be at the same mailbox
        share = Enrollment.objects.filter(position__email__startswith=f"person{number}")
        share.update(mailbox=other if number > 4 else own)
    return start(campaign, at=MORNING)


def left(campaign: Campaign) -> list[tuple]:
    """What left for the campaign: when, from where, which step, to whom."""
    sent = Message.objects.outbound().filter(enrollment__campaign=campaign, status="sent")
    told = ("sent_at", "from_address", "task__step_index", "position_id", "to_address")
    return sorted(sent.values_list(*told))
