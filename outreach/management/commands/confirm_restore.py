"""Say that this restored database is the one that counts from now on."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from iam.models import Organisation
from outreach.management.moments import moment_of_the_past
from outreach.services import restoring
from outreach.services.recalling import recall
from outreach.services.reconciling import reconcile
from outreach.services.stop_lines import Stop, read_lines, replay
from outreach.services.switches import is_restored
from prospectflow.errors import DomainError
from prospectflow.tenancy.roles import ServingCommand

NOTHING = (
    "This is the database that was confirmed last: nothing is to be done. Where it was set back in"
    " place, as a disk is, say what time it has forgotten: --since."
)
NO_STOP = (
    "{file} tells of no stop: give the log that has lines of outreach.stops, or leave --stops out"
    " where nobody objected since the backup."
)


class Command(ServingCommand):
    """Exit 0 when mails may leave again, or could already; 1 when not confirmed; 2 refused."""

    help = (
        "After a restore: put in doubt what may have left since the backup, so that it is not"
        " sent again, look for it and for mails to people who are not known any more among the"
        " sent mails, and let mails leave from this database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", metavar="ISO", help="From when on it knows nothing: the backup's time."
        )
        parser.add_argument(
            "--stops", metavar="FILE", help="A log whose lines of outreach.stops are obeyed again."
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *, since: str | None, stops: str | None, yes: bool, **options: Any) -> None:
        now = timezone.now()
        if since is None and not is_restored():
            self.stdout.write(NOTHING)
            return
        told = _stops(stops)
        organisations = restoring.everybody()
        begin = moment_of_the_past(since, now) if since else None
        self._foretell(organisations, begin, now)
        if not yes and not _confirmed():
            raise CommandError("Nothing was changed, and nothing leaves.", returncode=1)
        self._perform(organisations, told, begin, now)

    def _foretell(
        self, organisations: Iterable[Organisation], since: datetime | None, now: datetime
    ) -> None:
        if since:
            self.stdout.write(f"What happened since {_said(since)} is taken for forgotten.")
        elif last := restoring.last_sign_of_life(organisations, now=now):
            self.stdout.write(
                f"The last change in this copy was at {_said(last)}. If you know the backup's own"
                " time, say so by --since: fewer follow-ups are then in doubt."
            )
        for organisation in organisations:
            if count := restoring.count_doubtful(organisation.pk, now=now):
                self.stdout.write(
                    f"  {organisation.slug}: {count} mail(s) may have left meanwhile; they are not"
                    " sent unless a person says so, and their sequences go on."
                )
        self.stdout.write("Afterwards mails leave from this database.")

    def _perform(
        self,
        organisations: Iterable[Organisation],
        told: dict[UUID, list[Stop]],
        since: datetime | None,
        now: datetime,
    ) -> None:
        restoring.shut()
        for organisation in organisations:
            known = replay(organisation.pk, told.pop(organisation.pk, []))
            doubtful = restoring.put_in_doubt(organisation.pk, since=since, now=now)
            self.stdout.write(f"{organisation.slug}: {doubtful} in doubt, {known} stop(s) more.")
        if told:
            self.stdout.write(f"Stops of {len(told)} unknown organisation(s) were left out.")
        self.stdout.write("Now the sent mails are looked through.")
        for organisation in organisations:
            self._look(organisation, since, now)
        restoring.reopen(now=now)
        self.stdout.write("Mails may leave again.")

    def _look(self, organisation: Organisation, since: datetime | None, now: datetime) -> None:
        recalled = recall(organisation.pk, since=since, now=now)
        result = reconcile(organisation.pk, now=now)
        if recalled.found:
            self.stdout.write(f"{organisation.slug}: {recalled.found} forgotten mail(s) found.")
        if result.found or result.missing:
            self.stdout.write(
                f"{organisation.slug}: {result.found} found among the sent mails,"
                f" {result.missing} not found: decide on those in the console."
            )
        for mailbox, problem in [*recalled.problems.items(), *result.problems.items()]:
            self.stderr.write(f"{organisation.slug}: {mailbox}: {problem}")


def _stops(file: str | None) -> dict[UUID, list[Stop]]:
    """The stops of the file, by organisation; all of it is read before anything is changed."""
    found: dict[UUID, list[Stop]] = defaultdict(list)
    try:
        if file is not None:
            with Path(file).open(encoding="utf-8", errors="replace") as lines:
                for stop in read_lines(lines):
                    found[stop.organisation].append(stop)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from error
    except DomainError as error:
        raise CommandError(str(error), returncode=2) from error
    if file is not None and not found:
        raise CommandError(NO_STOP.format(file=file), returncode=2)
    return found


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def _confirmed() -> bool:
    try:
        return input("Type “yes” to confirm: ").strip().lower() == "yes"
    except EOFError:
        return False
