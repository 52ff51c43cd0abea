"""The button that has all addresses checked."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from iam.roles import may
from outreach.services.verifying import ask_for_check
from prospectflow.console.views import SeeOther


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Have a worker ask the domains of all addresses, or go on with what it has begun."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    ask_for_check(at=timezone.now(), user=request.user)
    messages.success(request, "The domains of all addresses are being asked.")
    return SeeOther(reverse("console:outreach_addresscheck_changelist"))
