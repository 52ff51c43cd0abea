"""Drafts through the API: read, edited, approved as they were seen, and decided on in batches."""

from uuid import uuid4

import pytest

from crm.models import Position
from iam.models import AuditEvent, Membership, Role
from outreach.models import Draft
from outreach.services import approval
from outreach.services.drafting import compose
from outreach.tests.making import make_due, make_open_campaign
from prospectflow.tenancy.context import tenant
from prospectflow.testing.api import api_client, faults, machine_client, refusal
from prospectflow.testing.factories import NOON, make_draft

DRAFTS = "/api/v1/drafts/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(organisation):
    return api_client(Role.MEMBER, organisation)


@pytest.fixture
def drafts(organisation) -> list[Draft]:
    with tenant(organisation.pk):
        campaign = make_open_campaign()
        return [compose(make_due(campaign), at=NOON) for _ in range(3)]


@pytest.fixture
def draft(drafts) -> Draft:
    return drafts[0]


def page(draft: Draft, action: str = "") -> str:
    return f"{DRAFTS}{draft.pk}/{action}"


def seen(client, draft: Draft) -> str:
    return client.get(page(draft)).json()["mail"]["hash"]


def fresh(draft: Draft, organisation) -> Draft:
    with tenant(organisation.pk):
        return Draft.objects.select_related("approved_by").get(pk=draft.pk)


def test_a_draft_is_shown_with_the_mail_it_would_be(member, organisation, draft):
    shown = member.get(page(draft)).json()

    with tenant(organisation.pk):
        mail = approval.rendered(draft)
        campaign = draft.task.campaign_id
    assert shown["mail"]["text"] == mail.text
    assert shown["mail"]["hash"] == mail.hash
    assert (shown["campaign"], shown["refusal"]) == (str(campaign), "")


def test_a_draft_without_a_mailbox_says_why_there_is_no_mail(member, organisation):
    with tenant(organisation.pk):
        draft = make_draft()

    shown = member.get(page(draft)).json()

    assert shown["mail"] is None
    assert "no mailbox" in shown["refusal"]


def test_the_review_queue_puts_the_skipped_last(member, drafts):
    member.post(page(drafts[0], "skip/"))

    answer = member.get(DRAFTS, {"status": "pending", "sort": "queue"})

    ids = [each["id"] for each in answer.json()["results"]]
    assert ids == [str(each.pk) for each in (drafts[1], drafts[2], drafts[0])]


def test_drafts_are_narrowed_to_a_campaign(member, organisation, draft):
    with tenant(organisation.pk):
        other = compose(make_due(), at=NOON)

    answer = member.get(DRAFTS, {"campaign": str(other.task.campaign_id)})

    assert [each["id"] for each in answer.json()["results"]] == [str(other.pk)]


def test_the_mail_that_was_seen_is_approved_by_the_person(member, organisation, draft):
    mark = seen(member, draft)

    answer = member.post(page(draft, "approve/"), {"seen": mark})

    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    kept = fresh(draft, organisation)
    with tenant(organisation.pk):
        approver = Membership.objects.get(role=Role.MEMBER).user
        (entry,) = AuditEvent.objects.filter(object_id=str(draft.pk))
    assert (kept.approved_hash, kept.approved_by) == (mark, approver)
    assert (entry.user_id, entry.changes["status"]) == (approver.pk, ["pending", "approved"])


def change_text(draft, member):
    member.patch(page(draft), {"subject": "Une autre idée pour votre vitrine"})


def change_address(draft, member):
    with tenant(member.organisation.pk):
        Position.objects.filter(enrollments__tasks__drafts=draft).update(email="x@new.example")


@pytest.mark.parametrize("change", [change_text, change_address])
def test_a_mail_that_changed_since_it_was_seen_is_not_approved(member, organisation, draft, change):
    mark = seen(member, draft)
    change(draft, member)

    answer = member.post(page(draft, "approve/"), {"seen": mark})

    assert refusal(answer) == (409, "CHANGED_MEANWHILE")
    assert fresh(draft, organisation).status == "pending"


def test_nobody_approves_unseen(member, draft):
    assert faults(member.post(page(draft, "approve/"), {})) == {"seen": "required"}
    assert faults(member.post(page(draft, "approve/"), {"seen": "yes"})) == {"seen": "invalid"}


def test_editing_takes_the_approval_away(member, organisation, draft):
    member.post(page(draft, "approve/"), {"seen": seen(member, draft)})

    answer = member.patch(page(draft), {"body_text": "Bonjour Ada,\n\nUne autre idée."})

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert fresh(draft, organisation).body_text == "Bonjour Ada,\n\nUne autre idée."


def test_what_the_gates_find_forbids_approval(member, draft):
    answer = member.patch(page(draft), {"body_text": "Bonjour {{ first_name }},"})

    assert "placeholder" in [each["code"] for each in answer.json()["problems"]]
    mark = answer.json()["mail"]["hash"]
    answer = member.post(page(draft, "approve/"), {"seen": mark})
    assert refusal(answer) == (409, "DRAFT_NOT_READY")


@pytest.mark.parametrize("field", ["status", "recipient", "approved_hash", "nonsense"])
def test_only_the_text_can_be_changed(member, draft, field):
    assert field in faults(member.patch(page(draft), {field: "approved"}))


def test_an_edit_of_what_has_changed_is_refused(member, draft):
    tag = member.get(page(draft)).headers["ETag"]
    change_text(draft, member)

    answer = member.patch(page(draft), {"subject": "Mien"}, headers={"If-Match": tag})

    assert refusal(answer) == (412, "PRECONDITION_FAILED")


def test_a_refused_draft_is_not_sent_at_all(member, organisation, draft):
    answer = member.post(page(draft, "reject/"))

    assert answer.json()["status"] == "skipped"
    with tenant(organisation.pk):
        draft.task.refresh_from_db()
    assert draft.task.status == "skipped"


def test_a_batch_decides_on_each_draft_by_itself(member, organisation, drafts):
    marks = [seen(member, each) for each in drafts]
    change_text(drafts[1], member)
    unknown = str(uuid4())
    items = [{"id": str(each.pk), "seen": mark} for each, mark in zip(drafts, marks, strict=True)]

    answer = member.post(
        f"{DRAFTS}batch/",
        {"action": "approve", "items": [*items, {"id": unknown, "seen": "0" * 64}]},
    )

    results = answer.json()["results"]
    assert [each["id"] for each in results] == [*(str(each.pk) for each in drafts), unknown]
    codes = [each["code"] for each in results]
    assert codes == ["", "CHANGED_MEANWHILE", "", "DRAFT_UNKNOWN"]
    states = [fresh(each, organisation).status for each in drafts]
    assert states == ["approved", "pending", "approved"]


@pytest.mark.parametrize(("action", "status"), [("skip", "pending"), ("reject", "skipped")])
def test_a_batch_skips_and_rejects_without_a_hash(member, organisation, drafts, action, status):
    items = [{"id": str(each.pk)} for each in drafts]

    answer = member.post(f"{DRAFTS}batch/", {"action": action, "items": items})

    assert all(each["done"] for each in answer.json()["results"])
    assert {fresh(each, organisation).status for each in drafts} == {status}


def test_a_batch_that_makes_no_sense_is_refused_whole(member, draft):
    def refused(action, items):
        return faults(member.post(f"{DRAFTS}batch/", {"action": action, "items": items}))

    item = {"id": str(draft.pk), "seen": "0" * 64}
    many = [{"id": str(uuid4())} for _ in range(201)]
    assert refused("approve", [{"id": str(draft.pk)}]) == {"items.0.seen": "required"}
    assert refused("skip", [item, item]) == {"items": "twice"}
    assert refused("skip", []) == {"items": "empty"}
    assert refused("skip", many) == {"items": "max_length"}
    assert refused("send", [item]) == {"action": "invalid_choice"}


def test_only_people_who_may_approve_decide(organisation, member, draft):
    mark = seen(member, draft)
    items = {"action": "approve", "items": [{"id": str(draft.pk), "seen": mark}]}

    for client in (api_client(Role.VIEWER, organisation), machine_client("member", organisation)):
        for action in ("approve/", "skip/", "reject/"):
            assert refusal(client.post(page(draft, action), {"seen": mark})) == (403, "FORBIDDEN")
        assert refusal(client.post(f"{DRAFTS}batch/", items)) == (403, "FORBIDDEN")
    assert fresh(draft, organisation).status == "pending"


def test_another_organisations_draft_is_not_there(member, other_organisation):
    with tenant(other_organisation.pk):
        theirs = compose(make_due(), at=NOON)

    assert refusal(member.get(page(theirs))) == (404, "NOT_FOUND")
    assert refusal(member.patch(page(theirs), {"subject": "x"})) == (404, "NOT_FOUND")
    assert refusal(member.post(page(theirs, "skip/"))) == (404, "NOT_FOUND")
    items = [{"id": str(theirs.pk)}]
    answer = member.post(f"{DRAFTS}batch/", {"action": "reject", "items": items})
    assert answer.json()["results"][0]["code"] == "DRAFT_UNKNOWN"
