"""What a campaign brought, in one formula for the console and the API."""

from typing import NamedTuple


class Numbers(NamedTuple):
    """People enrolled, mails sent, people reached by them, and people who answered themselves."""

    enrolled: int = 0
    sent: int = 0
    reached: int = 0
    replied: int = 0

    @property
    def response_rate(self) -> float:
        """Of a hundred people reached, how many answered; 0 while nobody was."""
        return round(100 * self.replied / self.reached, 2) if self.reached else 0.0
