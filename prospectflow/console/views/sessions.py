"""Where the person is signed in, and the buttons that end it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from iam.services import sign_out_everywhere
from iam.sessions import end_session, end_sessions, sessions_of
from prospectflow.console.forms import SessionForm
from prospectflow.console.views import SeeOther, page
from prospectflow.tenancy.memberships import places_of

GONE = "That session is not there any more."


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """The person's sessions, this one marked."""
    now = timezone.now()
    names = {place.organisation_id: place.name for place in places_of(request.user.pk, at=now).open}
    rows: list[dict[str, Any]] = [
        {
            "session": session,
            "organisation": names.get(session.organisation_id, ""),
            "is_this_one": session.id == request.session.public_id,
        }
        for session in sessions_of(request.user.pk, now=now)
    ]
    return page(request, "sessions.html", "Your sessions", rows=rows)


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the session of the form."""
    form = SessionForm(request.POST)
    if form.is_valid() and end_session(request.user.pk, form.cleaned_data["session"]):
        messages.success(request, "The session has ended.")
    else:
        messages.error(request, GONE)
    return SeeOther(reverse("console:sessions"))


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End every session but this one."""
    ended = end_sessions(request.user.pk, keep=request.session.public_id)
    others = "1 other session has" if ended == 1 else f"{ended} other sessions have"
    messages.success(request, f"{others} ended.")
    return SeeOther(reverse("console:sessions"))


@require_POST
def end_everything(request: HttpRequest) -> HttpResponse:
    """Refuse every session and token from before this moment, this one's too."""
    sign_out_everywhere(request.user, at=timezone.now())
    logout(request)
    return SeeOther(reverse("console:login"))
