"""The written documents name what there is, and their links lead somewhere."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from iam.auth import AuthConfiguration
from iam.models import Role
from iam.roles import CAPABILITIES, OPERATOR
from prospectflow.operations.embedded.state import PORT_SETTINGS

ROOT = settings.BASE_DIR
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
APPS = ("prospectflow", "iam", "crm", "outreach", "tracking")
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(
            page
            for room in ("docs", *APPS)
            for page in ROOT.glob(f"{room}/**/*.md")
            if "node_modules" not in page.parts
        ),
    ]
)


def named_in_env_example() -> set[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"#? ?([A-Z][A-Z0-9_]+)=", line))}


def explained() -> set[str]:
    page = (ROOT / "docs" / "configuration.md").read_text()
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", page))


def pinned(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"([\w.-]+)(\[.*\])?==", line))}


def links(page: Path) -> set[str]:
    """Where the page leads inside the project: no addresses of the web, no anchors."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    return {target for target in targets if "://" not in target and "mailto:" not in target}


def test_every_command_is_named_in_the_documents():
    written = "\n".join(page.read_text() for page in PAGES)
    ours = {name for name, app in get_commands().items() if str(app).split(".")[0] in APPS}

    assert "erd" in ours
    assert {name for name in ours if not re.search(rf"(`|manage\.py ){name}\b", written)} == set()


def test_every_setting_of_the_example_is_explained():
    assert named_in_env_example() - explained() == set()


def test_every_setting_that_is_read_stands_in_the_example():
    settings_file = (ROOT / "prospectflow/settings.py").read_text()
    compose_file = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"(?:env\.\w+|_secrets?)\(\s*\"([A-Z_]+)\"", settings_file))
    read |= set(re.findall(r"\$\{([A-Z_]+)", compose_file)) | set(PORT_SETTINGS.values())
    read |= set(AuthConfiguration.VARIABLES)

    assert read >= {"DATABASE_URL", "SECRET_KEY", "TOKEN_KEYS", "APP_PASSWORD"}
    assert read - named_in_env_example() == set()


@pytest.mark.parametrize("name", ["requirements.in", "requirements-dev.in"])
def test_every_library_has_its_line(name):
    (page,) = [page for page in DECISIONS if page.name.endswith("-libraries.md")]
    lines = set(re.findall(r"^\| ([\w.-]+) \| .+ \| .+ \|$", page.read_text(), re.MULTILINE))

    assert pinned(name) - lines == set()


def test_no_line_is_left_of_a_library_that_is_gone():
    (page,) = [page for page in DECISIONS if page.name.endswith("-libraries.md")]
    lines = set(re.findall(r"^\| ([a-z][\w.-]+) \|", page.read_text(), re.MULTILINE))

    assert lines - pinned("requirements.in") - pinned("requirements-dev.in") == set()


def test_every_decision_has_a_number_of_its_own():
    numbers = Counter(page.name[:4] for page in DECISIONS)

    assert [number for number, times in numbers.items() if times > 1] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_bears_its_number_and_says_why_what_and_what_follows(page):
    text = page.read_text()

    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
    assert text.startswith(f"# {int(page.name[:4])}. ")
    for part in ("## Context", "## Decision", "## Consequences"):
        assert f"\n{part}\n" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page):
    assert {link for link in links(page) if not (page.parent / link).exists()} == set()


@pytest.mark.parametrize("room", ["iam", "crm", "outreach", "tracking", "prospectflow/tenancy"])
def test_every_room_has_its_page(room):
    assert (ROOT / room / "README.md").exists()


def test_the_page_of_roles_has_the_table_that_the_code_asks():
    roles = [*Role, OPERATOR]
    rows = [
        f"| `{capability}` | {' | '.join('yes' if role in those else '–' for role in roles)} |"
        for capability, those in CAPABILITIES.items()
    ]
    head = [f"| Capability | {' | '.join(roles)} |", f"|{'---|' * (len(roles) + 1)}"]
    written = (ROOT / "docs" / "roles.md").read_text().splitlines()

    assert [line for line in written if line.startswith("|")] == head + rows
