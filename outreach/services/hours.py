"""When a campaign's mails may leave, as one schedule."""

from crm.models import Company
from outreach.calendar import Place, Schedule, Week, hours_of, week_of
from outreach.models import Campaign, Mailbox
from outreach.places import place_of
from outreach.services.mailboxes import schedule_of


def sending_hours(mailbox: Mailbox, campaign: Campaign, company: Company) -> Schedule:
    """When this mailbox may write to this company for this campaign; it asks the database nothing.

    Raises ScheduleRefused where the windows of either cannot be read.
    """
    return hours_of(schedule_of(mailbox), windows_of(campaign), place_followed(campaign, company))


def windows_of(campaign: Campaign) -> Week | None:
    """The campaign's own windows, if it has any. Raises ScheduleRefused."""
    return None if campaign.windows is None else week_of(campaign.windows)


def place_followed(campaign: Campaign, company: Company) -> Place | None:
    """Where the campaign's hours count for this company; None: where the mailbox is."""
    if not campaign.follows_recipient:
        return None
    return place_of(company.country, company.department)
