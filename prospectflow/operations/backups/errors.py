"""Why a backup was not made or not restored, and why an archive is not taken for one."""

from prospectflow.errors import DomainError


class BackupRefused(DomainError):
    """No backup is begun as things stand."""


class BackupFailed(DomainError):
    """The backup was begun and is not whole: nothing bears its name."""


class ArchiveRefused(DomainError):
    """This is no backup that could be restored."""


class ProgramFailed(DomainError):
    """One of PostgreSQL's programs failed."""


class RestoreRefused(DomainError):
    """No restore is begun as things stand."""


class RestoreFailed(DomainError):
    """The restore was begun and is not whole: the database is as it was."""
