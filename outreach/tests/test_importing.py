"""A file on its way in: received, mapped, validated, imported; each stage says what it did."""

import json

import pytest

from crm.importing import engine
from crm.models import Company, Position
from outreach import tasks
from outreach.models import ImportFilePart, ImportUpload, WebhookDelivery
from outreach.services import files, uploads
from outreach.services.progress import progress_of
from outreach.tests.bringing import ADA, AT, LATER, NOTHING, SAMPLE, others, trail
from prospectflow.choices import IllegalMove
from prospectflow.testing.rows import make_endpoint

NAMELESS = {"Adresse": "ada@bar.example.com", "Maison": "Bar", "Surnom": "Ada"}
SETTLED = {"Adresse": "position.email", "Maison": "company.name", "Surnom": "person.first_name"}


# Received ---------------------------------------------------------------------------------------


def test_a_file_waits_for_its_import_with_what_its_columns_seem_to_mean(bringing):
    upload = bringing.receive(ADA | {"Pointure": "38"}, ADA | {"Pointure": "39"})

    assert (upload.status, upload.profile, upload.report) == ("mapped", "generic", {})
    assert upload.column_mappings["email"] == "position.email"
    assert upload.samples["Pointure"] == ["38", "39"]
    assert (upload.format["encoding"], upload.format["delimiter"]) == ("utf-8", ",")
    assert bringing.counts() == NOTHING


def test_a_large_file_is_kept_in_parts_and_read_as_one(bringing, monkeypatch):
    monkeypatch.setattr(files, "PART", 64)
    path = bringing.file(*others(9))
    upload = bringing.receive(path=path)

    with bringing.open():
        assert ImportFilePart.objects.count() == -(-path.stat().st_size // 64) > 2
        with files.as_file(upload) as kept:
            assert (kept.name, kept.read_bytes()) == (path.name, path.read_bytes())
    assert bringing.imported(upload).report["rows_imported"] == 9


def test_a_file_whose_columns_nobody_knows_waits_for_people_to_say(bringing):
    upload = bringing.receive(NAMELESS)

    assert upload.status == "uploaded"
    assert "No column for “E-mail address”" in upload.parse_errors[0]
    with bringing.open(), pytest.raises(IllegalMove):
        uploads.run(upload, at=AT)

    with bringing.open():
        upload = uploads.map_columns(upload, columns=SETTLED, at=AT)
    assert (upload.status, upload.parse_errors) == ("mapped", [])
    assert bringing.imported(upload).status == "completed"
    with bringing.open():
        assert Position.objects.get().person.first_name == "Ada"


def test_what_was_settled_for_a_header_holds_for_the_same_columns_in_another_order(bringing):
    first = bringing.receive(NAMELESS)
    with bringing.open():
        uploads.map_columns(first, columns=SETTLED, at=AT)

    turned = bringing.receive({name: NAMELESS[name] for name in reversed(NAMELESS)}, at=LATER)

    assert (turned.status, turned.column_mappings) == ("mapped", SETTLED)
    assert turned.detected_columns == ["Surnom", "Maison", "Adresse"]
    assert bringing.imported(turned).report["columns_mapped"] == SETTLED


def test_what_one_organisation_settled_means_nothing_to_another(bringing, tmp_path):
    first = bringing.receive(NAMELESS)
    with bringing.open():
        uploads.map_columns(first, columns=SETTLED, at=AT)

    stranger = type(bringing)(tmp_path)

    assert stranger.receive(NAMELESS).status == "uploaded"


# Validated --------------------------------------------------------------------------------------


def test_validating_tells_what_an_import_would_do_and_stores_nothing_of_the_file(bringing):
    rows = [*others(3), ADA | {"email": "nobody"}, ADA, ADA]
    upload = bringing.receive(*rows)

    checked = bringing.validated(upload)

    assert (checked.status, checked.row_count) == ("mapped", 6)
    assert (checked.rows_done, checked.finished_at) == (0, AT)
    assert checked.report["dry_run"] is True
    assert bringing.counts() == NOTHING
    assert bringing.problems(checked) == [(5, "email_invalid"), (7, "duplicate_address")]

    done = bringing.imported(checked)

    unlike = {"dry_run", "enrolled", "enrolling"}
    assert {k: v for k, v in done.report.items() if k not in unlike} == {
        k: v for k, v in checked.report.items() if k not in unlike
    }
    assert bringing.problems(done) == [(5, "email_invalid"), (7, "duplicate_address")]
    assert bringing.counts()[2] == done.report["rows_imported"] == 4


def test_a_file_without_a_usable_row_fails_and_may_be_mapped_anew(bringing):
    swapped = {"company_name": "ada@bar.example.com", "email": "Bar"}
    checked = bringing.validated(bringing.receive(swapped))

    assert (checked.status, checked.report["rows_refused"]) == ("validation_failed", 1)
    turned = {"company_name": "position.email", "email": "company.name"}
    with bringing.open():
        again = uploads.map_columns(checked, columns=turned, at=LATER)
    assert (again.status, again.report) == ("mapped", {})
    with bringing.open(), pytest.raises(uploads.NoReportYet):
        uploads.problems_of(again)
    assert bringing.imported(again).report["rows_imported"] == 1


def test_every_word_of_a_report_is_told_once_however_often_it_is_validated(bringing):
    upload = bringing.validated(bringing.receive(ADA, ADA))

    bringing.validated(upload, at=LATER)

    assert bringing.problems(upload) == [(3, "duplicate_address")]


# Imported ---------------------------------------------------------------------------------------


def test_the_sample_gives_exactly_the_report_that_its_faults_deserve(bringing):
    checked = bringing.validated(bringing.receive(path=SAMPLE))
    done = bringing.imported(checked)

    assert (done.status, done.profile, done.row_count) == ("completed", "pharow", 1080)
    report = done.report
    assert (report["rows_imported"], report["rows_refused"]) == (1074, 5)
    assert (report["rows_duplicate"], report["rows_warned"]) == (1, 0)
    assert bringing.counts() == [882, 1074, 1074, 584]
    assert bringing.problems(done, "refused") == [
        (12, "email_invalid"),
        (27, "email_missing"),
        (97, "company_name_missing"),
        (152, "email_invalid"),
        (172, "email_not_ascii"),
    ]
    assert bringing.problems(done, "duplicate") == [(43, "duplicate_address")]
    assert bringing.problems(done, "note") == [
        (62, "siren_invalid"),
        (82, "siren_invalid"),
        (112, "siren_rounded"),
        (132, "url_invalid"),
        (212, "founding_differs"),
        (232, "formula"),
        (252, "percentage_invalid"),
        (566, "phone_invalid"),
        (597, "phone_invalid"),
        (889, "phone_invalid"),
    ]
    assert bringing.problems(done, "warning") == []


@pytest.mark.parametrize("chunk", [97, 1000])
def test_the_sample_in_chunks_is_the_sample(bringing, tmp_path, monkeypatch, chunk):
    whole = bringing.imported(bringing.receive(path=SAMPLE))
    monkeypatch.setattr(engine, "CHUNK", chunk)
    other = type(bringing)(tmp_path)

    pieces = other.imported(other.receive(path=SAMPLE))

    assert pieces.report == whole.report
    assert other.by_rows(pieces) == bringing.by_rows(whole)


def test_an_import_is_written_in_the_trail_and_told_to_programs_once(bringing):
    with bringing.open():
        make_endpoint(events=["import.finished"])
        make_endpoint(events=["enrollment.replied"])
    done = bringing.bring(ADA, ADA)

    bringing.gone_on(done, at=LATER)

    assert trail(bringing, "imported") == ["prospects.csv: 1 of 2 rows"]
    with bringing.open():
        body = json.loads(WebhookDelivery.objects.get().body)
    assert body["type"] == "import.finished"
    assert body["data"] == {"import": str(done.pk), "rows": 2, "filename": "prospects.csv"}


def test_a_job_that_comes_twice_does_nothing_the_second_time(bringing):
    done = bringing.bring(*others(3))
    before = bringing.everything()

    for job in (tasks.import_upload, tasks.validate_upload, tasks.undo_upload):
        job(bringing.organisation_id, done.pk, stopping=lambda: False)

    assert bringing.everything() == before
    assert bringing.fresh(done).updated_at == done.updated_at


def test_the_tasks_of_the_queue_do_the_same_as_the_stages(bringing):
    upload = bringing.receive(*others(2))
    job = (bringing.organisation_id, upload.pk)

    with bringing.open():
        uploads.validate(upload, at=AT)
    tasks.validate_upload(*job, stopping=lambda: False)
    assert bringing.fresh(upload).status == "mapped"
    with bringing.open():
        uploads.run(upload, at=AT)
    tasks.import_upload(*job, stopping=lambda: False)
    assert bringing.fresh(upload).status == "completed"
    with bringing.open():
        uploads.undo(upload, at=AT)
    tasks.undo_upload(*job, stopping=lambda: False)
    assert bringing.fresh(upload).status == "undone"
    assert bringing.counts() == NOTHING


def test_an_upload_that_was_thrown_away_meanwhile_is_nobodys_job(bringing):
    upload = bringing.receive(ADA)
    with bringing.open():
        uploads.discard(upload)

    tasks.import_upload(bringing.organisation_id, upload.pk, stopping=lambda: False)

    assert bringing.counts() == NOTHING


def test_the_same_file_again_changes_nothing_and_says_so(bringing):
    bringing.bring(*others(3), ADA | {"mobile": "0612345678"})
    before = bringing.everything()

    again = bringing.bring(*others(3), ADA | {"mobile": "0612345678"}, at=LATER)

    assert bringing.everything() == before
    for table, times in (("companies", 4), ("people", 4), ("positions", 4), ("phones", 1)):
        assert again.report[table] == {"created": 0, "updated": 0, "unchanged": times}


# How far it is ----------------------------------------------------------------------------------


def test_progress_tells_the_stage_and_how_long_it_will_take(bringing, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 4)
    upload = bringing.receive(*others(20))
    told = []

    def look():
        told.append(progress_of(bringing.fresh(upload), now=LATER))
        return False

    with bringing.open():
        uploads.run(upload, at=AT)
    look()
    bringing.gone_on(upload, stopping=look)
    look()

    assert [each.stage for each in told[:2]] == ["waiting", "reading"]
    assert {each.stage for each in told[2:-1]} == {"storing"}
    stored = [each.rows for each in told[2:-1]]
    assert stored == sorted(stored)
    assert {each.of for each in told[2:]} == {20}
    assert (told[-1].stage, told[-1].seconds_left) == ("done", None)


def test_progress_never_passes_the_end_however_many_rows_are_blank():
    upload = ImportUpload(
        status="importing", started_at=AT, report={"rows": 20}, row_count=20, rows_done=95
    )
    upload.rows_read = 20

    told = progress_of(upload, now=LATER)

    assert (told.stage, told.rows, told.of, told.seconds_left) == ("storing", 20, 20, 0)


@pytest.mark.parametrize(
    ("status", "rows_done", "rows"),
    [("completed", 21, 20), ("completed", 3, 20), ("cancelled", 95, 20), ("cancelled", 9, 9)],
)
def test_what_has_ended_counts_its_rows_and_not_their_numbers(status, rows_done, rows):
    upload = ImportUpload(status=status, started_at=AT, row_count=20, rows_done=rows_done)

    told = progress_of(upload, now=LATER)

    assert (told.stage, told.rows, told.of) == ("done", rows, 20)


def test_companies_come_without_people_where_the_register_tells_them(bringing):
    unit = {"siren": "732829320", "statutDiffusionUniteLegale": "O"}
    unit |= {"denominationUniteLegale": "BAR DES AMIS", "nicSiegeUniteLegale": "00074"}

    done = bringing.bring(unit)

    assert (done.profile, done.status) == ("sirene_units", "completed")
    assert bringing.counts() == [1, 0, 0, 0]
    with bringing.open():
        assert Company.objects.get().siren == "732829320"
