"""How fast a mail is built, against the standard library's EmailMessage in the same run."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from statistics import median

from outreach.mail import Outgoing, Sender, build, to_html

TEXT = "Bonjour Éléonore,\n\n" + "Une idée très concrète pour votre salle. " * 40
HTML = to_html(TEXT)
MAIL = Outgoing(
    sender=Sender("Camille Durand", "camille@example.com"),
    recipient="eleonore@example.com",
    subject="Un film de trente secondes pour votre café",
    text=TEXT,
    html=HTML,
    message_id="<0123456789abcdef0123456789abcdef@example.com>",
    date=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    unsubscribe_url="https://example.com/u/0123456789abcdefghijkl",
)


def by_standard_library() -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "Camille Durand <camille@example.com>", MAIL.recipient
    mail["Subject"], mail["Date"], mail["Message-ID"] = MAIL.subject, MAIL.date, MAIL.message_id
    mail["List-Unsubscribe"] = f"<{MAIL.unsubscribe_url}>"
    mail.set_content(TEXT)
    mail.add_alternative(HTML, subtype="html")
    return mail.as_bytes()


def seconds(action: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - began) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    times = 100 if parser.parse_args().quick else 1000
    ratios = [
        seconds(by_standard_library, times) / seconds(lambda: build(MAIL), times) for _ in range(5)
    ]
    value = round(median(ratios), 1)
    figure = "mail building: EmailMessage's time by ours"
    print(json.dumps({"figure": figure, "value": value, "goal": ">= 5", "met": value >= 5}))  # noqa: T201


if __name__ == "__main__":
    main()
