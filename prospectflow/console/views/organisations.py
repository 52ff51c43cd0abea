"""The chooser: which organisation to enter."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from prospectflow.console.entering import NotAMember, enter, leave
from prospectflow.console.forms import EnterForm
from prospectflow.console.views import SeeOther, page
from prospectflow.tenancy.memberships import memberships_of


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The organisations the person may enter."""
    return page(
        request,
        "organisations.html",
        "Choose an organisation",
        places=memberships_of(request.user.pk),
    )


@require_POST
def enter_organisation(request: HttpRequest) -> HttpResponse:
    """Enter the organisation of the form, or say why not."""
    form = EnterForm(request.POST)
    try:
        if not form.is_valid():
            raise NotAMember
        enter(request, form.cleaned_data["organisation"], at=timezone.now())
    except NotAMember as refusal:
        messages.error(request, str(refusal))
        return SeeOther(reverse("console:organisations"))
    return SeeOther(reverse("console:index"))


@require_POST
def leave_organisation(request: HttpRequest) -> HttpResponse:
    """Step out, to the chooser."""
    leave(request, at=timezone.now())
    return SeeOther(reverse("console:organisations"))
