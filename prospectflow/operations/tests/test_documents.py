"""The generated documents say what the database and the models say."""

import subprocess
import sys

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from prospectflow.environment import database_from
from prospectflow.operations import data_model, schema_dump

DOCS = settings.BASE_DIR / "docs"


def test_the_committed_schema_is_what_the_migrations_make(owner_url):
    assert schema_dump.dump(database_from(owner_url)) == (DOCS / "schema.sql").read_text()


def test_the_committed_data_model_is_what_the_models_say():
    assert data_model.document() == (DOCS / "data-model.md").read_text()


def test_a_policy_gone_from_the_written_schema_is_noticed(tmp_path):
    altered = tmp_path / "schema.sql"
    written = (DOCS / "schema.sql").read_text()
    altered.write_text(written.replace("CREATE POLICY tenant_isolation ON crm.people", "--"))

    command = [sys.executable, "manage.py", "dump_schema", "--check", str(altered)]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True)

    assert done.returncode == 1
    assert "+CREATE POLICY tenant_isolation ON crm.people" in done.stderr
    assert done.stderr.endswith("schema.sql is out of date: run `make schema`.\n")
    assert altered.read_text() != written


def test_a_column_gone_from_the_written_data_model_is_noticed(tmp_path):
    altered = tmp_path / "data-model.md"
    altered.write_text((DOCS / "data-model.md").read_text().replace("varchar(9) siren UK", ""))

    with pytest.raises(CommandError, match="out of date: run `make schema`") as refusal:
        call_command("erd", str(altered), "--check")

    assert refusal.value.returncode == 1
    assert "+        varchar(9) siren UK" in str(refusal.value)


def test_a_missing_document_is_out_of_date_and_can_be_written(tmp_path):
    new = tmp_path / "data-model.md"
    with pytest.raises(CommandError):
        call_command("erd", str(new), "--check")

    call_command("erd", str(new))

    call_command("erd", str(new), "--check")


@pytest.mark.parametrize("label", ["iam", "crm", "outreach", "tracking"])
def test_every_table_is_described(label):
    page = data_model.document()
    for model in apps.get_app_config(label).get_models():
        assert f"### {label}.{model._meta.db_table}\n" in page


@pytest.mark.parametrize(
    "model",
    [
        "iam.Membership",
        "outreach.Campaign",
        "outreach.StepExperiment",
        "outreach.Enrollment",
        "outreach.Task",
        "outreach.Draft",
        "outreach.Message",
        "outreach.Mailbox",
        "outreach.ImportUpload",
    ],
)
def test_every_move_of_a_state_machine_is_drawn(model):
    model = apps.get_model(model)
    table = f"### {model._meta.app_label}.{model._meta.db_table}\n"
    section = data_model.document().split(table)[1].split("\n### ")[0]

    drawn = {line.strip() for line in section.splitlines() if "-->" in line and "[*]" not in line}

    moves = {f"{start} --> {end}" for start, ends in model.MOVES.items() for end in ends}
    assert drawn == moves
    assert "stateDiagram-v2" in section


@pytest.mark.parametrize(
    "line",
    [
        "-- Dumped from database version 18.6",
        "-- Dumped by pg_dump version 18.6",
        "\\restrict dvYYTf3vZb",
        "\\unrestrict dvYYTf3vZb",
    ],
)
def test_what_differs_between_runs_is_left_out(line):
    output = "CREATE SCHEMA crm;\n{}\nCREATE SCHEMA iam;\n"

    assert schema_dump.normalise(output.format(line)) == schema_dump.normalise(
        output.replace("{}\n", "")
    )
