"""The demo's recipients: they read their mail on the mail server, and answer from there."""

import smtplib
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from email.utils import parseaddr
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count

from imap_tools import MailBoxUnencrypted

from outreach.inbox.reading import header, text_of
from prospectflow.operations.demo import letters
from prospectflow.operations.demo.letters import Received
from prospectflow.operations.embedded import MailSettings
from prospectflow.operations.embedded.mail import EVERYONE

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass
class Recipients:
    """Everybody who was written to. What each one does follows from the address alone."""

    server: MailSettings
    seen: int = 0
    done: Counter[str] = field(default_factory=Counter)
    opted_out: dict[str, datetime] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=count)
    _agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)

    def live(self, now: datetime) -> None:
        """Read what has come, and do what is due by `now`."""
        for received in self._new_mail():
            self._decide(received)
        while self._agenda and self._agenda[0][0] <= now:
            instant, _, act = heappop(self._agenda)
            act(instant)

    def _new_mail(self) -> Iterator[Received]:
        for received in mail_of_everyone(self.server, skip=self.seen):
            self.seen += 1
            yield received

    def _decide(self, received: Received) -> None:
        """Nine in ten stay silent; the others act, some only at a follow-up."""
        share = _share(received.recipient)
        for bound, step, delay, action in HABITS:
            if share < bound:
                if step in (None, received.step):
                    self._plan(received, delay, action)
                return
        if b"/t/" in received.mail.as_bytes():
            self._plan(received, timedelta(hours=2), Recipients.opens)

    def _plan(
        self,
        received: Received,
        delay: timedelta,
        action: "Callable[[Recipients, Received, datetime], None]",
    ) -> None:
        def act(instant: datetime) -> None:
            action(self, received, instant)

        heappush(self._agenda, (received.at + delay, next(self._order), act))

    def replies(self, received: Received, at: datetime) -> None:
        """A person writes back, with our mail quoted beneath."""
        self.done["reply"] += 1
        self._send(received, letters.reply(received, at))

    def is_away(self, received: Received, at: datetime) -> None:
        """A machine says when its owner comes back."""
        self.done["out_of_office"] += 1
        self._send(received, letters.away(received, at, back=at + timedelta(days=9)))

    def objects(self, received: Received, at: datetime) -> None:
        """A person says no, for good."""
        self.done["objection"] += 1
        self._send(received, letters.objection(received, at))

    def bounces(self, received: Received, at: datetime) -> None:
        """The address does not exist: the server says so (RFC 3464)."""
        self.done["bounce"] += 1
        self._send(received, letters.delivery_report(received, at))

    def unsubscribes(self, received: Received, at: datetime) -> None:
        """The mail program posts to the address in the header (RFC 8058)."""
        url = header(received.mail, "List-Unsubscribe").split(">")[0].strip("< \r\n")
        _http(url, b"List-Unsubscribe=One-Click")
        self.done["unsubscribe"] += 1
        self.opted_out[received.recipient] = at

    def opens(self, received: Received, at: datetime) -> None:
        """The mail program loads the picture."""
        html = next(p for p in received.mail.walk() if p.get_content_type() == "text/html")
        _http(text_of(html).partition('<img src="')[2].partition('"')[0])
        self.done["open"] += 1

    def _send(self, received: Received, mail: bytes) -> None:
        with smtplib.SMTP(self.server.host, self.server.smtp_port, local_hostname="demo") as smtp:
            smtp.sendmail("", [parseaddr(received.sender)[1]], mail)


type Action = Callable[[Recipients, Received, datetime], None]
HABITS: tuple[tuple[float, int | None, timedelta, Action], ...] = (
    (0.025, None, timedelta(minutes=2), Recipients.bounces),
    (0.045, 0, timedelta(minutes=25), Recipients.unsubscribes),
    (0.060, 1, timedelta(minutes=40), Recipients.unsubscribes),
    (0.080, 0, timedelta(hours=5), Recipients.objects),
    (0.110, 0, timedelta(minutes=1), Recipients.is_away),
    (0.160, 0, timedelta(hours=20), Recipients.replies),
    (0.185, 1, timedelta(hours=3), Recipients.replies),
    (0.195, 2, timedelta(hours=6), Recipients.replies),
)
"""Share of the addresses up to which, the step they act on, after how long, and what they do."""


def mail_of_everyone(server: MailSettings, *, skip: int = 0) -> list[Received]:
    """What stands in the mail server's own store for everybody who was written to."""
    with MailBoxUnencrypted(server.host, server.imap_port).login(EVERYONE, server.password) as box:
        uids = box.uids()[skip:]
        if not uids:
            return []
        found = box.fetch(f"UID {uids[0]}:{uids[-1]}", bulk=200, mark_seen=False)
        return [_received(each.obj, each.date) for each in found]


def _received(mail: Message, at: datetime) -> Received:
    step = header(mail, "Feedback-ID").partition(":step")[2].partition(":")[0]
    return Received(
        recipient=header(mail, "To").strip(),
        sender=header(mail, "From"),
        subject=header(mail, "Subject"),
        message_id=header(mail, "Message-ID").strip(),
        step=int(step) if step.isdecimal() else -1,  # not one of ours
        at=at,
        mail=mail,
    )


def _share(address: str) -> float:
    return int.from_bytes(sha256(f"habit:{address}".encode()).digest()[:8]) / 2**64


def _http(url: str, body: bytes | None = None) -> None:
    request = urllib.request.Request(url, data=body, headers={"User-Agent": BROWSER})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        response.read()
