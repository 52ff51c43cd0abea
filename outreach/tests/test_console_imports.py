"""The console's pages of imports: uploading a file and settling its columns."""

import io

import pytest
from django.test import Client

from iam.models import Role
from outreach.models import ImportUpload
from outreach.tests.pressing import (
    HEADER,
    LIST,
    NEW,
    ROW,
    SAMPLE,
    in_organisation,
    newest,
    page,
    upload,
    uploaded,
    worked_off,
)
from prospectflow.console.tests.cast import signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation) -> Client:
    return signed_in(organisation, role=Role.MEMBER)


@pytest.fixture
def viewer(organisation) -> Client:
    return signed_in(organisation, role=Role.VIEWER)


# Uploading ------------------------------------------------------------------------------------
def test_the_list_leads_a_member_to_the_upload_and_a_viewer_not(member, viewer):
    assert f'href="{NEW}"' in member.get(LIST).text
    assert f'href="{NEW}"' not in viewer.get(LIST).text


def test_an_upload_leads_to_its_columns_and_stands_in_the_list(member, organisation):
    campaign = in_organisation(organisation, make_campaign)

    answer = upload(member, name="mes prospects.csv", campaign=campaign.pk, profile="generic")

    given = newest(organisation)
    assert (answer.status_code, answer["Location"]) == (303, page(given, "import_columns"))
    assert (given.filename, given.campaign_id) == ("mes prospects.csv", campaign.pk)
    assert given.uploaded_by.email in member.get(LIST).text
    assert page(given) in member.get(LIST).text


def test_a_large_file_is_taken_from_where_it_was_stored(member, organisation, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 100

    given = uploaded(member, organisation, content=SAMPLE.read_bytes(), name=SAMPLE.name)

    assert (given.filename, given.profile) == ("pharow-marseille.csv", "pharow")
    assert given.file_size == SAMPLE.stat().st_size


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(member, organisation):
    answer = upload(member, content=b"%PDF-1.7 nothing", name="<b>list</b>.csv")

    assert answer.status_code == 200
    assert "is a PDF document, not CSV" in answer.text
    assert "<b>list" not in answer.text
    assert newest(organisation) is None


def test_the_script_is_told_where_to_go_or_what_is_wrong(member, organisation):
    asked = {"Accept": "application/json"}

    taken = upload(member, headers=asked)
    refused = upload(member, content=b"%PDF-1.7 nothing", headers=asked)

    assert (taken.status_code, taken.json()) == (
        201,
        {"address": page(newest(organisation), "import_columns")},
    )
    assert refused.status_code == 400
    assert "is a PDF document" in refused.json()["sentence"]


def test_no_file_at_all_is_asked_for(member):
    assert "Choose a file." in member.post(NEW).text


@pytest.mark.parametrize("limit", [10, 70_000])
def test_a_file_that_is_too_large_is_refused_in_one_sentence(member, settings, limit):
    settings.IMPORT_MAX_BYTES = limit
    content = b"x" * 140_000 if limit > 10 else f"{HEADER}\n{ROW}\n".encode()

    shown = upload(member, content=content)
    told = upload(member, content=content, headers={"Accept": "application/json"})

    assert (shown.status_code, told.status_code) == (413, 413)
    assert told.json()["sentence"].startswith("The file is larger than")
    assert told.json()["sentence"] in shown.text


def test_a_body_that_is_too_large_is_not_read(member, settings):
    settings.IMPORT_MAX_BYTES = 10

    class Unreadable(io.BytesIO):
        def read(self, *_):
            raise AssertionError("Somebody read the body.")

    answer = member.generic(
        "POST",
        NEW,
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(2**30),
        **{"wsgi.input": Unreadable()},
    )

    assert answer.status_code == 413


def test_too_many_files_in_a_minute_are_told_to_wait(member, organisation, settings):
    settings.RATES = settings.RATES | {"imports": "1/minute"}
    uploaded(member, organisation)

    shown = upload(member)
    told = upload(member, headers={"Accept": "application/json"})

    assert (shown.status_code, told.status_code) == (429, 429)
    assert "Too many requests: wait" in shown.text
    assert told.json()["sentence"].startswith("Too many requests: wait")
    with tenant(organisation.pk):
        assert ImportUpload.objects.count() == 1


def test_an_upload_from_another_site_is_refused(organisation):
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = signed_in(organisation).cookies

    assert upload(careful).status_code == 403
    assert newest(organisation) is None


def test_a_sheet_that_is_not_there_is_told_beside_its_field(member):
    answer = upload(member, sheet="Feuil2")

    assert "is no workbook" in answer.text
    assert answer.context["form"].has_error("sheet")


# Columns --------------------------------------------------------------------------------------
def test_every_column_is_shown_with_samples_what_it_becomes_and_why(member, organisation):
    given = uploaded(member, organisation, f"{HEADER},<i>note</i>", f"{ROW},<script>x</script>")

    answer = member.get(page(given, "import_columns"))

    found = {each.header: each for each in answer.context["columns"]}
    assert found["email"].badge[0] == "mapped"
    assert found["email"].samples == ["ada@bar.example.com"]
    assert found["<i>note</i>"].badge[0] == "unknown"
    assert "The name is not known" in answer.text
    assert '<option value="position.email" selected>E-mail address</option>' in answer.text
    assert "CSV · UTF-8 · cells parted by comma" in answer.text
    assert "<i>note" not in answer.text
    assert "<script>x" not in answer.text


def test_french_readers_find_targets_and_reasons_in_french(member, organisation):
    given = uploaded(member, organisation, f"{HEADER},x", f"{ROW},y")

    answer = member.get(page(given, "import_columns"), headers={"Accept-Language": "fr-CA, en"})

    assert '<option value="position.email" selected>Adresse e-mail</option>' in answer.text
    assert "Ce nom n’est pas connu" in answer.text


def test_two_columns_that_claim_the_same_are_marked_until_somebody_chooses(member, organisation):
    given = uploaded(member, organisation, f"{HEADER},mail_2", f"{ROW},x@bar.example.com")

    refused = member.post(page(given, "import_columns"), {"column-4": "position.email"})

    assert "These columns mean the same" in refused.text
    assert "Claimed by “mail_2” too" in refused.text
    assert newest(organisation).column_mappings["mail_2"] == "keep"
    chosen = {"column-1": "ignore", "column-4": "position.email"}
    assert member.post(page(given, "import_columns"), chosen).status_code == 303
    assert newest(organisation).column_mappings["mail_2"] == "position.email"


def test_another_kind_of_list_reads_the_columns_anew(member, organisation):
    given = uploaded(member, organisation, "Nom commercial,Email", "Café,ada@bar.example.com")
    assert "No column" in member.get(page(given, "import_columns")).text

    member.post(page(given, "import_columns"), {"action": "profile", "profile": "pharow"})

    assert (newest(organisation).profile, newest(organisation).status) == ("pharow", "mapped")


def test_saving_can_have_the_rows_checked_at_once(member, organisation):
    given = uploaded(member, organisation)

    answer = member.post(page(given, "import_columns"), {"action": "validate"})

    assert answer["Location"] == page(given)
    assert newest(organisation).status == "validating"
    assert worked_off(organisation) == ["outreach.validate_upload"]


def test_a_column_cannot_become_what_there_is_not(member, organisation):
    given = uploaded(member, organisation)

    answer = member.post(page(given, "import_columns"), {"column-0": "company.<b>soul</b>"})

    assert "Nothing is called" in answer.text
    assert "<b>soul" not in answer.text


def test_as_many_columns_as_a_file_may_have_are_settled_in_one_form(member, organisation):
    more = [f"extra {n}" for n in range(996)]
    given = uploaded(member, organisation, ",".join([HEADER, *more]), f"{ROW}{',x' * 996}")

    targets = ["company.name", "position.email", "person.first_name", "person.last_name"]
    chosen = {f"column-{n}": to for n, to in enumerate([*targets, *["ignore"] * 996])}
    form = chosen | {"action": "save", "profile": "generic", "csrfmiddlewaretoken": "x"}
    answer = member.post(page(given, "import_columns"), form)

    assert answer.status_code == 303
    assert list(newest(organisation).column_mappings.values()).count("ignore") == 996


def test_a_viewer_reads_the_columns_and_cannot_settle_them(member, viewer, organisation):
    given = uploaded(member, organisation)

    assert "<select" not in viewer.get(page(given, "import_columns")).text
    assert viewer.post(page(given, "import_columns"), {}).status_code == 403
