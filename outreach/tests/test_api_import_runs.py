"""A file of prospects that a program has imported, looked at from its own side of the API."""

import csv

import pytest
from django.conf import settings as project

from crm.models import Position
from iam.models import AuditEvent, Role
from outreach.models import ImportFilePart, Message
from outreach.tests.uploading import (
    HEADER,
    IMPORTS,
    ROW,
    begin,
    left_out,
    page,
    stage,
    stored,
    text_of,
    upload,
    uploaded,
)
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.api import api_client, machine_client, refusal
from prospectflow.testing.factories import make_enrollment, make_organisation
from prospectflow.testing.rows import make_row

SAMPLE = project.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
pytestmark = pytest.mark.usefixtures("committed")  # an import is stored in two sessions


@pytest.fixture
def organisation(committed):
    return make_organisation(name="Acme", slug="acme")


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture(autouse=True)
def _unhurried(settings):
    unhurried = settings.RATES["person"]
    settings.RATES = settings.RATES | {"imports": unhurried, "exports": unhurried}
    settings.IMPORT_PROCESSES = 0  # no process is started for a handful of rows


def test_the_sample_goes_all_the_way_and_writes_one_entry(member, organisation):
    given = upload(member, SAMPLE.read_bytes(), name=SAMPLE.name).json()

    validated = stage(member, given, "validate")
    assert (validated["status"], validated["row_count"]) == ("mapped", 1080)
    dry = member.get(page(given, "report/")).json()
    assert (dry["dry_run"], dry["rows_imported"], stored(organisation)) == (True, 1074, [0, 0, 0])
    run = stage(member, given, "run")

    assert (run["status"], stored(organisation)) == ("completed", [882, 1074, 1074])
    report = member.get(page(given, "report/")).json()
    assert (report["dry_run"], report["rows_refused"], report["rows_duplicate"]) == (False, 5, 1)
    assert report["companies"] == {"created": 882, "updated": 0, "unchanged": 0}
    with tenant(organisation.pk):
        (entry,) = AuditEvent.objects.filter(object_id=given["id"])
    assert (entry.action, entry.description) == (
        "imported",
        "pharow-marseille.csv: 1074 of 1080 rows",
    )
    rows = left_out(member, given)
    because = {row["Refused row"]: row["Refused because"] for row in rows}
    assert len(rows) == 6
    assert because["27"] == "Email: The row has no e-mail address."
    assert because["43"] == "Email: Row 42 has the address “capitale@example.com” already."
    with SAMPLE.open(encoding="utf-8-sig", newline="") as file:
        original = next(csv.reader(file))
    assert list(rows[0]) == [*original, "Refused row", "Refused because"]


def test_a_missing_column_waits_until_somebody_maps_it(member, organisation):
    given = uploaded(member, "company_name,coordonnées", "Café,ada@bar.example.com")

    assert given["status"] == "uploaded"
    assert "No column for “E-mail address”" in given["parse_errors"][0]
    assert refusal(member.post(page(given, "run/"))) == (409, "ILLEGAL_MOVE")
    mapped = member.patch(page(given), {"column_mappings": {"coordonnées": "position.email"}})
    assert (mapped.json()["status"], mapped.json()["parse_errors"]) == ("mapped", [])
    stage(member, given, "run")
    assert stored(organisation) == [1, 1, 1]


def test_what_is_mapped_by_hand_is_what_is_imported(member, organisation):
    given = uploaded(member, f"{HEADER},mail_2", f"{ROW},grace@bar.example.com")
    assert given["status"] == "mapped"

    mapping = {"email": "ignore", "mail_2": "position.email"}
    member.patch(page(given), {"column_mappings": mapping})
    stage(member, given, "run")

    with tenant(organisation.pk):
        assert Position.objects.get().email == "grace@bar.example.com"


def test_a_row_that_cannot_be_read_fails_the_file_with_its_sentence(member, organisation):
    looked_at_first = [f"Bar,ada{n}@bar.example.com,Ada,Lovelace" for n in range(998)]
    given = uploaded(member, HEADER, *looked_at_first, 'Bar,"x"y,Ada,Lovelace')

    failed = stage(member, given, "run")

    assert (failed["status"], stored(organisation)) == ("failed", [0, 0, 0])
    assert "Row 1000 cannot be read" in failed["parse_errors"][0]


def test_the_mended_file_is_imported_as_it_is(member, organisation):
    given = uploaded(member, HEADER, "Bar,,Ada,Lovelace")
    stage(member, given, "validate")
    text = text_of(member.get(page(given, "refused-rows/")))

    mended = upload(member, text.replace("Bar,,", "Bar,ada@bar.example.com,")).json()

    assert (mended["status"], mended["column_mappings"]["Refused row"]) == ("mapped", "ignore")
    assert stage(member, mended, "run")["status"] == "completed"
    assert stored(organisation) == [1, 1, 1]


def test_a_file_that_was_not_kept_has_no_rows_to_show(member, organisation):
    given = uploaded(member)
    stage(member, given, "run")
    with tenant(organisation.pk):
        ImportFilePart.objects.all().delete()

    assert refusal(member.get(page(given, "refused-rows/"))) == (404, "FILE_NOT_KEPT")


def test_what_was_imported_is_neither_mapped_run_nor_forgotten_again(organisation):
    owner = api_client(Role.OWNER, organisation)
    given = uploaded(owner)
    stage(owner, given, "run")

    assert refusal(owner.post(page(given, "run/"))) == (409, "ILLEGAL_MOVE")
    patched = owner.patch(page(given), {"column_mappings": {"first_name": "ignore"}})
    assert refusal(patched) == (409, "PARTLY_IMPORTED")
    assert refusal(owner.delete(page(given))) == (409, "IMPORT_STANDS")


def test_a_name_is_only_a_name(member):
    answer = upload(member, name="../../etc/" + "é" * 200 + "\x07.csv")

    assert answer.status_code == 201
    assert "/" not in answer.json()["filename"]
    assert len(answer.json()["filename"]) == 60
    assert stage(member, answer.json(), "run")["status"] == "completed"


def test_a_program_imports_as_well(organisation):
    machine = machine_client(Role.MEMBER, organisation)

    assert stage(machine, uploaded(machine), "run")["status"] == "completed"


def test_a_worker_does_what_a_program_asks_for_and_tells_others(organisation, member):
    owner = api_client(Role.OWNER, organisation)
    hook = {"url": "https://hooks.example.com/", "events": ["import.finished"]}
    assert owner.post("/api/v1/webhooks/", hook).status_code == 201
    given = uploaded(member)
    begin(member, given, "run")

    code, _, complained = processes.run("worker", "--one-shot", "--queues", "imports")

    assert (code, complained) == (0, "")
    assert member.get(page(given)).json()["status"] == "completed"
    assert stored(organisation) == [1, 1, 1]
    (told,) = owner.get("/api/v1/webhook-deliveries/").json()["results"]
    assert told["event"] == "import.finished"


def test_an_import_is_undone_unless_something_was_sent(organisation):
    owner = api_client(Role.OWNER, organisation)
    first, second = uploaded(owner), uploaded(owner, HEADER, "Bar,b@bar.example,Bob,Byron")
    for given in (first, second):
        stage(owner, given, "run")
    with tenant(organisation.pk):
        reached = Position.objects.get(email="b@bar.example")
        enrollment = make_enrollment(position=reached)
        make_row(Message, enrollment=enrollment, position=reached, direction="outbound")

    undone = stage(owner, first, "undo")

    assert undone["status"] == "undone"
    report = owner.get(page(first, "report/")).json()
    assert report["undone"] == {"phones": 0, "positions": 1, "people": 1, "companies": 1}
    assert refusal(owner.post(page(second, "undo/"))) == (409, "SOMETHING_SENT")
    with tenant(organisation.pk):
        assert not Position.objects.filter(email="ada@bar.example.com").exists()
        assert Position.objects.filter(pk=reached.pk).exists()


def test_a_member_undoes_no_import(organisation, member):
    given = uploaded(member)
    stage(member, given, "run")

    assert refusal(member.post(page(given, "undo/"))) == (403, "FORBIDDEN")


def test_items_are_imported_like_any_file(organisation, member):
    item = {"positionEmail": "ada@bar.example.com", "companyName": "Café", "mood": "gay"}
    given = member.post(IMPORTS, {"data": [item], "profile": "items"}).json()

    assert stage(member, given, "run")["status"] == "completed"
    assert stored(organisation)[::2] == [1, 1]
