"""manage.py import_prospects with folders, workbooks, campaigns, languages and long reports."""

import io
import json
import os
import signal

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command

from crm.importing import engine
from crm.models import Company, Position
from crm.tests.making_files import as_csv, as_xlsx, gzipped
from outreach.management import progress
from outreach.management.commands import import_prospects
from outreach.management.progress import RowsShown
from outreach.models import Enrollment, ImportUpload
from outreach.services.importing import import_here
from outreach.services.uploads import map_columns, receive
from outreach.tests.making import MORNING, make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_campaign, make_organisation, make_step

pytestmark = pytest.mark.usefixtures("committed")

SAMPLE = project.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
HEADER = "company_name,email,first_name,last_name\n"


@pytest.fixture
def acme():
    return make_organisation(slug="acme")


@pytest.fixture
def run(acme, capsys):
    """Run the command; what it prints, and what it says beside that."""

    def command(path, *options):
        call_command("import_prospects", str(path), "--organisation", "acme", *options)
        return capsys.readouterr()

    return command


def prospect(name):
    return f"{name},{name.lower()}@{name.lower()}.example.com,Ada,Lovelace\n"


@pytest.fixture
def folder(tmp_path):
    """Three files that can be read, one that cannot, and some that are none of ours."""
    (tmp_path / "1-paris.csv").write_text(HEADER + prospect("Paris"))
    (tmp_path / "2-broken.csv").write_text("no columns of ours\n1\n")
    rows = [line.strip().split(",") for line in (HEADER, prospect("Lyon"))]
    (tmp_path / "3-lyon.xlsx").write_bytes(as_xlsx({"A": rows}))
    (tmp_path / "4-nice.CSV.gz").write_bytes(gzipped(HEADER + prospect("Nice")))
    (tmp_path / ".hidden.csv").write_text(HEADER + prospect("Hidden"))
    (tmp_path / "readme.md").write_text(HEADER + prospect("Readme"))
    (tmp_path / "inner.csv").mkdir()
    return tmp_path


def names(organisation):
    with tenant(organisation.pk):
        return list(Company.objects.order_by("name").values_list("name", flat=True))


def files(organisation):
    with tenant(organisation.pk):
        return list(ImportUpload.objects.order_by("uploaded_at").values_list("filename", flat=True))


def test_each_file_of_a_folder_is_an_import_and_a_bad_one_stops_no_other(acme, run, folder, capsys):
    with pytest.raises(CommandError, match=r"1 of 4 files in .* were refused") as refusal:
        run(folder)

    told = capsys.readouterr()
    assert refusal.value.returncode == 2
    assert names(acme) == ["Lyon", "Nice", "Paris"]
    assert files(acme) == ["1-paris.csv", "3-lyon.xlsx", "4-nice.CSV.gz"]
    assert [line for line in told.out.splitlines() if " rows read as " in line] == [
        "1-paris.csv: 1 rows read as generic (utf-8, delimiter ',')",
        "3-lyon.xlsx: 1 rows read as generic",
        "4-nice.CSV.gz: 1 rows read as generic (utf-8, delimiter ',')",
    ]
    assert "2-broken.csv: No column" in told.err


def test_a_folder_again_passes_by_what_was_imported(acme, run, folder):
    (folder / "2-broken.csv").unlink()
    run(folder)
    (folder / "5-renamed.csv").write_text(HEADER + prospect("Paris"))
    (folder / "6-new.csv").write_text(HEADER + prospect("Brest"))

    told = run(folder)

    assert len(files(acme)) == 4
    assert names(acme) == ["Brest", "Lyon", "Nice", "Paris"]
    passed = [line.partition(":")[0] for line in told.err.splitlines() if "passed by" in line]
    assert passed == ["1-paris.csv", "3-lyon.xlsx", "4-nice.CSV.gz", "5-renamed.csv"]


def test_a_folder_without_data_is_named(run, tmp_path):
    with pytest.raises(CommandError, match="holds no file to import") as refusal:
        run(tmp_path)

    assert (refusal.value.returncode, str(tmp_path) in str(refusal.value)) == (2, True)


def test_a_dry_run_of_a_folder_stores_nothing(acme, run, folder):
    (folder / "2-broken.csv").unlink()

    told = run(folder, "--dry-run")

    assert told.out.splitlines().count("A dry run: nothing was stored.") == 3
    assert names(acme) == files(acme) == []


def test_the_named_sheet_of_a_workbook_is_read(acme, run, tmp_path):
    header = HEADER.strip().split(",")
    rows = {name: [header, [name, f"a@{name.lower()}.fr", "", ""]] for name in ("Un", "Deux")}
    (tmp_path / "book.xlsx").write_bytes(as_xlsx(rows))

    run(tmp_path / "book.xlsx", "--sheet", "Deux")

    assert names(acme) == ["Deux"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_sheet_that_is_not_there_is_named(acme, run, tmp_path, dry_run):
    (tmp_path / "book.xlsx").write_bytes(as_xlsx())

    with pytest.raises(CommandError, match="Deux") as refusal:
        run(tmp_path / "book.xlsx", "--sheet", "Deux", *(["--dry-run"] if dry_run else []))

    assert refusal.value.returncode == 2
    assert files(acme) == []


@pytest.mark.parametrize("by", ["name", "pk"])
def test_the_people_of_a_file_are_enrolled_in_the_campaign(acme, run, tmp_path, by):
    with tenant(acme.pk):
        campaign = make_open_campaign(name="Printemps")
        make_step(campaign)
    (tmp_path / "a.csv").write_text(HEADER + prospect("Paris"))

    told = run(
        tmp_path / "a.csv", "--campaign", campaign.name if by == "name" else str(campaign.pk)
    )

    assert "  enrolled   1" in told.out.splitlines()
    with tenant(acme.pk):
        assert Enrollment.objects.get().campaign == campaign


def test_a_dry_run_tells_who_is_in_the_campaign_already(acme, run, tmp_path):
    with tenant(acme.pk):
        make_step(make_open_campaign(name="Printemps"))
    (tmp_path / "a.csv").write_text(HEADER + prospect("Paris"))
    run(tmp_path / "a.csv", "--campaign", "Printemps")

    told = run(tmp_path / "a.csv", "--campaign", "Printemps", "--dry-run", "--format", "json")

    (problem,) = json.loads(told.out)["problems"]["refused"]
    assert problem["code"] == "already_in_campaign"
    assert "Printemps" in problem["sentence"]


def test_a_campaign_that_is_not_one_is_named(acme, run):
    with pytest.raises(CommandError, match="no campaign “Nowhere”") as refusal:
        run(SAMPLE, "--campaign", "Nowhere")

    assert refusal.value.returncode == 2


def test_a_name_that_several_campaigns_have_is_no_answer(acme, run):
    with tenant(acme.pk):
        make_campaign(name="Twice")
        make_campaign(name="Twice")

    with pytest.raises(CommandError, match="Several campaigns"):
        run(SAMPLE, "--campaign", "Twice")


def test_the_reasons_are_told_in_the_wanted_language(run, tmp_path):
    (tmp_path / "a.csv").write_text(f"{HEADER}Bar,,Ada,Lovelace\n")

    english, french = run(tmp_path / "a.csv"), run(tmp_path / "a.csv", "--language", "fr")

    assert "The row has no e-mail address." in english.out
    assert "The row has no e-mail address." not in french.out
    assert "adresse" in french.out


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_long_report_says_how_much_more_there_is(run, tmp_path, monkeypatch, dry_run):
    monkeypatch.setattr(import_prospects, "SHOWN", 2)
    (tmp_path / "a.csv").write_text(HEADER + "Bar,,Ada,Lovelace\n" * 5 + prospect("Paris"))

    told = run(tmp_path / "a.csv", *(["--dry-run"] if dry_run else [])).out.splitlines()

    start = told.index("Rows refused: 5")
    assert [line.partition(",")[0] for line in told[start + 1 : start + 4]] == [
        *("  row 2", "  row 3", "  … and 3 more"),
    ]


def test_a_mapping_settled_before_holds_for_a_dry_run_too(acme, run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Firme,Adresse,Truc\nBar,ada@bar.example.com,x\n")
    columns = {"Firme": "company.name", "Adresse": "position.email"}
    with tenant(acme.pk):
        map_columns(receive(path, at=MORNING), columns=columns, at=MORNING)

    told = run(path, "--dry-run", "--format", "json")

    assert json.loads(told.out)["positions"]["created"] == 1


def test_from_a_terminal_an_import_goes_past_any_pooler_and_says_nothing_beside(acme):
    code, printed, complained = processes.run(
        "import_prospects", str(SAMPLE), "--organisation", "acme"
    )

    assert (code, complained) == (0, "")
    assert "  positions  1074 created, 0 updated, 0 unchanged" in printed.splitlines()


# Stopped


def stored(organisation):
    with tenant(organisation.pk):
        return Position.objects.count(), ImportUpload.objects.count()


def import_until(organisation, stopping):
    return import_here(organisation.pk, SAMPLE, clock=lambda: MORNING, stopping=stopping)


def test_an_import_stopped_before_it_stored_anything_leaves_nothing(acme):
    upload = import_until(acme, lambda: True)

    assert (upload.status, upload.rows_done) == ("cancelled", 0)
    assert stored(acme) == (0, 0)


def test_an_import_stopped_between_two_chunks_keeps_whole_chunks_and_says_which(
    acme, run, monkeypatch
):
    monkeypatch.setattr(engine, "CHUNK", 100)

    def has_begun():
        with tenant(acme.pk):
            return ImportUpload.objects.filter(rows_done__gt=0).exists()

    upload = import_until(acme, has_begun)

    assert upload.status == "cancelled"
    assert 0 < upload.rows_done < 1080
    assert upload.rows_done % 100 == 0
    monkeypatch.undo()
    run(SAMPLE)
    assert stored(acme) == (1074, 2)


def test_an_import_that_breaks_down_is_not_left_running(acme):
    def breaks(stage, rows, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_here(acme.pk, SAMPLE, clock=lambda: MORNING, told=breaks)

    assert stored(acme) == (0, 0)


def test_the_first_ctrl_c_asks_for_an_end_and_the_second_is_one():
    with import_prospects._stopping() as stopping:
        assert not stopping()
        os.kill(os.getpid(), signal.SIGINT)
        assert stopping()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Progress


def test_where_nobody_watches_long_work_says_now_and_then_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "TOLD_EVERY", 0)
    out = io.StringIO()

    with RowsShown(out, "a.csv") as told:
        told("reading", 5_000, None)
        told("storing", 20_000, 1_000_000)

    reading, storing = out.getvalue().splitlines()
    assert reading.startswith("a.csv: reading, 5,000 rows, ")
    assert storing.startswith("a.csv: storing, 20,000 rows, ")
    assert storing.endswith(" s left")


def test_short_work_says_nothing_beside_its_report(run, tmp_path):
    (tmp_path / "a.csv").write_text(as_csv())

    assert run(tmp_path / "a.csv").err == ""
