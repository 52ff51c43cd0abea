"""A single mail that is kept from leaving."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from iam.roles import may
from outreach.models import Task
from outreach.services.cancelling import cancel_task
from prospectflow.console.forms import CancelForm
from prospectflow.console.views import SeeOther, page
from prospectflow.errors import DomainError


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Ask why this mail is not to be sent; a POST cancels it, or says that it is too late."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    rows = Task.objects.select_related("campaign", "workflow_step", "enrollment__position")
    task = get_object_or_404(rows, pk=task_id)
    form = CancelForm(request.POST or None)
    if not form.is_valid():
        return page(request, "task_cancel.html", "Do not send this mail", task=task, form=form)
    try:
        with transaction.atomic():
            cancel_task(task, **form.cleaned_data, at=timezone.now(), user=request.user)
        messages.success(request, "The mail is cancelled.")
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return SeeOther(reverse("console:outreach_task_change", args=[task_id]))
