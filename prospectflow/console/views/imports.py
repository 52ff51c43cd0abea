"""The pages of one import: its columns, how far it is, what became of it, and its buttons."""

import logging
from collections.abc import Iterator
from itertools import batched, chain
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from iam.roles import may
from iam.services import record
from outreach.admin.imports import UPLOAD_COLOURS
from outreach.api.languages import language_of
from outreach.models import ImportUpload
from outreach.services import uploads
from outreach.services.progress import progress_of
from outreach.services.refusing_file import refused_rows_of
from prospectflow.console import import_columns, import_report
from prospectflow.console.import_forms import PROFILE_LABELS, ImportMoveForm, ProblemsForm
from prospectflow.console.import_moves import MOVES, offered, question_of
from prospectflow.console.views import SeeOther, page
from prospectflow.errors import DomainError
from prospectflow.exporting import BROKEN
from prospectflow.tenancy.context import tenant
from prospectflow.throttles import at_most

LINES_AT_ONCE = 100

logger = logging.getLogger(__name__)


@require_safe
def shown(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """What the file is, how far it has come, and what was found in it."""
    upload = _upload(upload_id)
    language = language_of(request)
    form = ProblemsForm(request.GET)
    form.full_clean()
    wanted = form.cleaned_data  # without what is no filter
    working, context = upload.status in uploads.WORKING, {}
    if upload.report and not working:
        context = import_report.numbers(upload, language)
        context["problems"] = import_report.found_problems(upload, wanted, language)
    return page(
        request,
        "import.html",
        f"Import of {upload.filename}",
        upload=upload,
        colour=UPLOAD_COLOURS.get(upload.status, ""),
        facts=import_report.file_facts(upload),
        working=working,
        progress=_progress(upload),
        moves=offered(upload, request.membership),
        may_map=may(request.membership, "change") and import_columns.mappable(upload),
        may_export=may(request.membership, "export"),
        wanted=wanted,
        kinds=import_report.KINDS,
        language=language,
        **context,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """What each column becomes; a POST settles that, and has the rows checked when asked to."""
    if request.method == "POST" and not may(request.membership, "change"):
        raise PermissionDenied
    upload = _upload(upload_id)
    if request.method != "POST":
        return _mapping(request, upload)
    chosen = import_columns.chosen_columns(upload, request.POST)
    try:
        _settle(upload, chosen, request.POST)
    except DomainError as refusal:
        return _mapping(request, upload, chosen, str(refusal))
    to = "import" if request.POST.get("action") == "validate" else "import_columns"
    return SeeOther(reverse(f"console:{to}", args=[upload_id]))


@require_safe
def progress(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """How far the stage is, for the page that shows it: it asks again each second."""
    upload = _upload(upload_id)
    return JsonResponse({"working": upload.status in uploads.WORKING} | _progress(upload))


@require_POST
def move(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """Do what the button says, or say why it cannot be; what goes far is asked about first."""
    form, here = ImportMoveForm(request.POST), SeeOther(reverse("console:import", args=[upload_id]))
    to = form.cleaned_data["to"] if form.is_valid() else ""
    if not may(request.membership, MOVES[to].capability if to else "change"):
        raise PermissionDenied
    upload = _upload(upload_id)
    if not to:
        return here
    wanted, question = MOVES[to], question_of(upload, to)
    if question and not form.cleaned_data["sure"]:
        return _asking(request, upload, to, question)
    try:
        if wanted.rate:
            at_most(wanted.rate, upload.organisation_id, now=timezone.now())
        wanted.do(upload, timezone.now(), request.user)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return here
    messages.success(request, wanted.done)
    if to == "discard":
        return SeeOther(reverse("console:outreach_importupload_changelist"))
    return here


@require_safe
def refused(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """The rows left out as a file to mend and import again, or why there is none."""
    if not may(request.membership, "export"):
        raise PermissionDenied
    upload = _upload(upload_id)
    lines = refused_rows_of(upload, language_of(request))
    try:
        first = next(lines)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("console:import", args=[upload_id]))
    text = f"{upload.filename}: refused rows"
    record("exported", at=timezone.now(), user=request.user, target=upload, text=text)
    content = _streamed(upload.organisation_id, chain([first], lines))
    named = f'attachment; filename="refused-{upload.pk}.csv"'
    headers = {"Content-Disposition": named}
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def _streamed(organisation_id: UUID, lines: Iterator[str]) -> Iterator[str]:
    """The lines, some at a time, in a scope of their own; the last says when they broke off."""
    try:
        with tenant(organisation_id):
            for some in batched(lines, LINES_AT_ONCE):
                yield "".join(some)
    except Exception:
        logger.exception("An export broke off")
        yield f"{BROKEN['code']},{BROKEN['detail']}\r\n"


def _upload(upload_id: UUID) -> ImportUpload:
    related = ("campaign", "uploaded_by", "contacted_allowed_by")
    return get_object_or_404(ImportUpload.objects.select_related(*related), pk=upload_id)


def _progress(upload: ImportUpload) -> dict[str, Any]:
    words = import_report.progress_words(progress_of(upload, now=timezone.now()))
    if upload.stop_requested:
        words["stage"] = "Stopping"
    return words


def _asking(request: HttpRequest, upload: ImportUpload, to: str, question: str) -> HttpResponse:
    title = f"{MOVES[to].label}?"
    return page(
        request, "import_sure.html", title, upload=upload, to=to, question=question, move=MOVES[to]
    )


def _settle(upload: ImportUpload, chosen: dict[str, str], posted: Any) -> None:
    """Keep what the form says of the columns; another profile reads them all anew."""
    at, action = timezone.now(), posted.get("action")
    if action == "profile":
        uploads.map_columns(upload, columns={}, profile=posted.get("profile") or None, at=at)
        return
    upload = uploads.map_columns(upload, columns=chosen, at=at)
    if action == "validate":
        at_most(MOVES["validate"].rate, upload.organisation_id, now=at)
        uploads.validate(upload, at=at)


def _mapping(
    request: HttpRequest,
    upload: ImportUpload,
    chosen: dict[str, str] | None = None,
    refusal: str = "",
) -> HttpResponse:
    language = language_of(request)
    found = import_columns.columns_of_file(upload, language, chosen)
    mappable = import_columns.mappable(upload)
    return page(
        request,
        "import_columns.html",
        f"Columns of {upload.filename}",
        upload=upload,
        columns=found,
        counted=import_columns.counted(found),
        refusals=[refusal] if refusal else upload.parse_errors if mappable else [],
        may_change=may(request.membership, "change") and mappable,
        profiles=PROFILE_LABELS.items(),
        profile=PROFILE_LABELS.get(upload.profile, upload.profile),
        facts=import_report.file_facts(upload),
        other_sheets=import_report.other_sheets(upload),
        language=language,
    )
