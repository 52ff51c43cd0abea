"""A file of prospects through the API: uploaded, mapped, validated, run, stage by stage."""

import gzip
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.test.client import MULTIPART_CONTENT
from procrastinate.contrib.django.models import ProcrastinateJob

from iam.models import Role
from outreach.models import ImportUpload
from outreach.services.files import forget_files
from outreach.tests.uploading import (
    HEADER,
    IMPORTS,
    ROW,
    begin,
    left_out,
    page,
    stage,
    stored,
    upload,
    uploaded,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, refusal
from prospectflow.testing.factories import make_campaign

SAMPLE = project.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture(autouse=True)
def _unhurried(settings):
    unhurried = settings.RATES["person"]
    settings.RATES = settings.RATES | {"imports": unhurried, "exports": unhurried}
    settings.IMPORT_PROCESSES = 0  # no process is started for a handful of rows


def test_an_upload_says_what_its_columns_seem_to_mean_and_imports_nothing(member, organisation):
    answer = upload(member, f"{HEADER},notes\n{ROW},x\n", name="mes prospects.csv")

    given = answer.json()
    assert (answer.status_code, given["status"], given["profile"]) == (201, "mapped", "generic")
    assert given["filename"] == "mes prospects.csv"
    assert given["detected_columns"] == [*HEADER.split(","), "notes"]
    assert given["column_mappings"]["email"] == "position.email"
    assert given["column_mappings"]["notes"] == "keep"
    assert stored(organisation) == [0, 0, 0]


def test_a_stage_is_begun_and_left_to_a_worker(member, organisation):
    given = uploaded(member)

    answer = begin(member, given, "validate")

    assert answer.json()["status"] == "validating"
    assert answer.headers["Location"].endswith(page(given, "progress/"))
    assert member.get(answer.headers["Location"]).json()["stage"] == "waiting"
    jobs = ProcrastinateJob.objects.values_list("task_name", "queue_name", "args")
    told = {"organisation_id": str(organisation.pk), "upload_id": given["id"]}
    assert list(jobs) == [("outreach.validate_upload", "imports", told)]
    for action in ("validate/", "run/"):
        assert refusal(member.post(page(given, action))) == (409, "ILLEGAL_MOVE")
    mapping = {"column_mappings": {"first_name": "ignore"}}
    assert refusal(member.patch(page(given), mapping)) == (409, "WORKED_ON")


def test_another_profile_reads_the_columns_anew(member):
    given = uploaded(member, "Nom commercial,Email", "Café,ada@bar.example.com")
    assert given["status"] == "uploaded"

    answer = member.patch(page(given), {"profile": "pharow"})

    assert (answer.json()["status"], answer.json()["profile"]) == ("mapped", "pharow")
    assert answer.json()["column_mappings"]["Nom commercial"] == "company.brand_name"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"column_mappings": {"nowhere": "keep"}}, "column_mappings", "unknown_column"),
        ({"column_mappings": {"email": "keep"}}, "column_mappings", "column_missing"),
        (
            {"column_mappings": {"last_name": "person.first_name"}},
            "column_mappings",
            "columns_collide",
        ),
        ({"column_mappings": {"email": "iam.users"}}, "column_mappings.email", "invalid_choice"),
        ({"column_mappings": ["email"]}, "column_mappings", "not_a_dict"),
        ({"profile": "farow"}, "profile", "invalid_choice"),
        ({"status": "completed"}, "status", "read_only"),
        ({"file_buffer": "x"}, "file_buffer", "unknown_field"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_and_changes_nothing(member, body, field, code):
    given = uploaded(member)

    assert faults(member.patch(page(given), body)) == {field: code}
    assert member.get(page(given)).json() == given


def test_a_file_without_one_usable_row_fails_its_validation(member):
    given = uploaded(member, HEADER, "Café,,Ada,Lovelace")

    assert stage(member, given, "validate")["status"] == "validation_failed"
    assert refusal(member.post(page(given, "run/"))) == (409, "ILLEGAL_MOVE")
    assert left_out(member, given)[0]["company_name"] == "Café"


def test_rows_left_out_keep_every_column_and_run_nothing(member):
    formula = '=HYPERLINK("http://x.example")'
    cell = '"' + formula.replace('"', '""') + '"'
    given = uploaded(member, f"{HEADER},notes", f"{ROW},fine", f"Bar,,{cell},Byron,@x", f"{ROW},b")
    stage(member, given, "validate")

    refused, repeated = left_out(member, given)

    assert (refused["first_name"], refused["notes"]) == (f"'{formula}", "'@x")
    assert refused["Refused row"] == "3"
    assert "no e-mail address" in refused["Refused because"]
    assert repeated["Refused row"] == "4"


def test_nothing_is_known_of_rows_that_nobody_read(member):
    given = uploaded(member)

    for action in ("report/", "refused-rows/"):
        assert refusal(member.get(page(given, action))) == (404, "NO_REPORT_YET")


def test_a_file_is_forgotten_by_its_age_and_its_report_stays(member, organisation):
    given = uploaded(member)
    stage(member, given, "validate")
    received = datetime.fromisoformat(given["uploaded_at"])

    assert forget_files(organisation.pk, before=received) == 0
    assert forget_files(organisation.pk, before=received + timedelta(days=1)) == 1

    assert member.get(page(given, "report/")).json()["rows_imported"] == 1
    assert refusal(member.post(page(given, "run/"))) == (409, "FILE_NOT_KEPT")
    assert member.get(page(given)).json()["status"] == "mapped"
    assert forget_files(organisation.pk, before=received + timedelta(days=1)) == 0


def test_a_file_that_was_not_imported_is_forgotten(organisation):
    owner = api_client(Role.OWNER, organisation)
    given = uploaded(owner)

    assert owner.delete(page(given)).status_code == 204
    assert refusal(owner.get(page(given))) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"company_name,email\n", "no_rows"),
        (b"PK\x03\x04 a workbook", "file_damaged"),
        (b"company_name,email\nx\0,y\n", "not_csv"),
        (b'company_name,email\n"x"y,z\n', "broken_quotes"),
        (b"email,Email\na,b\n", "duplicate_headers"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_not_kept(member, organisation, content, code):
    assert faults(upload(member, content)) == {"file": code}

    with tenant(organisation.pk):
        assert not ImportUpload.objects.exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(member, settings):
    settings.IMPORT_MAX_BYTES = 1000

    just = upload(member, f"{HEADER}\n" + "x" * 1000)
    far = upload(member, b"x" * 100_000, headers={"Idempotency-Key": "large"})

    assert refusal(just) == refusal(far) == (413, "FILE_TOO_LARGE")


def test_a_file_that_holds_more_than_may_be_is_refused_with_its_limit(member, settings):
    settings.IMPORT_MAX_UNPACKED_BYTES, settings.IMPORT_MAX_ROWS = 10_000, 2
    packed = gzip.compress(f"{HEADER}\n{ROW}{' ' * 20_000}\n".encode())

    unpacked = upload(member, packed, name="prospects.csv.gz")
    rows = member.post(IMPORTS, {"data": [{"company": f"Bar {n}"} for n in range(3)]})

    assert refusal(unpacked) == refusal(rows) == (413, "FILE_TOO_LARGE")
    assert "10,000" in unpacked.json()["detail"]
    assert "2" in rows.json()["detail"]


def test_whoever_imports_too_often_waits(member, settings):
    settings.RATES = settings.RATES | {"imports": "3/minute"}
    given = uploaded(member)
    stage(member, given, "validate")
    begin(member, given, "run")

    for answer in (upload(member), member.post(page(given, "validate/"))):
        assert refusal(answer) == (429, "THROTTLED")
    assert member.get(page(given, "progress/")).status_code == 200


def test_the_same_upload_sent_twice_is_kept_once(member, organisation):
    key = {"Idempotency-Key": "monday"}

    first, again = (upload(member, headers=key).json() for _ in range(2))

    assert first == again
    with tenant(organisation.pk):
        assert ImportUpload.objects.count() == 1


def test_a_file_larger_than_a_form_is_taken(member):
    wide = "x" * 1000
    content = f"{HEADER},notes\n" + f"{ROW},{wide}\n" * 3000

    answer = upload(member, content, headers={"Idempotency-Key": "wide"})

    assert (answer.status_code, answer.json()["file_size"]) == (201, len(content.encode()))


def test_a_campaign_of_another_organisation_does_not_exist(
    member, organisation, other_organisation
):
    with tenant(other_organisation.pk):
        theirs = make_campaign()
    with tenant(organisation.pk):
        ours = make_campaign()

    assert faults(upload(member, campaign=str(theirs.pk))) == {"campaign": "does_not_exist"}
    assert upload(member, campaign=str(ours.pk)).json()["campaign"] == str(ours.pk)


def test_fields_that_nobody_asked_for_are_refused(member):
    assert faults(upload(member, organisation=str(uuid4()))) == {"organisation": "unknown_field"}
    nothing = member.post(IMPORTS, {"profile": "pharow"}, MULTIPART_CONTENT)
    assert faults(nothing) == {"file": "required"}
    assert faults(member.post(IMPORTS, {"profile": "pharow"})) == {"data": "required"}


def test_another_organisations_file_is_not_there(member, other_organisation):
    theirs = uploaded(api_client(Role.OWNER, other_organisation))

    for answer in (
        member.get(page(theirs)),
        member.get(page(theirs, "refused-rows/")),
        member.patch(page(theirs), {"profile": "pharow"}),
        member.post(page(theirs, "run/")),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")


def test_a_viewer_sees_reports_and_moves_nothing(organisation, member):
    viewer = api_client(Role.VIEWER, organisation)
    given = uploaded(member)
    stage(member, given, "validate")

    assert viewer.get(page(given, "report/")).status_code == 200
    for answer in (
        upload(viewer),
        viewer.patch(page(given), {"profile": "generic"}),
        viewer.post(page(given, "validate/")),
        viewer.post(page(given, "run/")),
        viewer.get(page(given, "refused-rows/")),
        member.delete(page(given)),
    ):
        assert refusal(answer) == (403, "FORBIDDEN")
