"""The page that takes a file of prospects in, by dropping or choosing it."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from crm.importing.errors import BeyondLimits, FileRefused, SheetMissing, UnknownProfile
from iam.roles import may
from outreach.models import ImportUpload
from outreach.sent_files import announces_too_much, on_disk, too_large
from outreach.services import uploads
from prospectflow.console.import_forms import UploadForm
from prospectflow.console.views import SeeOther, page
from prospectflow.throttles import MustWait, at_most

FIELDS = {SheetMissing: "sheet", UnknownProfile: "profile"}


@csrf_exempt  # a body's length is looked at before anybody reads it; whoever reads it protects
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a file; a POST keeps it and goes on to its columns."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    if announces_too_much(request.META.get("CONTENT_LENGTH")):
        return _sentence(request, too_large(), 413)
    return _new(request)


@csrf_protect
def _new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _asking(request, UploadForm())
    try:
        at_most("imports", request.membership.organisation_id, now=timezone.now())
    except MustWait as refusal:
        return _sentence(request, str(refusal), 429)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(request, form)
    try:
        upload = _received(request, form.cleaned_data)
    except BeyondLimits as refusal:
        return _sentence(request, str(refusal), 413)
    except FileRefused as refusal:
        form.add_error(FIELDS.get(type(refusal), "file"), str(refusal))
        return _refused(request, form)
    address = reverse("console:import_columns", args=[upload.pk])
    if _by_script(request):
        return JsonResponse({"address": address}, status=201)
    return SeeOther(address)


def _received(request: HttpRequest, given: dict[str, Any]) -> ImportUpload:
    """The upload; FileRefused where the file cannot be read."""
    with on_disk(given["file"]) as path:
        return uploads.receive(
            path,
            name=given["file"].name,
            sheet=given["sheet"] or None,
            profile=given["profile"] or None,
            campaign=given["campaign"],
            at=timezone.now(),
            user=request.user,
        )


def _refused(request: HttpRequest, form: UploadForm) -> HttpResponse:
    if _by_script(request):
        sentence = " ".join(error for errors in form.errors.values() for error in errors)
        return JsonResponse({"sentence": sentence}, status=400)
    return _asking(request, form)


def _sentence(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """The file is not looked at, and why."""
    if _by_script(request):
        return JsonResponse({"sentence": sentence}, status=status)
    return _asking(request, UploadForm(), refusal=sentence, status=status)


def _asking(
    request: HttpRequest, form: UploadForm, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    limit = settings.IMPORT_MAX_BYTES
    answer = page(
        request,
        "import_new.html",
        "Import a file",
        form=form,
        refusal=refusal,
        limit=limit,
        too_large=too_large(),
    )
    answer.status_code = status
    return answer


def _by_script(request: HttpRequest) -> bool:
    """Whether the page's script asks, which reads JSON and not pages."""
    return request.headers.get("Accept") == "application/json"
