"""The review page: what is approved is what was read, and nothing else moves."""

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import Position
from iam.models import AuditEvent, Role
from outreach.models import Draft
from outreach.services import approval
from prospectflow.console.tests.cast import make_reviewable_draft, signed_in
from prospectflow.tenancy.context import tenant
from prospectflow.testing.factories import NOON, make_company


@pytest.fixture
def owner(organisation) -> Client:
    return signed_in(organisation)


@pytest.fixture
def drafts(organisation) -> list[Draft]:
    with tenant(organisation.pk):
        return [make_reviewable_draft() for _ in range(3)]


def page_of(draft: Draft) -> str:
    return reverse("console:review_draft", args=[draft.pk])


def decide(client: Client, draft: Draft, action: str, **changed):
    """Post the form as the page shows it, with what the person changed."""
    shown = client.get(page_of(draft))
    form = {
        "seen": shown.context["mail"].hash if shown.context["mail"] else "",
        "subject": draft.subject,
        "body_text": draft.body_text,
    }
    return client.post(page_of(draft), form | changed | {"action": action})


def fresh(draft: Draft, organisation) -> Draft:
    with tenant(organisation.pk):
        return Draft.objects.select_related("approved_by").get(pk=draft.pk)


def trail(draft: Draft, organisation) -> list[AuditEvent]:
    """What the organisation's trail tells of the draft, the oldest first."""
    with tenant(organisation.pk):
        entries = AuditEvent.objects.filter(object_id=str(draft.pk)).order_by("id")
        return list(entries.select_related("user"))


def move_to(email: str, draft: Draft, organisation) -> None:
    """Give the draft's person another address."""
    with tenant(organisation.pk):
        Position.objects.filter(enrollments__tasks__drafts=draft).update(email=email)


def test_the_queue_begins_with_the_first_draft_and_says_how_many_there_are(owner, drafts):
    answer = owner.get(reverse("console:review"), follow=True)

    assert answer.context["draft"] == drafts[0]
    assert "1 of 3" in answer.text


def test_an_empty_queue_says_so(owner):
    assert "Nothing waits" in owner.get(reverse("console:review")).text


def test_approving_binds_the_person_to_the_mail_that_was_shown(owner, organisation, drafts):
    shown = owner.get(page_of(drafts[0])).context["mail"]

    answer = decide(owner, drafts[0], "approve")

    assert (answer.status_code, answer["Location"]) == (303, page_of(drafts[1]))
    draft = fresh(drafts[0], organisation)
    assert draft.status == "approved"
    assert draft.approved_hash == shown.hash
    assert draft.approved_by is not None
    (entry,) = trail(draft, organisation)
    assert (entry.action, entry.user) == ("changed", draft.approved_by)
    assert entry.changes["status"] == ["pending", "approved"]


def test_approving_an_edited_text_stands_for_the_edited_text(owner, organisation, drafts):
    decide(owner, drafts[0], "approve", subject="Votre vitrine, en film")

    draft = fresh(drafts[0], organisation)
    assert (draft.status, draft.subject) == ("approved", "Votre vitrine, en film")
    assert draft.edits[0]["before"]["subject"] == drafts[0].subject


def test_saving_keeps_the_text_and_stays_on_the_draft(owner, organisation, drafts):
    answer = decide(owner, drafts[1], "save", subject="Un autre objet")

    assert answer["Location"] == page_of(drafts[1])
    draft = fresh(drafts[1], organisation)
    assert (draft.status, draft.subject) == ("pending", "Un autre objet")
    assert [entry.action for entry in trail(draft, organisation)] == ["saved"]


def test_saving_an_approved_draft_takes_the_approval_away(owner, organisation, drafts):
    decide(owner, drafts[0], "approve")

    decide(owner, drafts[0], "save", subject="Un autre objet")

    assert fresh(drafts[0], organisation).status == "pending"


def test_skipping_puts_the_draft_at_the_end(owner, organisation, drafts):
    answer = decide(owner, drafts[0], "skip")

    assert answer["Location"] == page_of(drafts[1])
    assert fresh(drafts[0], organisation).skip_count == 1
    assert [entry.action for entry in trail(drafts[0], organisation)] == ["skipped"]
    assert "3 of 3" in owner.get(page_of(drafts[0])).text


def test_a_refused_draft_leaves_the_queue(owner, organisation, drafts):
    decide(owner, drafts[0], "reject")

    assert fresh(drafts[0], organisation).status == "skipped"
    (entry,) = trail(drafts[0], organisation)
    assert entry.changes == {"status": ["pending", "skipped"]}
    assert "1 of 2" in owner.get(page_of(drafts[1])).text


def test_after_the_last_draft_comes_the_empty_page(owner, drafts):
    for draft in drafts:
        answer = decide(owner, draft, "approve")

    assert answer["Location"] == reverse("console:review")


def test_a_mail_that_changed_meanwhile_is_not_approved(owner, organisation, drafts):
    seen = owner.get(page_of(drafts[0])).context["mail"].hash
    with tenant(organisation.pk):
        approval.edit(drafts[0], subject="Autre", body_text="Bonjour.", at=NOON, user=None)

    answer = decide(owner, drafts[0], "approve", seen=seen)

    assert "read it again" in answer.text
    draft = fresh(drafts[0], organisation)
    assert (draft.status, draft.subject) == ("pending", "Autre")


def test_the_present_address_is_shown_before_approval(owner, organisation, drafts):
    move_to("ada@elsewhere.example", drafts[0], organisation)

    shown = owner.get(page_of(drafts[0]))
    decide(owner, drafts[0], "approve")

    assert shown.context["mail"].recipient == "ada@elsewhere.example"
    assert f"Drafted for {drafts[0].recipient}" in shown.text
    draft = fresh(drafts[0], organisation)
    assert (draft.status, draft.recipient) == ("approved", "ada@elsewhere.example")
    assert draft.approved_hash == shown.context["mail"].hash


def test_an_address_that_changed_since_it_was_shown_is_not_approved(owner, organisation, drafts):
    seen = owner.get(page_of(drafts[0])).context["mail"].hash
    move_to("ada@elsewhere.example", drafts[0], organisation)

    answer = decide(owner, drafts[0], "approve", seen=seen)

    assert "read it again" in answer.text
    assert fresh(drafts[0], organisation).status == "pending"


def test_an_approved_mail_is_shown_as_it_was_approved(owner, organisation, drafts):
    decide(owner, drafts[0], "approve")
    move_to("ada@elsewhere.example", drafts[0], organisation)

    shown = owner.get(page_of(drafts[0])).context["mail"]

    assert shown.hash == fresh(drafts[0], organisation).approved_hash


def test_a_text_with_errors_is_refused_with_the_gates_sentence_and_kept_as_it_was(
    owner, organisation, drafts
):
    answer = decide(owner, drafts[0], "approve", body_text="Bonjour {{ first_name }},")

    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors()
    draft = fresh(drafts[0], organisation)
    assert (draft.status, draft.body_text) == ("pending", drafts[0].body_text)


def test_a_viewer_reads_and_decides_nothing(organisation, drafts):
    viewer = signed_in(organisation, role=Role.VIEWER)

    assert "does not approve" in viewer.get(page_of(drafts[0])).text
    for action in ("approve", "save", "skip", "reject"):
        assert decide(viewer, drafts[0], action).status_code == 403
    assert fresh(drafts[0], organisation).status == "pending"


def test_another_organisations_draft_is_not_found(organisation, other_organisation, owner):
    with tenant(other_organisation.pk):
        theirs = make_reviewable_draft()

    assert owner.get(page_of(theirs)).status_code == 404
    assert owner.post(page_of(theirs), {"action": "approve"}).status_code == 404
    assert fresh(theirs, other_organisation).status == "pending"


def test_a_mail_is_shown_only_in_a_frame_that_runs_and_fetches_nothing(owner, organisation):
    with tenant(organisation.pk):
        draft = make_reviewable_draft(
            subject="<script>alert(2)</script>",
            body_text="<script>alert(3)</script><img src=https://tracker.example/x.gif>",
            company=make_company(name="<script>alert(1)</script>"),
        )

    text = owner.get(page_of(draft)).text

    assert "<script>alert" not in text
    assert 'sandbox=""' in text
    assert "default-src &#x27;none&#x27;" in text
    assert "<img" not in text


def test_the_facts_name_their_source_and_date(owner, organisation):
    with tenant(organisation.pk):
        fact = {"city": {"source": "pharow", "at": "2026-10-02T08:00:00+00:00"}}
        draft = make_reviewable_draft(company=make_company(city="Marseille", provenance=fact))

    text = owner.get(page_of(draft)).text

    assert "Marseille" in text
    assert "pharow, 2026-10-02" in text
