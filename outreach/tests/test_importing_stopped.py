"""An import that is stopped or breaks off: what it leaves behind, and how it goes on."""

from datetime import timedelta

import pytest

from crm.importing import engine
from crm.models import Company, Position
from outreach import tasks
from outreach.models import ImportFilePart, ImportProblem
from outreach.services import uploads
from outreach.services.files import FileNotKept, forget_files
from outreach.services.suppressing import suppress_address
from outreach.tests.bringing import ADA, AT, LATER, NOTHING, on_chunk, others, trail
from prospectflow.testing.factories import make_position

# Stopped, gone on with --------------------------------------------------------------------------


def test_a_cancelled_import_leaves_whole_chunks_and_says_up_to_which_row(bringing, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 4)
    upload = bringing.receive(*others(20))

    def cancel():
        with bringing.open():
            uploads.cancel(upload)

    stopped = bringing.imported(upload, stopping=on_chunk(3, cancel))

    assert stopped.status == "cancelled"
    assert (stopped.stop_requested, stopped.finished_at) == (False, AT)
    done = stopped.rows_done
    assert 0 < done < 21
    assert done % 4 == 0
    assert bringing.counts()[:3] == [done - 1] * 3  # the header is row 1
    assert trail(bringing, "imported") == []


def test_a_cancelled_import_goes_on_to_what_it_would_have_been(bringing, tmp_path, monkeypatch):
    rows = [*others(20), ADA | {"email": "nobody"}]
    undisturbed = bringing.bring(*rows)
    monkeypatch.setattr(engine, "CHUNK", 4)
    other = type(bringing)(tmp_path)
    upload = other.receive(*rows)

    def cancel():
        with other.open():
            uploads.cancel(upload)

    stopped = other.imported(upload, stopping=on_chunk(3, cancel))
    done = other.imported(stopped)

    assert done.status == "completed"
    assert done.report == undisturbed.report
    assert other.problems(done) == bringing.problems(undisturbed) == [(22, "email_invalid")]
    assert other.by_rows(done) == bringing.by_rows(undisturbed)
    assert trail(other, "imported") == ["prospects.csv: 20 of 21 rows"]


COLLEAGUES = [
    ADA | {"email": f"p{n}@bar.example.com", "last_name": f"L{n}", "siren": "552100554"}
    for n in range(1, 20)
]


@pytest.fixture
def halted(bringing, monkeypatch):
    """An import that ended after its first chunks."""
    monkeypatch.setattr(engine, "CHUNK", 2)
    asked = iter([False] * 4)
    halted = bringing.imported(bringing.receive(*COLLEAGUES), stopping=lambda: next(asked, True))
    assert 2 <= halted.rows_done < 15
    return halted


def test_who_opposes_between_two_parts_of_an_import_takes_no_colleague_along(bringing, halted):
    with bringing.open():
        suppress_address("p1@bar.example.com", reason="objection", source="a call", at=AT)

    assert bringing.gone_on(halted).status == "completed"
    assert bringing.counts()[:3] == [1, 19, 19]


def test_a_company_deleted_between_two_parts_of_an_import_is_made_for_those_who_come(
    bringing, halted
):
    with bringing.open():
        Company.objects.all().delete()

    assert bringing.gone_on(halted).status == "completed"
    companies, _people, positions, _phones = bringing.counts()
    assert companies == 1
    assert 0 < positions < 19


def test_a_position_made_by_hand_between_two_parts_of_an_import_is_not_doubled(bringing, halted):
    with bringing.open():
        make_position(company=Company.objects.get(), email="p19@bar.example.com")

    assert bringing.gone_on(halted).status == "completed"
    with bringing.open():
        assert Position.objects.filter(email="p19@bar.example.com").count() == 1


def test_a_file_that_waited_does_not_overwrite_what_a_newer_one_told(bringing):
    bringing.bring(ADA | {"job_title": "Gérante"}, at=AT)
    older = bringing.receive(ADA | {"job_title": "Associée", "city": "Aix"}, at=LATER)
    bringing.bring(ADA | {"job_title": "Présidente"}, at=LATER + timedelta(days=1))

    done = bringing.imported(older, at=LATER + timedelta(days=2))

    with bringing.open():
        position = Position.objects.get()
        assert (position.job_title, position.company.city) == ("Présidente", "Aix")
    assert done.report["positions"] == {"created": 0, "updated": 0, "unchanged": 1}


def test_a_worker_that_must_end_leaves_the_import_to_the_next(bringing, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 4)
    upload = bringing.receive(*others(20))
    asked = iter([False, False, False, True])

    halted = bringing.imported(upload, stopping=lambda: next(asked, True))

    assert halted.status == "importing"
    assert 0 < halted.rows_done < 21
    assert bringing.gone_on(halted).status == "completed"
    assert bringing.counts()[:3] == [20] * 3


def test_a_file_cancelled_before_a_worker_took_it_stores_nothing(bringing):
    upload = bringing.receive(*others(3))
    with bringing.open():
        uploads.run(upload, at=AT)
        uploads.cancel(upload)

    stopped = bringing.gone_on(upload)

    assert (stopped.status, stopped.rows_done) == ("cancelled", 0)
    assert bringing.counts() == NOTHING
    assert bringing.imported(stopped).status == "completed"


def test_a_cancelled_validation_waits_as_it_did(bringing):
    upload = bringing.receive(*others(3))
    with bringing.open():
        uploads.validate(upload, at=AT)
        uploads.cancel(upload)
    tasks.validate_upload(bringing.organisation_id, upload.pk, stopping=lambda: False)

    stopped = bringing.fresh(upload)

    assert (stopped.status, stopped.report, stopped.stop_requested) == ("mapped", {}, False)
    assert bringing.imported(stopped).status == "completed"


def test_what_does_not_run_cannot_be_cancelled(bringing):
    done = bringing.bring(ADA)

    with bringing.open(), pytest.raises(uploads.NothingToStop):
        uploads.cancel(done)


# What cannot be read ----------------------------------------------------------------------------


@pytest.fixture
def broken(bringing):
    """A file whose quotes do not match, far from its beginning."""
    path = bringing.file(*others(1200))
    path.write_text(path.read_text() + '"never closed\n')
    return path


def test_a_file_that_breaks_in_the_middle_fails_with_one_sentence_and_stores_nothing(
    bringing, broken
):
    failed = bringing.imported(bringing.receive(path=broken))

    assert (failed.status, failed.rows_done, failed.report) == ("failed", 0, {})
    assert len(failed.parse_errors) == 1
    assert failed.parse_errors[0].startswith("Row 1202 cannot be read")
    assert failed.finished_at == AT
    assert bringing.counts() == NOTHING
    with bringing.open():
        assert not ImportProblem.objects.exists()
    assert trail(bringing, "imported") == []


def test_validating_a_file_that_breaks_in_the_middle_says_the_same(bringing, broken):
    failed = bringing.validated(bringing.receive(path=broken))

    assert failed.status == "validation_failed"
    assert failed.parse_errors[0].startswith("Row 1202 cannot be read")
    with bringing.open():
        uploads.discard(failed)
        assert not ImportFilePart.objects.exists()


@pytest.mark.parametrize("stage", ["validated", "imported"])
def test_a_file_that_was_forgotten_must_come_again(bringing, stage):
    upload = bringing.receive(ADA)
    assert forget_files(bringing.organisation_id, before=LATER) == 1

    with pytest.raises(FileNotKept, match="upload it again"):
        getattr(bringing, stage)(upload)

    assert bringing.fresh(upload).status == "mapped"


@pytest.mark.parametrize(
    ("begin", "perform", "status"),
    [
        (uploads.validate, tasks.validate_upload, "validation_failed"),
        (uploads.run, tasks.import_upload, "failed"),
    ],
)
def test_a_file_forgotten_while_its_job_waited_fails_with_that_sentence(
    bringing, begin, perform, status
):
    upload = bringing.receive(ADA)
    with bringing.open():
        begin(upload, at=AT)
    forget_files(bringing.organisation_id, before=LATER)

    perform(bringing.organisation_id, upload.pk, stopping=lambda: False)

    failed = bringing.fresh(upload)
    assert (failed.status, failed.parse_errors) == (status, [FileNotKept.__doc__])
    assert bringing.counts() == NOTHING


def test_a_file_that_is_imported_stays_and_another_goes(bringing):
    done, waiting = bringing.bring(ADA), bringing.receive(ADA)

    with bringing.open():
        with pytest.raises(uploads.ImportStands):
            uploads.discard(done)
        uploads.discard(waiting)

    assert bringing.fresh(done).status == "completed"
