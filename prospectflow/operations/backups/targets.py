"""A second place for each backup: Amazon S3, or a store that speaks its language."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from .errors import BackupFailed, BackupRefused
from .names import FAILED, finished, manifest_beside
from .retention import expired, files_in


@dataclass(frozen=True)
class Store:
    """A folder of a bucket."""

    bucket: str
    folder: str  # ends with a slash, or is empty

    def copy(self, directory: Path, *, now: datetime) -> list[str]:
        """Upload what it lacks of this folder's backups; delete what has expired, and name it.

        A manifest goes after its archive. Raises BackupFailed where the store refuses, or holds
        another number of bytes afterwards; the next run goes on from there.
        """
        with self._explained():
            client = _client()
            held = finished(self._files(client)).values()
            for file in copied_files(directory):
                if file not in held:
                    self._upload(client, directory / file)
                    self._upload(client, manifest_beside(directory / file))
            return self._prune(client, now)

    def _upload(self, client: Any, path: Path) -> None:
        key = self.folder + path.name
        client.upload_file(str(path), self.bucket, key)
        held = client.head_object(Bucket=self.bucket, Key=key)["ContentLength"]
        if held != path.stat().st_size:
            raise self._not_copied(f"it holds {held:,} bytes of {path.name}")

    def _prune(self, client: Any, now: datetime) -> list[str]:
        files = list(self._files(client))
        whole = set(finished(files).values())
        gone = expired(
            files, now=now, days=settings.BACKUP_RETENTION_DAYS, is_good=whole.__contains__
        )
        for file in gone:
            client.delete_object(Bucket=self.bucket, Key=self.folder + file)
        return gone

    def _files(self, client: Any) -> Iterator[str]:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.folder, Delimiter="/"
        )
        for page in pages:
            yield from (
                found["Key"].removeprefix(self.folder) for found in page.get("Contents", ())
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise self._not_copied(str(error).rstrip(".")) from error

    def _not_copied(self, reason: str) -> BackupFailed:
        return BackupFailed(
            f"The backup was made, but not copied to s3://{self.bucket}/{self.folder}: {reason}."
        )


def copied_files(directory: Path) -> list[str]:
    """The archives there that belong in the second place: whole ones that did not fail a trial."""
    found = finished(files_in(directory))
    return [file for name, file in found.items() if name.mark != FAILED]


def store() -> Store | None:
    """Where backups are copied to, if anywhere."""
    if not settings.BACKUP_COPY_TO:
        return None
    parts = urlsplit(settings.BACKUP_COPY_TO)
    if parts.scheme != "s3" or not parts.netloc:
        raise BackupRefused(
            "BACKUP_COPY_TO is malformed: it must be an address such as s3://bucket/folder."
        )
    folder = parts.path.strip("/")
    return Store(parts.netloc, f"{folder}/" if folder else "")


def _client() -> Any:
    import boto3  # a second of loading, for those alone who copy

    return boto3.client("s3", **settings.BACKUP_S3)
