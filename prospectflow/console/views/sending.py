"""All sending at once: stopped with a reason, or let go on; and mails in doubt decided on."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from iam.roles import may
from outreach.admin.doubts import SURE
from outreach.models import Task
from outreach.services import switches
from outreach.services.reconciling import Outcome, decide
from prospectflow.console.forms import DecisionForm, SendingForm
from prospectflow.console.views import SeeOther, page
from prospectflow.errors import DomainError

OF_THE_ORGANISATION = {
    "stop": (switches.stop_organisation, "All your sending is stopped, from the next mail on."),
    "resume": (switches.resume_organisation, "Your mails may leave again."),
}
OF_THE_PLATFORM = {
    "stop": (switches.stop_platform, "All sending of every organisation is stopped."),
    "resume": (switches.resume_platform, "Mails of every organisation may leave again."),
}


@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Whether mails may leave, with the button that stops or resumes them; a POST does it."""
    may_stop = may(request.membership, "manage_mailboxes")
    if request.method == "POST":
        if not may_stop:
            raise PermissionDenied
        _act(request, OF_THE_ORGANISATION)
        return SeeOther(reverse("console:sending"))
    closed = switches.closed_switches()
    return page(
        request,
        "sending.html",
        "All sending",
        closed=closed,
        stopped=any(switch.code == "organisation_stopped" for switch in closed),
        may_stop=may_stop,
    )


@require_POST
def platform(request: HttpRequest) -> HttpResponse:
    """Stop or resume everybody's sending, for the platform's operators."""
    if not request.user.is_staff:
        raise PermissionDenied
    _act(request, OF_THE_PLATFORM)
    return SeeOther(reverse("console:organisations"))


def _act(request: HttpRequest, services: dict) -> None:
    """Do what the form says, or say why it cannot be done."""
    form = SendingForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(switches.ReasonNeeded()))
        return
    act, done = services[form.cleaned_data["to"]]
    try:
        act(reason=form.cleaned_data["reason"], at=timezone.now(), user=request.user)
        messages.success(request, done)
    except DomainError as refusal:
        messages.error(request, str(refusal))


@require_POST
def decide_on_task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """End the doubt about a mail; sending it again is asked about first."""
    if not may(request.membership, "change"):
        raise PermissionDenied
    task = get_object_or_404(Task, pk=task_id)
    back = reverse("console:outreach_task_change", args=[task_id])
    form = DecisionForm(request.POST)
    if form.is_valid():
        outcome = Outcome(form.cleaned_data["outcome"])
        if outcome == Outcome.SEND_AGAIN and not form.cleaned_data["sure"]:
            return _asked(request, task, back)
        try:
            with transaction.atomic():
                decide(task, outcome, at=timezone.now(), user=request.user)
            messages.success(request, f"Decided: {outcome.label.lower()}.")
        except DomainError as refusal:
            messages.error(request, str(refusal))
    return SeeOther(back)


def _asked(request: HttpRequest, task: Task, back: str) -> HttpResponse:
    title = "Send it again?"
    return page(
        request,
        "task_sure.html",
        title,
        tasks=[task],
        question=SURE,
        back=back,
        outcome="send_again",
    )
