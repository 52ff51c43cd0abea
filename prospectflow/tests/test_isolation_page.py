"""docs/isolation.md tells what to type and what is answered: it is typed, and compared."""

import re
import subprocess

import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from prospectflow.operations import embedded
from prospectflow.operations.embedded.postgres import binaries, environment
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import make_company, make_organisation

PAGE = (settings.BASE_DIR / "docs" / "isolation.md").read_text()
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def psql(committed, owner_url):
    """Type a script as the serving role, with two organisations that have a company each."""
    for _ in range(2):
        with tenant(make_organisation().pk):
            make_company()
    database = conninfo_to_dict(owner_url)["dbname"]
    url = embedded.database_url(settings.LOCAL_DIRECTORY, database=database)

    def psql(script):
        command = [binaries() / "psql", "-XAtq", "-v", "VERBOSITY=terse", url]
        typed = subprocess.run(
            command,
            input=script,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return [re.sub(r"^.*?(?=ERROR:)", "", line) for line in typed.stdout.splitlines()]

    return psql


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_each_statement_of_the_page_is_answered_as_it_says(psql, block):
    told = [line.removeprefix("-- ") for line in block.splitlines() if line.startswith("-- ")]

    assert psql(block) == told


def test_the_page_has_what_to_type():
    assert len(BLOCKS) >= 4
