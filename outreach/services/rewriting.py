"""Drafts that are written again because what they were written from has changed."""

import json
from collections.abc import Collection
from itertools import batched
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from outreach.models import Draft, Message
from outreach.services.drafting import Text, text_of, threads_of
from outreach.states import DraftStatus, MessageStatus
from prospectflow.errors import DomainError

AT_ONCE = 500
WRITTEN_FROM = (
    "variant",
    "task__campaign",
    "task__workflow_step",
    "task__enrollment__mailbox",
    "task__enrollment__position__person",
    "task__enrollment__position__company",
)
REWRITE = """
UPDATE drafts AS d SET subject = t.subject, body_text = t.body_text, problems = t.problems
FROM unnest(%(ids)s::uuid[], %(subjects)s::text[], %(bodies)s::text[], %(problems)s::jsonb[])
    AS t (id, subject, body_text, problems)
WHERE d.organisation_id = iam.current_organisation_id() AND d.id = t.id
"""


def send_to_review(drafts: QuerySet[Draft]) -> int:
    """Nobody stands for these any more; mails that only ever were refused are withdrawn."""
    approved = list(drafts.filter(status=DraftStatus.APPROVED).values_list("pk", flat=True))
    for some in batched(approved, AT_ONCE):
        refused = Message.objects.outbound().filter(draft__in=some, status=MessageStatus.QUEUED)
        refused.delete()
        Draft.objects.filter(pk__in=some).update(
            status=DraftStatus.PENDING,
            approved_hash=None,
            approved_at=None,
            approved_by=None,
            approved_rule="",
        )
    return len(approved)


def write_anew(drafts: QuerySet[Draft]) -> int:
    """Write those of the drafts anew that wait for a person and that nobody wrote on.

    One that can no longer be written is taken away: the worker that tries again says why.
    Returns how many were written.
    """
    waiting = drafts.filter(status=DraftStatus.PENDING, edits=[]).values_list("pk", flat=True)
    return sum(_rewritten(some) for some in batched(list(waiting), AT_ONCE))


def _rewritten(ids: Collection[UUID]) -> int:
    drafts = list(Draft.objects.filter(pk__in=ids).select_related(*WRITTEN_FROM))
    threads = threads_of(draft.task for draft in drafts)
    texts: dict[UUID, Text] = {}
    for draft in drafts:
        try:
            texts[draft.pk] = text_of(
                draft.task, draft.variant, thread=lambda task: threads.get(task.enrollment_id, "")
            )
        except DomainError:
            draft.delete()
    _keep(texts)
    return len(texts)


def _keep(texts: dict[UUID, Text]) -> None:
    told: dict[str, Any] = {
        "ids": list(texts),
        "subjects": [text.subject for text in texts.values()],
        "bodies": [text.body_text for text in texts.values()],
        "problems": [json.dumps(text.problems) for text in texts.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(REWRITE, told)
