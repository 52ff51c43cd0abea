"""manage.py demo: a whole campaign, from the file to the answers, then the console."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.utils import timezone
from rich.console import Console

from iam.models import Organisation
from outreach.models import ImportUpload
from outreach.services.importing import import_here
from outreach.services.stop_lines import NAME as STOPS
from prospectflow.errors import DomainError
from prospectflow.operations import embedded
from prospectflow.operations.beside import worker_beside
from prospectflow.operations.demo import cast, facts, playing, telling
from prospectflow.operations.demo.recipients import Recipients, mail_of_everyone
from prospectflow.operations.demo.web import web_process
from prospectflow.tenancy.context import tenant
from prospectflow.tenancy.roles import ServingCommand

SAMPLE = settings.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"


class Command(ServingCommand):
    help = (
        "Play a whole campaign over virtual time on the embedded servers, then serve the console."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="End after the report.")

    def execute(self, *args: Any, **options: Any) -> Any:
        if not settings.EMBEDDED:
            raise CommandError(
                "The demo plays on the embedded servers only: unset DATABASE_URL.", returncode=2
            )
        try:
            _migrate()
            return super().execute(*args, **options)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error

    def handle(self, *args: Any, no_serve: bool, **options: Any) -> None:
        console = Console(highlight=False, soft_wrap=True)
        with web_process(settings.PUBLIC_URL, settings.LOCAL_DIRECTORY / "web.log") as web:
            mail = embedded.empty_mail(settings.LOCAL_DIRECTORY)
            stage = cast.gather(mail)
            with _stops_untold():
                holds = play_all(console, stage, Recipients(mail))
            if not holds:
                raise CommandError("A fact that must be true is false.", returncode=1)
            _invite(console, stage, mail)
            if not no_serve:
                console.print("Ctrl-C ends it.")
                with worker_beside(settings.LOCAL_DIRECTORY), suppress(KeyboardInterrupt):
                    web.wait()


@contextmanager
def _stops_untold() -> Iterator[None]:
    """The log keeps stops for restores; nobody restores a play."""
    log = logging.getLogger(STOPS)
    usual = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(usual)


def play_all(console: Console, stage: cast.Stage, recipients: Recipients) -> bool:
    """Import, compose, approve, send, answer and count; whether every fact holds."""
    now = timezone.now()
    _first, second = (_import(each, console) for each in (stage.first, stage.second))
    play = playing.make_play(stage.first.pk, recipients)
    morning = playing.first_morning(play.schedule, now.astimezone(play.schedule.zone).date())
    with tenant(stage.first.pk):
        campaign = cast.compose_campaign()
        consenting = cast.gather_consents(at=morning)
        enrolled = playing.open_campaign(campaign, at=morning)
    console.print(
        f"\n“{campaign}”: {enrolled} people enrolled, {consenting} of them consented to open"
        f" tracking.\n{playing.DAYS} working days begin on {morning:%A %d %B %Y} …"
    )
    began = time.monotonic()
    evening = playing.perform(play, morning)
    console.print(
        f"… and end on {evening:%A %d %B}, {time.monotonic() - began:.0f} s later:"
        f" {play.approved} drafts approved by the rule “{playing.RULE}”, {play.sent} mails sent;"
        f" {playing.LEFT} new drafts wait for your review.\n"
    )
    telling.tell_steps(console, stage.first.pk)
    telling.tell_states(console, stage.first.pk)
    store = mail_of_everyone(recipients.server)
    console.print(f"\nRead back from the mail server's store ({len(store)} mails):")
    return telling.tell_facts(
        console,
        [
            facts.no_step_twice(store),
            facts.none_after_stop(store, play.heard),
            facts.all_approved(store, stage.first.pk),
            facts.untouched(stage.second.pk, second.report["companies"]["created"]),
        ],
    )


def _import(organisation: Organisation, console: Console) -> ImportUpload:
    upload = import_here(organisation.pk, SAMPLE, clock=timezone.now, profile="pharow")
    with tenant(organisation.pk):
        telling.tell_import(console, organisation.name, upload)
    return upload


def _invite(console: Console, stage: cast.Stage, mail: embedded.MailSettings) -> None:
    console.print(f"\nThe console: [bold]{settings.PUBLIC_URL}/[/]")
    owner = cast.OWNER
    console.print(
        f"  sign in as [bold]{owner.email}[/] with the password [bold]{stage.password}[/],"
    )
    if settings.EMBEDDED_PROVIDER:
        console.print(f"  or press “Sign in” and choose [bold]{owner.subject}[/]: no password")
    console.print(f"  every mail: http://{mail.host}:{mail.web_port}/ (password {mail.password})")
    if settings.EMBEDDED_PROVIDER:
        console.print(f"The API, by programs:\n  {ready_call(owner.email)}", markup=False)


def ready_call(email: str) -> str:
    """A line for a shell: the first request of a program, in the name of this person."""
    token = f"$(.venv/bin/python manage.py token {email})"
    return f'curl {settings.PUBLIC_URL}/api/v1/me/ -H "Authorization: Bearer {token}"'


def _migrate() -> None:
    """The tables, laid down by their owner."""
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | {"DATABASE_ROLE": "owner"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"The migrations failed: {done.stderr.strip()}", returncode=2)
