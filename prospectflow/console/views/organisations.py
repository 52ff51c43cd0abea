"""The chooser: which organisation to enter."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from iam.services import NotInvited, accept
from iam.signing_in.returning import safe_path
from outreach.services.switches import is_platform_stopped
from prospectflow.console.entering import NotAMember, SignInAgain, enter, leave
from prospectflow.console.forms import EnterForm, VisitForm
from prospectflow.console.views import SeeOther, page
from prospectflow.tenancy.memberships import places_of
from prospectflow.tenancy.middleware import without_tenant
from prospectflow.throttles import MustWait, at_most


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The organisations the person may enter, and those they were invited to."""
    return chooser(request, VisitForm())


def chooser(request: HttpRequest, visit: VisitForm) -> HttpResponse:
    """The chooser's page; the form for a visit is there for the platform's operators alone."""
    places = places_of(request.user.pk, at=timezone.now())
    return page(
        request,
        "organisations.html",
        "Choose an organisation",
        places=[each for each in places.open if places.of(each.organisation_id) is each],
        invitations=places.offered,
        visit=visit if request.user.is_staff else None,
        platform_stopped=request.user.is_staff and is_platform_stopped(),
        wanted=wanted(request),
    )


def wanted(request: HttpRequest) -> str:
    """The page the person wanted when they had to choose; empty for none, or for another host."""
    return safe_path((request.POST or request.GET).get("next"))


def _back(request: HttpRequest) -> HttpResponse:
    """To the chooser, which goes on knowing what the person wanted."""
    going_on = {"next": wanted(request)} if wanted(request) else None
    return SeeOther(reverse("console:organisations", query=going_on))


@transaction.non_atomic_requests
@without_tenant  # the organisation to join is another than the one that is entered
@require_POST
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """Become a member of the organisation of the form, or say why not."""
    form = EnterForm(request.POST)
    try:
        if not form.is_valid():
            raise NotInvited
        at_most("writes", request.user.pk, now=timezone.now())
        accept(request.user, form.cleaned_data["organisation"], at=timezone.now())
    except (NotInvited, MustWait) as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@require_POST
def enter_organisation(request: HttpRequest) -> HttpResponse:
    """Enter the organisation of the form, or say why not."""
    form = EnterForm(request.POST)
    try:
        if not form.is_valid():
            raise NotAMember
        enter(request, form.cleaned_data["organisation"], at=timezone.now())
    except (NotAMember, SignInAgain) as refusal:
        messages.error(request, str(refusal))
        return _back(request)
    return SeeOther(wanted(request) or reverse("console:index"))


@require_POST
def leave_organisation(request: HttpRequest) -> HttpResponse:
    """Step out, to the chooser."""
    leave(request, at=timezone.now())
    return SeeOther(reverse("console:organisations"))
