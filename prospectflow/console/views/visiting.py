"""Visits: an operator of the platform inside an organisation, for a reason and for some hours."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from iam.models import Organisation
from iam.roles import OPERATOR
from iam.services import (
    MemberAlready,
    OrganisationUnknown,
    end_visits,
    organisation_by_slug,
    visit,
)
from prospectflow.console.entering import NotAMember, SignInAgain, enter, leave
from prospectflow.console.forms import VisitForm
from prospectflow.console.views import SeeOther
from prospectflow.console.views.organisations import chooser, wanted
from prospectflow.tenancy.memberships import Place, places_of
from prospectflow.tenancy.middleware import is_shut_to, without_tenant


@transaction.non_atomic_requests
@without_tenant  # the organisation to visit is another than the one that is entered
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Open the organisation of the form to the operator and enter it, or say why not."""
    if not request.user.is_staff:
        raise PermissionDenied
    form = VisitForm(request.POST)
    if form.is_valid():
        try:
            _begin(request, form.cleaned_data, at=timezone.now())
            return SeeOther(wanted(request) or reverse("console:index"))
        except (OrganisationUnknown, MemberAlready, NotAMember, SignInAgain) as refusal:
            form.add_error("slug", str(refusal))
    return chooser(request, form)


def _begin(request: HttpRequest, asked: dict[str, Any], *, at: datetime) -> None:
    organisation = organisation_by_slug(asked["slug"])
    _refuse_if_shut(request, organisation, at=at)  # before it stands in the trail
    length = timedelta(hours=asked["hours"])
    visit(request.user, organisation, reason=asked["reason"], length=length, at=at)
    enter(request, organisation.pk, at=at)


def _refuse_if_shut(request: HttpRequest, organisation: Organisation, *, at: datetime) -> None:
    """SignInAgain where the operator's access was ended, here as a member or everywhere."""
    place = places_of(request.user.pk, at=at).of(organisation.pk) or Place(
        organisation.pk,
        organisation.slug,
        organisation.name,
        OPERATOR,
        access_after=request.user.access_after,
    )
    if is_shut_to(request, place):
        raise SignInAgain


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the visit before its time, and step out."""
    at = timezone.now()
    end_visits(request.user, at=at)
    leave(request, at=at)
    return SeeOther(reverse("console:organisations"))
