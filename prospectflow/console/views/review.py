"""The review page: one draft at a time, by keyboard or mouse."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from crm.admin import origin
from iam.models import User
from iam.roles import may
from outreach.models import Draft
from outreach.services import approval, reviewing
from outreach.services.policy import may_send
from prospectflow.console.content_policy import shows_mails
from prospectflow.console.forms import ReviewForm
from prospectflow.console.previews import as_document
from prospectflow.console.views import SeeOther, page
from prospectflow.errors import DomainError

QUEUE_LENGTH = 1000


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The first draft that waits, or a page that says that none does."""
    waiting = queue()
    if not waiting:
        return page(request, "review_empty.html", "Review queue")
    return redirect("console:review_draft", waiting[0])


@shows_mails
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Show one draft; a POST approves, keeps, puts off or refuses it and goes to the next."""
    shown = get_object_or_404(
        Draft.objects.select_related(
            "task__workflow_step",
            "task__campaign",
            "task__enrollment__mailbox",
            "task__enrollment__position__person",
            "task__enrollment__position__company",
            "variant",
            "approved_by",
        ),
        pk=draft_id,
    )
    if request.method == "POST":
        return _decided(request, shown)
    return _shown(request, shown, ReviewForm(initial=_text(shown)))


def queue() -> list[UUID]:
    """The drafts that wait for a person, in the order of review; at most a thousand."""
    return list(Draft.objects.to_review().values_list("pk", flat=True)[:QUEUE_LENGTH])


def _shown(request: HttpRequest, draft: Draft, form: ReviewForm) -> HttpResponse:
    waiting = queue()
    place = waiting.index(draft.pk) if draft.pk in waiting else None
    mail, refusal = reviewing.preview(draft)
    return page(
        request,
        "review.html",
        "Review",
        draft=draft,
        form=form,
        mail=mail,
        refusal=refusal,
        drafted_for=draft.recipient if mail and mail.recipient != draft.recipient else "",
        document=as_document(mail.html) if mail else "",
        number=None if place is None else place + 1,
        total=len(waiting),
        next_draft=_after(draft.pk, waiting),
        facts=_facts(draft),
        reasons=may_send(draft.task, now=timezone.now()) if mail else [],
        can_approve=may(request.membership, "approve"),
    )


def _decided(request: HttpRequest, draft: Draft) -> HttpResponse:
    if not may(request.membership, "approve"):
        raise PermissionDenied
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _shown(request, draft, form)
    following = _after(draft.pk, queue())
    try:
        with transaction.atomic():
            done = _act(draft, form.cleaned_data, user=request.user, at=timezone.now())
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _shown(request, draft, form)
    messages.success(request, f"{done.capitalize()}: {draft.subject}")
    same = form.cleaned_data["action"] == "save"
    address = reverse("console:review_draft", args=[draft.pk if same else following or draft.pk])
    return SeeOther(address if same or following else reverse("console:review"))


def _act(draft: Draft, wanted: dict[str, Any], *, user: User, at: datetime) -> str:
    """Do what was asked and say what it was; approval stands for the text as it was typed."""
    action = wanted["action"]
    if action == "skip":
        approval.skip(draft, at=at, user=user)
        return "skipped"
    if action == "reject":
        approval.reject(draft, at=at, user=user)
        return "rejected"
    typed = reviewing.Typed(wanted["seen"], wanted["subject"], wanted["body_text"])
    if action == "save":
        reviewing.save(draft, typed, at=at, user=user)
        return "saved"
    reviewing.approve_as_typed(draft, typed, at=at, user=user)
    return "approved"


def _text(draft: Draft) -> dict[str, str]:
    return {"subject": draft.subject, "body_text": draft.body_text}


def _after(draft_id: UUID, waiting: list[UUID]) -> UUID | None:
    """The draft to look at after this one; the first again after the last."""
    others = [each for each in waiting if each != draft_id]
    place = waiting.index(draft_id) if draft_id in waiting else 0
    return others[place % len(others)] if others else None


def _facts(draft: Draft) -> list[tuple[str, str, str]]:
    """What is known of the recipient: name of the fact, the fact, its source and date."""
    position = draft.task.enrollment.position
    person, company = position.person, position.company
    rows = [
        ("Job title", position.job_title, position.source_of("job_title")),
        ("E-mail", position.email, position.source_of("email")),
        ("LinkedIn", person.linkedin_url, person.source_of("linkedin_url")),
        ("City", company.city, company.source_of("city")),
        ("Activity", company.activity or company.naf_sector, company.source_of("activity")),
        ("Employees", company.employee_range, company.source_of("employee_range")),
        ("Website", company.website_url, company.source_of("website_url")),
        ("List", position.list_name, None),
    ]
    return [(name, str(value), origin(fact)) for name, value, fact in rows if value]
