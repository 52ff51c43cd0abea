"""Two organisations import the same file at the same moment: each sees its own alone."""

from threading import Barrier, Thread

import pytest

from crm.importing import engine
from crm.importing.staging import ask, run, working_tables
from crm.models import Company
from outreach.models import ImportProblem, ImportUpload
from outreach.services import uploads
from outreach.services.importing import perform_import
from outreach.tests.bringing import ADA, AT, SAMPLE, Bringing, on_its_own, others
from prospectflow.testing import processes

IMPORT = """
import sys
from datetime import datetime
from uuid import UUID

import django

django.setup()
from crm.importing import engine
from outreach.services.importing import perform_import

organisation, upload, at, chunk = sys.argv[1:]
engine.CHUNK = int(chunk)
perform_import(UUID(organisation), UUID(upload), clock=lambda: datetime.fromisoformat(at))
"""
ROWS = [*others(30), ADA | {"mobile": "0612345678"}, ADA | {"email": "nobody"}, ADA]


@pytest.fixture
def two(bringing, tmp_path):
    """Two organisations that know nothing of each other."""
    return bringing, Bringing(tmp_path)


def begun(bringing, **given):
    upload = bringing.receive(*([] if "path" in given else ROWS), **given)
    with bringing.open():
        uploads.run(upload, at=AT)
    return upload


def test_the_same_file_in_two_processes_is_stored_twice_apart(two):
    undisturbed = Bringing(two[0].folder)
    alone = undisturbed.bring(*ROWS)
    begins = [begun(each) for each in two]

    workers = [
        processes.script(IMPORT, str(each.organisation_id), str(upload.pk), AT.isoformat(), "4")
        for each, upload in zip(two, begins, strict=True)
    ]

    assert [worker.communicate(timeout=60)[1] for worker in workers] == ["", ""]
    for each, upload in zip(two, begins, strict=True):
        done = each.fresh(upload)
        assert done.status == "completed"
        assert done.report == alone.report
        assert each.by_rows(done) == undisturbed.by_rows(alone)
        assert each.problems(done) == undisturbed.problems(alone)


def test_two_threads_import_the_sample_at_the_same_moment_and_meet_nowhere(two, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 150)
    begins = [begun(each, path=SAMPLE) for each in two]
    together, troubles = Barrier(2, timeout=60), []

    def store(bringing, upload):
        together_once = iter([together.wait])

        def stopping():
            next(together_once, lambda: None)()
            return False

        with on_its_own():
            try:
                perform_import(
                    bringing.organisation_id, upload.pk, clock=lambda: AT, stopping=stopping
                )
            except Exception as trouble:
                troubles.append(trouble)

    threads = [Thread(target=store, args=each) for each in zip(two, begins, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert troubles == []
    done = [each.fresh(upload) for each, upload in zip(two, begins, strict=True)]
    assert [each.counts() for each in two] == [[882, 1074, 1074, 584]] * 2
    assert done[0].report == done[1].report
    assert two[0].by_rows(done[0]) == two[1].by_rows(done[1])


def test_each_organisation_sees_its_own_files_and_problems_alone(two):
    done = [each.bring(ADA, ADA | {"company_name": ""}) for each in two]

    for each, own, strange in zip(two, done, reversed(done), strict=True):
        with each.open():
            assert ImportUpload.objects.get() == own
            assert set(ImportProblem.objects.values_list("upload", flat=True)) == {own.pk}
            assert not ImportProblem.objects.filter(upload=strange).exists()


def test_the_address_that_one_knows_as_another_persons_is_nobodys_for_the_other(two):
    first, second = two
    page = {"linkedin": "https://www.linkedin.com/in/ada"}
    other = {"linkedin": "https://www.linkedin.com/in/bob", "last_name": "Martin"}
    first.bring(ADA | page)

    assert first.problems(first.bring(ADA | other)) == [(2, "address_of_another")]
    assert second.problems(second.bring(ADA | other)) == []


def test_working_tables_are_seen_by_no_other_session_and_go_when_it_ends(two):
    seen = []

    def look():
        with on_its_own(), two[1].open():
            seen.append(ask("SELECT to_regclass('pg_temp.staged_rows')")[0][0])
            with working_tables():
                seen.append(ask("SELECT count(*) FROM pg_temp.staged_rows")[0][0])

    with two[0].open(), working_tables():
        run("INSERT INTO pg_temp.staged_rows (row, usable) VALUES (2, true)")
        other = Thread(target=look)
        other.start()
        other.join()
        assert ask("SELECT count(*) FROM pg_temp.staged_rows") == [(1,)]

    assert seen == [None, 0]
    with two[0].open():
        assert ask("SELECT to_regclass('pg_temp.staged_rows')") == [(None,)]


def test_an_import_that_follows_another_in_one_session_finds_nothing_of_it(two):
    first, second = two
    first.bring(*others(5))

    done = second.bring(ADA)

    assert done.report["rows"] == 1
    with second.open():
        assert Company.objects.get().name == ADA["company_name"]


def test_one_organisations_job_does_not_run_in_anothers_name(two):
    first, second = two
    upload = begun(first)

    perform_import(second.organisation_id, upload.pk, clock=lambda: AT)

    assert first.fresh(upload).status == "importing"
    assert first.counts() == second.counts() == [0, 0, 0, 0]
