"""The second place of backups: an S3 on this machine."""

import boto3
import pytest
from moto.server import ThreadedMotoServer

from prospectflow.operations.backups.errors import BackupFailed, BackupRefused
from prospectflow.operations.backups.making import back_up
from prospectflow.operations.backups.names import Name

from .asking import NIGHT, STEM

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
