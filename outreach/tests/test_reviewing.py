"""Approving what was seen: any other mail is refused."""

import pytest

from iam.models import AuditEvent
from outreach.models import Mailbox
from outreach.services import approval, reviewing
from outreach.services.drafting import compose
from outreach.services.reviewing import ChangedMeanwhile, Typed
from outreach.states import DraftStatus
from outreach.tests.making import draft_of, make_due
from prospectflow.testing.factories import NOON, make_user

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture
def task(inside):
    task = make_due()
    compose(task, at=NOON)
    return task


def seen(task) -> str:
    return reviewing.preview(draft_of(task))[0].hash


def test_the_mail_that_was_seen_is_the_mail_that_is_approved(task):
    user = make_user()
    mark = seen(task)

    reviewing.approve(draft_of(task), seen=mark, at=NOON, user=user)

    draft = draft_of(task)
    assert (draft.status, draft.approved_hash, draft.approved_by) == ("approved", mark, user)


def change_text(task):
    approval.edit(draft_of(task), subject="Autre", body_text="Bonjour.", at=NOON, user=None)


def change_address(task):
    position = task.enrollment.position
    position.email = "new@address.example"
    position.save()


def change_signature(task):
    Mailbox.objects.update(signature="Camille")


@pytest.mark.parametrize("change", [change_text, change_address, change_signature])
def test_whatever_changed_since_it_was_seen_forbids_approval(task, change):
    mark = seen(task)
    change(task)

    with pytest.raises(ChangedMeanwhile):
        reviewing.approve(draft_of(task), seen=mark, at=NOON, user=None)

    assert draft_of(task).status == DraftStatus.PENDING


def test_a_text_is_not_saved_over_a_mail_that_was_not_seen(task):
    mark = seen(task)
    change_text(task)

    with pytest.raises(ChangedMeanwhile):
        reviewing.save(draft_of(task), Typed(mark, "Mon", "Mien."), at=NOON, user=None)

    assert draft_of(task).subject == "Autre"


def test_a_mail_without_a_mailbox_is_explained_instead_of_shown(task):
    task.campaign.from_mailbox = None
    task.campaign.save()

    mail, sentence = reviewing.preview(draft_of(task))

    assert mail is None
    assert "mailbox" in sentence


def test_a_save_that_changes_nothing_leaves_no_entry(task):
    draft = draft_of(task)
    typed = Typed(seen(task), draft.subject, draft.body_text)

    reviewing.save(draft, typed, at=NOON, user=None)

    assert not AuditEvent.objects.filter(action="saved").exists()
