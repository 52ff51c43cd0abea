"""Imports that really store, in sessions of their own: by buttons, and in a browser."""

import subprocess
from collections.abc import Iterator

import pytest
from django.conf import global_settings
from django.test import Client

from crm.models import Company
from outreach.models import ImportUpload
from outreach.tests.pressing import (
    BAD,
    HEADER,
    ROW,
    SAMPLE,
    buttons,
    checked,
    move,
    newest,
    page,
    stored,
    worked_off,
)
from prospectflow.console.tests.cast import signed_in
from prospectflow.console.tests.test_browser import PASSWORD, address, browser_page, sign_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing import processes
from prospectflow.testing.factories import make_organisation, make_user

__all__ = ["address"]  # the web process, which asks for the organisation below
PATIENCE = 60_000  # milliseconds


@pytest.fixture
def organisation(committed, settings):
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # those of the web process
    owner = make_user(email="ada@example.com")
    owner.set_password(PASSWORD)
    owner.save()
    return make_organisation(name="Acme", owner=owner)


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def worker(organisation) -> Iterator["subprocess.Popen[str]"]:
    """A real worker, on the tests' database."""
    with processes.start("worker", "--queues", "imports") as process:
        yield process
        process.terminate()
        process.communicate(timeout=30)


def test_a_check_stores_nothing_and_an_import_the_valid_rows(owner, organisation):
    given = checked(owner, organisation, HEADER, ROW, BAD)

    shown = owner.get(page(given))

    assert "An import would do this" in shown.text
    assert 'aria-label="1 valid, 0 repeated, 1 refused of 2 rows"' in shown.text
    assert "run" in buttons(shown)
    assert stored(organisation) == 0
    move(owner, given, "run")
    assert worked_off(organisation) == ["outreach.import_upload"]
    assert stored(organisation) == 1
    assert "What became of the rows" in owner.get(page(given)).text


def test_an_import_is_undone_once_somebody_is_sure(owner, organisation):
    given = checked(owner, organisation, HEADER, ROW)
    move(owner, given, "run")
    worked_off(organisation)
    assert (buttons(owner.get(page(given))), stored(organisation)) == (["undo"], 1)

    asked = move(owner, given, "undo")

    assert "What this import alone made is deleted" in asked.text
    assert newest(organisation).status == "completed"
    move(owner, given, "undo", sure="on")
    assert worked_off(organisation) == ["outreach.undo_upload"]
    assert stored(organisation) == 0
    shown = owner.get(page(given)).text
    assert "The import was taken back" in shown
    assert "1 companies" in shown.partition("Taken away again: ")[2].partition("</p>")[0]
    assert "1 had been taken in" in shown
    assert "1 taken in" not in shown
    with tenant(organisation.pk):
        assert Company.objects.count() == 0


@pytest.mark.usefixtures("worker")
def test_in_a_browser_a_file_is_uploaded_settled_checked_and_imported(address, organisation):
    complaints: list[str] = []

    with browser_page(complaints) as page:
        sign_in(page, address)
        page.goto(f"{address}/outreach/importupload/")
        page.click("text=Import a file")
        page.set_input_files("input[type=file]", SAMPLE)
        page.click("button:has-text('Upload')")
        page.wait_for_url("**/columns/")
        assert page.locator("option[value='position.email']:checked").count() == 1
        page.click("text=Save and check the rows")
        page.wait_for_selector("text=An import would do this", timeout=PATIENCE)
        page.fill("input[name=q]", "capitale")
        page.click("button:has-text('Search')")
        assert "capitale@example.com" in page.inner_text("section[aria-labelledby=problems]")
        page.click("text=Import the valid ones")
        page.wait_for_selector("text=What became of the rows", timeout=PATIENCE)

    with tenant(organisation.pk):
        (upload,) = ImportUpload.objects.all()
    assert (upload.status, upload.report["rows_imported"]) == ("completed", 1074)
    assert stored(organisation) == 1074
    assert complaints == []
