"""An import that somebody or something breaks into: nothing is lost, and nobody is stuck."""

import threading

import psycopg
import pytest
from django.db import connection

from crm.importing import storing
from crm.models import Company
from outreach.models import Enrollment, ImportUpload
from outreach.services import enrolling_imported, importing, stages, uploads
from outreach.services.stages import GIVEN_UP, OUR_FAULT, give_up
from outreach.tests.bringing import ADA, AT, LATER, on_its_own, others
from outreach.tests.making import make_open_campaign
from prospectflow.choices import IllegalMove
from prospectflow.testing.factories import make_company, make_step

COLLEAGUES = [ADA | {"email": f"p{n}@bar.example.com", "last_name": f"L{n}"} for n in range(5)]


def meanwhile(monkeypatch, module, name, act):
    """Do this in another session, once, when that function is called."""
    real, waiting = getattr(module, name), [act]

    def going():
        with on_its_own():
            waiting.pop()()

    def first(*args, **named):
        if waiting:
            thread = threading.Thread(target=going)
            thread.start()
            thread.join()
        return real(*args, **named)

    monkeypatch.setattr(module, name, first)


def inside(bringing, act, upload):
    def acts():
        with bringing.open():
            act(bringing.fresh_inside(upload))

    return acts


@pytest.fixture
def campaign(bringing):
    with bringing.open():
        campaign = make_open_campaign()
        make_step(campaign)
        return campaign


@pytest.fixture
def busy(bringing):
    """Another session that is in an import of the same organisation."""
    known = ("dbname", "user", "password", "host", "port")
    told = connection.get_connection_params()
    with psycopg.connect(**{key: told[key] for key in known if key in told}) as other:
        lock = "SELECT pg_advisory_lock(hashtext('import'), hashtext(%s))"
        other.execute(lock, [str(bringing.organisation_id)])
        yield other


def without_job():
    """As a process leaves a stage that was killed, and that no job stands for."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


# What a chunk loses at its commit ---------------------------------------------------------------


def test_a_chunk_that_is_lost_at_its_commit_is_stored_again(bringing, monkeypatch):
    bringing.bring(COLLEAGUES[0])
    upload = bringing.receive(*COLLEAGUES[1:], at=LATER)

    def delete(upload):
        Company.objects.all().delete()

    meanwhile(monkeypatch, importing, "_store", inside(bringing, delete, upload))
    done = bringing.imported(upload, at=LATER)

    assert (done.status, done.rows_done) == ("completed", 5)
    assert bringing.counts()[:3] == [1, 5, 4]
    assert done.report["rows_imported"] == 4


def test_what_is_worked_out_anew_before_anything_was_stored_is_told_anew_and_once(
    bringing, monkeypatch
):
    rows = [each | {"siren": "552100554"} for each in COLLEAGUES]
    upload = bringing.receive(*rows, rows[0], at=LATER)

    def make(upload):
        make_company(siren="552100554", name=ADA["company_name"])

    meanwhile(monkeypatch, importing, "_store", inside(bringing, make, upload))
    done = bringing.imported(upload, at=LATER)

    assert done.status == "completed"
    assert bringing.problems(done) == [(7, "duplicate_address")]
    assert done.report["codes"] == {"duplicate": {"duplicate_address": 1}}
    assert done.report["companies"]["created"] == 0
    assert bringing.counts()[:3] == [1, 5, 5]


def test_a_chunk_of_a_stage_that_somebody_ended_is_not_stored(bringing, monkeypatch):
    upload = bringing.receive(*others(3))

    def end(upload):
        ImportUpload.objects.update(status="cancelled")

    meanwhile(monkeypatch, importing, "_store", inside(bringing, end, upload))
    ended = bringing.imported(upload)

    assert (ended.status, ended.rows_done, bringing.counts()[2]) == ("cancelled", 0, 0)


# What is asked while a worker works ---------------------------------------------------------------


def test_a_cancel_while_the_rows_are_worked_out_is_kept(bringing, monkeypatch):
    upload = bringing.receive(*others(3))
    cancel = inside(bringing, uploads.cancel, upload)
    meanwhile(monkeypatch, importing, "refusals_for", cancel)

    stopped = bringing.imported(upload)

    assert (stopped.status, stopped.stop_requested) == ("cancelled", False)
    assert bringing.counts() == [0, 0, 0, 0]


def test_a_cancel_while_people_are_enrolled_is_kept(bringing, monkeypatch, campaign):
    monkeypatch.setattr(enrolling_imported, "AT_ONCE", 2)
    upload = bringing.receive(*others(6), campaign=campaign)
    cancel = inside(bringing, uploads.cancel, upload)
    meanwhile(monkeypatch, enrolling_imported, "take_in", cancel)

    stopped = bringing.imported(upload)

    assert (stopped.status, stopped.report["enrolled"]) == ("cancelled", 2)
    done = bringing.imported(stopped)
    assert (done.status, done.report["enrolled"]) == ("completed", 6)
    with bringing.open():
        assert Enrollment.objects.count() == 6


@pytest.mark.parametrize("stage", ["imported", "validated"])
def test_who_waits_for_another_import_can_be_cancelled(bringing, busy, monkeypatch, stage):
    monkeypatch.setattr(stages, "PATIENCE", 0)
    upload = bringing.receive(*others(1))
    cancel = inside(bringing, uploads.cancel, upload)
    meanwhile(monkeypatch, stages.time, "sleep", cancel)

    stopped = getattr(bringing, stage)(upload)

    assert stopped.status == ("cancelled" if stage == "imported" else "mapped")
    assert stopped.rows_read == 0


@pytest.mark.parametrize("stage", ["validated", "imported"])
def test_who_may_be_taken_in_is_kept_though_a_worker_works(bringing, monkeypatch, campaign, stage):
    upload = bringing.receive(*others(3), campaign=campaign)

    def allow(upload):
        uploads.allow_contacted(upload, at=LATER, user=None)

    meanwhile(monkeypatch, importing, "refusals_for", inside(bringing, allow, upload))

    assert getattr(bringing, stage)(upload).contacted_allowed_at == LATER


# Who is stuck -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "stage", "left"),
    [
        (uploads.validate, "validating", "validation_failed"),
        (uploads.run, "importing", "failed"),
    ],
)
def test_a_stage_that_was_tried_too_often_says_so(bringing, begin, stage, left):
    upload = bringing.receive(*others(3))
    with bringing.open():
        begin(upload, at=AT)

    give_up(bringing.organisation_id, upload.pk, stage=stage, clock=lambda: LATER)

    given_up = bringing.fresh(upload)
    assert (given_up.status, given_up.parse_errors) == (left, [GIVEN_UP])
    assert given_up.finished_at == LATER


def test_a_job_of_another_stage_is_given_up_without_a_word(bringing):
    done = bringing.bring(ADA)

    give_up(bringing.organisation_id, done.pk, stage="importing", clock=lambda: LATER)

    assert bringing.fresh(done).status == "completed"


def test_an_import_that_failed_in_the_middle_goes_on_or_is_taken_back(bringing, monkeypatch):
    upload = bringing.receive(*others(3))

    def fails(*args):
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(storing, "store_positions", fails)
        failed = bringing.imported(upload)
        again = bringing.imported(bringing.receive(*others(3)))

    assert (failed.status, failed.parse_errors, failed.rows_done) == ("failed", [OUR_FAULT], 0)
    assert bringing.counts()[0] == 3
    assert bringing.undone(again).status == "undone"
    done = bringing.imported(failed)
    assert (done.status, done.parse_errors) == ("completed", [])
    assert bringing.counts()[:3] == [3, 3, 3]


@pytest.mark.parametrize(
    ("begin", "stage", "left"),
    [(uploads.validate, "validated", "mapped"), (uploads.run, "imported", "completed")],
)
def test_what_is_left_alone_can_be_begun_again(bringing, begin, stage, left):
    upload = bringing.receive(*others(3))
    with bringing.open():
        begin(upload, at=AT)
        assert not uploads.is_left_alone(bringing.fresh_inside(upload))
        with pytest.raises(IllegalMove):
            begin(upload, at=AT)
    without_job()

    with bringing.open():
        assert uploads.is_left_alone(bringing.fresh_inside(upload))
    assert getattr(bringing, stage)(upload, at=LATER).status == left


@pytest.mark.parametrize(
    ("begin", "left"), [(uploads.validate, "mapped"), (uploads.run, "cancelled")]
)
def test_what_is_left_alone_is_cancelled_at_once(bringing, begin, left):
    upload = bringing.receive(*others(3))
    with bringing.open():
        begin(upload, at=AT)
        uploads.cancel(upload)
    assert bringing.fresh(upload).stop_requested
    without_job()

    with bringing.open():
        uploads.cancel(upload)

    stopped = bringing.fresh(upload)
    assert (stopped.status, stopped.stop_requested) == (left, False)
    assert bringing.imported(stopped).status == "completed"


def test_nobody_takes_over_what_a_process_without_a_job_works_on(bringing, busy):
    upload = bringing.receive(*others(3))
    with bringing.open():
        uploads.begin(upload, at=AT)

    with bringing.open():
        assert not uploads.is_left_alone(bringing.fresh_inside(upload))
        with pytest.raises(IllegalMove):
            uploads.run(upload, at=AT)


def test_a_job_that_waited_for_its_own_import_to_end_does_nothing(bringing, busy, monkeypatch):
    upload = bringing.receive(*others(3))

    def end(upload):
        ImportUpload.objects.update(status="completed")
        busy.commit()
        busy.execute("SELECT pg_advisory_unlock_all()")
        busy.commit()

    meanwhile(monkeypatch, stages.time, "sleep", inside(bringing, end, upload))

    assert bringing.imported(upload).status == "completed"
    assert bringing.counts() == [0, 0, 0, 0]
