"""When the next mail of a sequence is due."""

from datetime import datetime

from outreach.calendar import Schedule, add_working_days


def hour_of_next(hours: Schedule | None, sent_at: datetime, delay_days: int) -> datetime:
    """So many working days after the mail before, inside these hours, in UTC.

    At once where nobody knows the hours: the policy holds the mail back then. Raises NeverOpen.
    """
    return add_working_days(hours, sent_at, delay_days) if hours else sent_at
