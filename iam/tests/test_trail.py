"""The trail as people read it and as a file: who, what, and what stood where."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from iam import trail
from iam.models import AuditEvent, Membership, Role
from iam.services import change_role, record, register_service_account
from prospectflow import exporting
from prospectflow.console.tests.cast import make_member, signed_in
from prospectflow.tenancy import replica
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_campaign, make_mailbox, make_step, make_user

LIST = "/iam/auditevent/"
DAY = timedelta(days=1)
REFERENCE = "01a205c8-b8f0-73be-8592-0e2554ae81ff"


def event(**changes) -> AuditEvent:
    return AuditEvent(at=NOON, action="changed", object_type="outreach.campaign", changes=changes)


@pytest.fixture
def owner(organisation):
    return signed_in(organisation)


def told(organisation, **filters) -> list[AuditEvent]:
    with tenant(organisation.pk):
        return list(AuditEvent.objects.filter(**filters))


def test_what_a_cascade_deletes_is_told_row_by_row(organisation):
    with tenant(organisation.pk):
        step = make_step()
        step.campaign.delete()

    kinds = [each.object_type for each in told(organisation, action="deleted")]
    assert sorted(kinds) == ["outreach.campaign", "outreach.workflowstep"]


def add(organisation, *texts: str, at: datetime = NOON, **fields) -> None:
    with tenant(organisation.pk):
        for text in texts:
            record("changed", at=at, text=text, **fields)


def download(client, form: str, **query: str) -> str:
    return client.get(f"{LIST}export/{form}/", query).getvalue().decode()


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# In words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("draft", "running", "status: draft → running"),
        (None, "running", "status: – → running"),
        (True, False, "status: yes → no"),
        (0, 12, "status: 0 → 12"),
        (["a"], {"b": "é"}, 'status: ["a"] → {"b": "é"}'),
        ("2026-11-24T12:00:00+00:00", None, "status: 24 Nov 2026, 12:00 → –"),
        ("2026-99-99T12:00:00+00:00", "", "status: 2026-99-99T12:00:00+00:00 → –"),
        ("one\ntwo", "x" * 150, f"status: one two → {'x' * 150}"),
        ("…", "…", "status: … → …"),
    ],
)
def test_a_change_is_told_as_what_stood_there_and_what_stands_now(old, new, said):
    assert trail.summary(event(status=[old, new])) == said


def test_of_a_row_that_came_or_went_what_it_held_is_told():
    held = {"name": "Spring", "note": "", "tags": [], "from_mailbox_id": REFERENCE, "ready": False}
    added = AuditEvent(action="added", changes={name: [None, each] for name, each in held.items()})
    gone = AuditEvent(action="deleted", changes={name: [each, None] for name, each in held.items()})

    assert trail.summary(added) == trail.summary(gone) == "name: Spring; ready: no"


def test_a_long_text_is_told_by_its_beginning_and_the_whole_is_one_line():
    [change] = trail.changes_of(event(body=["", "x" * 300]))

    assert change.new == f"{'x' * 199}…"
    assert len(trail.summary(event(body=["y" * 300, "x" * 300]))) == trail.SHOWN_LENGTH


def test_what_only_ends_like_a_reference_keeps_its_name():
    assert trail.summary(event(client_id=["one", "two"])) == "client id: one → two"


def test_another_reference_is_told_by_its_end():
    assert trail.summary(event(from_mailbox_id=[None, REFERENCE])) == "from mailbox: – → …54ae81ff"


def test_every_action_that_the_code_writes_down_is_offered_by_the_filter(settings):
    folders = (settings.BASE_DIR / name for name in ("iam", "crm", "outreach", "prospectflow"))
    sources = (file for folder in folders for file in folder.rglob("*.py"))
    written = {
        action
        for source in sources
        if "tests" not in source.parts
        for action in re.findall(r"""(?<!def )\brecord\(\s*"([a-z]+)\"""", source.read_text())
    }

    assert {"entered", "left", "exported"} <= written
    assert written <= set(trail.ACTIONS)


# On the page ---------------------------------------------------------------------------------


def test_the_page_shows_who_what_and_what_changed(owner, organisation):
    with tenant(organisation.pk):
        user = Membership.objects.get(role=Role.OWNER).user
    with tenant(organisation.pk, user_id=user.pk):
        change_role(make_member(Role.VIEWER), Role.ADMIN)
    [changed] = told(organisation, action="changed")

    listed = owner.get(LIST).text
    shown = owner.get(f"{LIST}{changed.pk}/change/").text

    for text in (listed, shown):
        assert "role: viewer → admin" in text
        assert str(user) in text
        assert "member" in text


def test_a_program_is_named_as_who_did_it(owner, organisation):
    with tenant(organisation.pk):
        program = register_service_account("Nightly import", "client", "member")
        record("changed", at=NOON, text="by night")
        AuditEvent.objects.create(at=NOON, action="changed", service_account=program)

    assert "Nightly import" in owner.get(LIST, {"action": "changed"}).text


def test_the_history_of_a_row_shows_what_changed(owner, organisation):
    with tenant(organisation.pk):
        campaign = make_campaign(name="Spring")
        campaign.name = "Summer"
        campaign.save()

    text = owner.get(reverse("console:outreach_campaign_history", args=[campaign.pk])).text

    assert "name: Spring → Summer" in text


def test_the_trail_tells_that_a_password_changed_and_never_which(owner, organisation):
    with tenant(organisation.pk):
        mailbox = make_mailbox()
        mailbox.sealed_password = "not-for-anybody"
        mailbox.save()

    text = owner.get(reverse("console:outreach_mailbox_history", args=[mailbox.pk])).text

    assert "sealed password: … → …" in text
    assert "not-for-anybody" not in owner.get(LIST).text + text


def test_the_filters_leave_what_they_say(owner, organisation):
    morning = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # the 25th in Paris
    add(organisation, "before midnight", at=morning - timedelta(hours=1))
    add(organisation, "after midnight", at=morning)

    def found(**query: str) -> str:
        return owner.get(LIST, query).text

    day = {"at_from": "2026-11-25", "at_to": "2026-11-25"}
    assert "after midnight" in found(**day)
    assert "before midnight" not in found(**day)
    assert "after midnight" in found(at_from="nonsense")
    assert "midnight" in found(action="changed")
    assert "midnight" not in found(action="deleted")
    assert "midnight" not in found(object_type="outreach.campaign")


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("member", 403), ("viewer", 403)])
def test_the_trail_is_read_and_exported_by_owner_and_admin_alone(organisation, role, status):
    client = signed_in(organisation, role=role)

    for page in (LIST, f"{LIST}export/csv/", f"{LIST}export/ndjson/"):
        assert client.get(page).status_code == status, page


# As a file -----------------------------------------------------------------------------------


def test_the_export_has_every_event_of_the_filter_and_no_other(owner, organisation, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 2)
    add(organisation, *(f"event {number}" for number in range(5)))
    add(organisation, "too late", at=NOON + DAY)

    rows = lines_of(download(owner, "csv", at_to="2026-11-24", action="changed"))

    assert [row["description"] for row in rows] == [f"event {n}" for n in (4, 3, 2, 1, 0)]
    assert rows[0]["at"] == "2026-11-24T12:00:00+00:00"


def test_both_forms_tell_the_same(owner, organisation):
    with tenant(organisation.pk):
        make_campaign(name="Été")

    rows = lines_of(download(owner, "csv", object_type="outreach.campaign"))
    objects = [
        json.loads(line)
        for line in download(owner, "ndjson", object_type="outreach.campaign").splitlines()
    ]

    assert [row["description"] for row in rows] == ["Été"]
    assert json.loads(rows[0]["changes"]) == objects[0]["changes"]
    assert objects[0]["changes"]["name"] == [None, "Été"]
    assert list(rows[0]) == list(objects[0])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula_to_a_spreadsheet(owner, organisation, start):
    add(organisation, f"{start}HYPERLINK(1)")

    assert f"'{start}HYPERLINK(1)" in download(owner, "csv")
    assert f"'{start}" not in download(owner, "ndjson")


def test_nothing_of_another_organisation_is_in_the_file(owner, organisation, other_organisation):
    add(organisation, "ours")
    add(other_organisation, "theirs")

    text = download(owner, "csv")

    assert "ours" in text
    assert "theirs" not in text


def test_a_file_that_broke_off_says_so(owner, organisation, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 2)
    add(organisation, *(f"event {number}" for number in range(5)))
    answer = owner.get(f"{LIST}export/csv/", {"action": "changed"})

    monkeypatch.setattr(replica, "tenant", Mock(side_effect=OperationalError))
    text = answer.getvalue().decode()

    assert text.splitlines()[-1].startswith("EXPORT_INCOMPLETE,")


def test_the_export_is_told_in_the_trail(owner, organisation):
    download(owner, "csv")

    [exported] = told(organisation, action="exported")
    assert exported.user is not None


def test_another_form_of_file_is_not_there(owner):
    assert owner.get(f"{LIST}export/xlsx/").status_code == 404


def test_a_person_who_is_gone_leaves_the_events_they_caused(owner, organisation):
    user = make_user(email="gone@example.com")
    add(organisation, "done by somebody", user=user)
    user.delete()

    assert "done by somebody" in owner.get(LIST).text


def test_a_full_page_with_nothing_after_it_ends_the_file(organisation, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 2)
    add(organisation, "a", "b", at=timezone.now())
    rows = AuditEvent.objects.filter(action="changed")

    pages = list(exporting.pages(rows, organisation_id=organisation.pk))

    assert [[each.description for each in page] for page in pages] == [["b", "a"]]
