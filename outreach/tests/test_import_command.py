"""manage.py import_prospects: a report on every row, or one sentence and nothing stored."""

import json

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command

from crm.models import Company, Person, Phone, Position
from outreach.models import ImportUpload
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_organisation

pytestmark = pytest.mark.usefixtures("committed")

SAMPLE = project.BASE_DIR / "crm" / "sample" / "pharow-marseille.csv"
HEADER = "company_name,email,first_name,last_name"
ROW = "Café des Amis,ada@bar.example.com,Ada,Lovelace"


@pytest.fixture
def acme():
    return make_organisation(slug="acme")


@pytest.fixture
def run(acme, capsys):
    """Run the command and return what it prints."""

    def command(path, *options, slug="acme"):
        call_command("import_prospects", str(path), "--organisation", slug, *options)
        return capsys.readouterr().out

    return command


@pytest.fixture
def file(tmp_path):
    def write(content, *, encoding="utf-8"):
        path = tmp_path / "prospects.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def stored(organisation):
    with tenant(organisation.pk):
        models = (Company, Person, Position, Phone, ImportUpload)
        return [model.objects.count() for model in models]


def names(organisation):
    with tenant(organisation.pk):
        return list(Company.objects.order_by("name").values_list("name", flat=True))


NOTHING = [0, 0, 0, 0, 0]


def test_the_sample_is_imported_and_its_report_names_everything(acme, run):
    told = run(SAMPLE)

    assert stored(acme) == [882, 1074, 1074, 584, 1]
    for line in (
        "pharow-marseille.csv: 1080 rows read as pharow (utf-8-sig, delimiter ',')",
        "  companies  882 created, 0 updated, 0 unchanged",
        "  people     1074 created, 0 updated, 0 unchanged",
        "  positions  1074 created, 0 updated, 0 unchanged",
        "  phones     584 created, 0 updated, 0 unchanged",
        "Rows that repeat another: 1",
        "  row 43, Email: Row 42 has the address “capitale@example.com” already.",
        "Rows refused: 5",
        "  row 27, Email: The row has no e-mail address.",
        "Columns not recognised, kept as they are: none",
    ):
        assert line in told.splitlines()
    assert told.splitlines().count("A dry run: nothing was stored.") == 0


def test_the_same_file_again_changes_nothing(acme, run):
    run(SAMPLE)

    told = run(SAMPLE)

    assert stored(acme) == [882, 1074, 1074, 584, 2]
    assert "  companies  0 created, 0 updated, 882 unchanged" in told.splitlines()


def test_the_json_report_says_the_same(acme, run):
    report = json.loads(run(SAMPLE, "--format", "json"))

    assert (report["rows"], report["rows_refused"], report["rows_duplicate"]) == (1080, 5, 1)
    assert report["positions"] == {"created": 1074, "updated": 0, "unchanged": 0}
    problems = report.pop("problems")
    assert [each["row"] for each in problems["refused"]] == [12, 27, 97, 152, 172]
    assert problems["duplicate"] == [
        {
            "row": 43,
            "column": "Email",
            "value": "capitale@example.com",
            "code": "duplicate_address",
            "sentence": "Row 42 has the address “capitale@example.com” already.",
        }
    ]
    with tenant(acme.pk):
        assert ImportUpload.objects.get().report == report


def test_a_dry_run_reports_the_same_and_stores_nothing(acme, run):
    dry = json.loads(run(SAMPLE, "--dry-run", "--format", "json"))
    assert stored(acme) == NOTHING
    assert "A dry run: nothing was stored." in run(SAMPLE, "--dry-run")

    real = json.loads(run(SAMPLE, "--format", "json"))

    assert dry | {"dry_run": False} == real


def test_only_the_named_organisation_gets_the_rows(acme, run, file):
    other = make_organisation(slug="other")

    run(file(f"{HEADER}\n{ROW}\n"), slug="other")

    assert stored(acme) == NOTHING
    assert stored(other) == [1, 1, 1, 0, 1]


def test_columns_that_are_not_recognised_are_named_and_kept(acme, run, file):
    told = run(file(f"{HEADER},Shoe size\n{ROW},38\n"))

    assert "Columns not recognised, kept as they are: Shoe size" in told.splitlines()
    with tenant(acme.pk):
        assert Position.objects.get().kept == {"Shoe size": "38"}


def test_columns_ignored_on_purpose_are_named(run, file):
    header = "Nom de la liste Pharow,Nom légal,Email,Genre"

    told = run(file(f"{header}\nMa liste,Bar,ada@bar.example.com,F\n"), "--profile", "pharow")

    assert "Columns ignored on purpose: Genre" in told.splitlines()


def test_refused_rows_do_not_keep_the_others_out(acme, run, file):
    told = run(file(f"{HEADER}\nBar,nobody,Ada,Lovelace\n{ROW}\n"))

    assert stored(acme)[2] == 1
    assert "Rows refused: 1" in told


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (f"{HEADER}\n{ROW}\n", "utf-8"),
        (f"{HEADER}\n{ROW}\n", "utf-8-sig"),
        (f"{HEADER}\r\n{ROW}\r\n", "cp1252"),
        (f"{HEADER}\n{ROW}\n".replace(",", ";"), "cp1252"),
        (f"{HEADER}\n{ROW}\n".replace(",", ";"), "utf-8"),
        (f"{HEADER}\n{ROW}\n".replace(",", "\t"), "utf-16"),
    ],
)
def test_what_spreadsheets_write_is_no_fault(acme, run, file, content, encoding):
    run(file(content, encoding=encoding))

    assert names(acme) == ["Café des Amis"]


def test_a_formula_is_kept_as_text_and_told(acme, run, file):
    formula = '=HYPERLINK("http://evil.example.com")'
    row = ROW.replace("Café des Amis", '"' + formula.replace('"', '""') + '"')

    told = run(file(f"{HEADER}\n{row}\n"))

    assert "looks like a formula" in told
    assert names(acme) == [formula]


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "header only": (HEADER.encode(), "no rows"),
    "a workbook": (b"PK\x03\x04" + b"\x00" * 99, "damaged or cut short"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "NUL bytes|not text|not CSV"),
    "a web page": (b"<!doctype html>\n<p>Sign in\n", "is a web page"),
    "no address": (b"company_name,first_name\nBar,Ada\n", "No column .*E-mail address"),
    "no company": (b"email,first_name\nada@bar.example.com,Ada\n", "No column .*Company name"),
    "duplicate headers": (f"{HEADER},Email\n{ROW},x\n".encode(), "Several columns are called"),
    "two of the same": (f"{HEADER},courriel\n{ROW},x\n".encode(), "mean the same"),
    "a quote too many": (f'{HEADER}\n"{ROW}\n'.encode(), "its quotes do not match"),
    "mixed encodings": (f"{HEADER}\n{ROW}\n".encode() + b"\xe9,a@b.fr,\xe9,x\n", "mixes UTF-8"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_sentence_and_nothing_is_stored(acme, run, file, kind):
    content, sentence = BAD[kind]

    with pytest.raises(CommandError, match=sentence) as refusal:
        run(file(content))

    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)
    assert stored(acme) == NOTHING


def test_one_endless_line_is_refused_before_it_fills_the_memory(acme, run, tmp_path):
    path = tmp_path / "endless.csv"
    with path.open("wb") as target:
        target.write(f"{HEADER}\n".encode())
        for _ in range(20):
            target.write(b"x" * (1 << 20))

    with pytest.raises(CommandError, match="Line 2 of endless.csv is longer") as refusal:
        run(path)

    assert refusal.value.returncode == 2
    assert stored(acme) == NOTHING


def test_a_file_that_breaks_at_its_end_stores_nothing_of_its_beginning(acme, run, file):
    rows = [f"Bar {n},a{n}@bar.example.com,Ada,Lovelace" for n in range(1200)]

    with pytest.raises(CommandError, match="Row 1202 cannot be read"):
        run(file("\n".join([HEADER, *rows, '"never closed'])))

    assert stored(acme) == NOTHING


def test_an_unknown_organisation_is_named(acme, run):
    with pytest.raises(CommandError, match='no organisation "nobody"') as refusal:
        run(SAMPLE, slug="nobody")

    assert refusal.value.returncode == 2


@pytest.mark.parametrize("path", ["nosuch.csv", "/dev/null", "a\0b"])
def test_what_is_no_file_is_named(acme, run, path):
    with pytest.raises(CommandError) as refusal:
        run(path)

    assert refusal.value.returncode == 2
    assert repr(path).strip("'") in repr(str(refusal.value)) or path in str(refusal.value)


def test_the_wrong_profile_is_refused_with_what_it_misses(acme, run, file):
    with pytest.raises(CommandError, match="profile pharow"):
        run(file(f"{HEADER}\n{ROW}\n"), "--profile", "pharow")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nosuch.csv", "--organisation", "x"], 'CommandError: There is no organisation "x"'),
        (["nosuch.csv"], "--organisation"),
        (["nosuch.csv", "--organisation", "x", "--profile", "excel"], "invalid choice: 'excel'"),
    ],
)
def test_on_the_terminal_a_refusal_ends_with_two_and_no_trace(options, sentence):
    code, printed, complained = processes.run("import_prospects", *options)

    assert (code, printed) == (2, "")
    assert sentence in complained.splitlines()[-1]
    assert "Traceback" not in complained
