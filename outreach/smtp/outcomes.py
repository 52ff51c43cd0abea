"""What became of a mail, or of the attempt to reach its server."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from prospectflow.errors import DomainError

type Stage = Literal["connect", "hello", "auth", "mail", "rcpt", "data", "after_data"]


@dataclass(frozen=True)
class SendFailure:
    """Where it failed and what was answered; code 0 means that no answer came."""

    stage: Stage
    code: int
    text: str
    host: str


@dataclass(frozen=True)
class Accepted:
    """The server took the mail over; whatever comes now is a bounce."""

    outcome: ClassVar[Literal["accepted"]] = "accepted"
    code: int
    text: str
    host: str


@dataclass(frozen=True)
class Refused:
    """The mail has certainly not been taken over: it may be sent again.

    `sentence` tells the operator what to do where the mailbox itself could not be used.
    """

    outcome: ClassVar[Literal["refused"]] = "refused"
    failure: SendFailure
    sentence: str = ""


@dataclass(frozen=True)
class Unknown:
    """The server had the whole mail and never answered: it must not be sent again by itself."""

    outcome: ClassVar[Literal["unknown"]] = "unknown"
    failure: SendFailure


type Outcome = Accepted | Refused | Unknown


class MailboxUnreachable(DomainError):
    """The mailbox's server cannot be used; `failure` says at which stage and why."""

    def __init__(self, sentence: str, failure: SendFailure) -> None:
        super().__init__(sentence)
        self.failure = failure


class ServerLeft(Exception):
    """The server had left the connection since the last mail; nothing was sent, so ask again.

    What takes time has to be done before the last look at a mail, and calling anew does.
    """
