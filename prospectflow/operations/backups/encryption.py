"""Encrypting archives for their keepers, in the format of age (age-encryption.org/v1).

Whoever makes backups needs only public keys; the identity that opens them is kept elsewhere.
"""

import shutil
from pathlib import Path

import pyrage
from django.conf import settings

from .errors import ArchiveRefused, BackupRefused
from .names import ENCRYPTED
from .streams import AT_ONCE, Reader, Witness, Writer


def recipients() -> list[pyrage.x25519.Recipient]:
    """Those for whom backups are encrypted; none: they are not."""
    try:
        return [pyrage.x25519.Recipient.from_str(key) for key in settings.BACKUP_RECIPIENTS]
    except pyrage.RecipientError as error:
        raise BackupRefused(
            "BACKUP_RECIPIENTS is malformed: it must be public keys of age, age1…, separated by"
            " commas."
        ) from error


def seal(source: Reader, target: Writer) -> None:
    """Copy everything, encrypted where there are recipients."""
    if not (keys := recipients()):
        shutil.copyfileobj(source, target, AT_ONCE)
        return
    read, written = Witness(source), Witness(target)
    try:
        pyrage.encrypt_io(read, written, keys)
    except pyrage.EncryptError as error:
        raise read.raised or written.raised or error from None


def can_open(archive: Path) -> bool:
    """Whether this machine has what it takes to read the archive."""
    return archive.suffix != ENCRYPTED or bool(settings.BACKUP_IDENTITY)


def unseal(archive: Path, source: Reader, target: Writer) -> None:
    """Copy everything of an archive, decrypted where its name says that it is encrypted."""
    if archive.suffix != ENCRYPTED:
        shutil.copyfileobj(source, target, AT_ONCE)
        return
    written = Witness(target)
    try:
        pyrage.decrypt_io(source, written, [_identity()])
    except pyrage.DecryptError as error:
        raise written.raised or ArchiveRefused(
            f"{archive.name} cannot be decrypted: it was made for another identity than that of"
            " BACKUP_IDENTITY."
        ) from error


def _identity() -> pyrage.x25519.Identity:
    if not settings.BACKUP_IDENTITY:
        raise ArchiveRefused(
            "The archive is encrypted: set BACKUP_IDENTITY to the file with its age identity."
        )
    try:
        lines = Path(settings.BACKUP_IDENTITY).read_text().splitlines()
        (key,) = [line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-")]
        return pyrage.x25519.Identity.from_str(key)
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise ArchiveRefused(
            f"{settings.BACKUP_IDENTITY} is no file with one age identity, a line"
            " AGE-SECRET-KEY-…, as age-keygen writes it."
        ) from error
