"""The second place of backups: an S3 on this machine."""

import sys
from datetime import timedelta

import boto3
import pytest
from django.core.management import call_command
from moto.server import ThreadedMotoServer

from prospectflow.operations.backups import daily
from prospectflow.operations.backups.archives import set_aside
from prospectflow.operations.backups.copying import copy, is_behind
from prospectflow.operations.backups.errors import BackupFailed, BackupRefused
from prospectflow.operations.backups.gauges import backups
from prospectflow.operations.backups.making import back_up
from prospectflow.operations.backups.names import Name
from prospectflow.operations.management.commands import backup

from .asking import NIGHT, STEM

LAST_COPY = "prospectflow_last_backup_copy_timestamp_seconds"
FILES = [f"{STEM}.dump.zst", f"{STEM}.json"]


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(endpoint, settings):
    """An empty bucket, to a folder of which backups are copied."""
    settings.BACKUP_S3 = {
        "endpoint_url": endpoint,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "region_name": "us-east-1",
    }
    settings.BACKUP_COPY_TO = "s3://backups/acme"
    client = boto3.client("s3", **settings.BACKUP_S3)
    client.create_bucket(Bucket="backups")
    yield client
    for key in keys(client):
        client.delete_object(Bucket="backups", Key=key)
    client.delete_bucket(Bucket="backups")
    client.close()


def keys(client):
    return [found["Key"] for found in client.list_objects_v2(Bucket="backups").get("Contents", [])]


def make(folder, url):
    return back_up(Name("full", (), NIGHT), folder, trial=False, now=NIGHT, database_url=url)


def test_a_backup_is_copied_whole_with_its_manifest(bucket, owner_url, folder):
    make(folder, owner_url)

    assert keys(bucket) == [f"acme/{file}" for file in FILES]
    for file in FILES:
        held = bucket.get_object(Bucket="backups", Key=f"acme/{file}")["Body"]
        with held:
            assert held.read() == (folder / file).read_bytes()


def test_what_has_expired_there_is_deleted_and_nothing_that_is_not_ours(bucket, owner_url, folder):
    old = [file.replace("20261124", "20261001") for file in FILES]
    for key in [*(f"acme/{file}" for file in old), "acme/notes.txt", f"other/{old[0]}"]:
        bucket.put_object(Bucket="backups", Key=key, Body=b"old")

    made = make(folder, owner_url)

    assert made.deleted == 2
    assert keys(bucket) == [
        "acme/notes.txt",
        *(f"acme/{file}" for file in FILES),
        f"other/{old[0]}",
    ]


def test_where_it_cannot_be_copied_the_backup_stands_and_the_run_has_failed(
    bucket, owner_url, folder, settings
):
    settings.BACKUP_COPY_TO = "s3://nobodys"
    folder.mkdir()
    old = folder / FILES[0].replace("20261124", "20261001")
    old.touch()

    with pytest.raises(BackupFailed, match="was made, but not copied to s3://nobodys/"):
        make(folder, owner_url)
    assert sorted(path.name for path in folder.iterdir()) == [old.name, *FILES]


def test_daily_a_copy_that_failed_is_made_later_without_another_backup(
    bucket, owner_url, folder, settings, monkeypatch, capsys
):
    there = settings.BACKUP_COPY_TO
    settings.BACKUP_COPY_TO = "s3://nobodys"
    rounds = iter((there, there, there))

    def sleep(seconds):
        settings.BACKUP_COPY_TO = next(rounds, None) or sys.exit()

    monkeypatch.setattr(backup, "sleep", sleep)
    monkeypatch.setattr(backup, "owner_url", lambda: owner_url)
    monkeypatch.setattr(daily, "AGAIN_AFTER", timedelta(0))
    with pytest.raises(SystemExit):
        call_command("backup", "full", "--daily", "02:00")

    (made,) = folder.glob("*.zst")
    assert keys(bucket) == [f"acme/{made.name}", f"acme/{made.name.split('.')[0]}.json"]
    printed, complained = capsys.readouterr()
    assert (printed, complained.count("\n")) == ("What had not been copied is copied.\n", 1)


def test_the_last_copy_is_told_and_none_as_long_ago(bucket, owner_url, folder, settings):
    assert told() == {LAST_COPY: 0}

    make(folder, owner_url)
    assert told() == {LAST_COPY: NIGHT.replace(microsecond=0).timestamp()}

    settings.BACKUP_COPY_TO = "s3://backups/elsewhere"
    assert told() == {LAST_COPY: 0}
    settings.BACKUP_COPY_TO = ""
    assert told() == {}


def told():
    """What Prometheus is told of copies."""
    samples = [sample for metric in backups(NIGHT) for sample in metric.samples]
    return {each.name: each.value for each in samples if "copy" in each.name}


def test_what_failed_its_trial_is_copied_nowhere(bucket, archive, folder):
    set_aside(archive)

    assert not is_behind(folder)
    assert copy(folder, now=NIGHT) == []
    assert keys(bucket) == []


def test_what_an_earlier_run_could_not_copy_is_copied_by_the_next(
    bucket, owner_url, folder, archive
):
    back_up(Name("schema", (), NIGHT), folder, trial=False, now=NIGHT, database_url=owner_url)

    assert f"acme/{archive.path.name}" in keys(bucket)
    assert len(keys(bucket)) == 4


@pytest.mark.parametrize("address", ["bucket", "https://bucket/folder", "s3://"])
def test_an_address_that_is_none_is_refused_before_anything_is_done(
    settings, owner_url, folder, address
):
    settings.BACKUP_COPY_TO = address

    with pytest.raises(BackupRefused, match="BACKUP_COPY_TO is malformed"):
        make(folder, owner_url)
    assert not folder.exists()
