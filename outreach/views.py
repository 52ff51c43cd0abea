"""The one page that strangers reach: the way out."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from outreach.services.unsubscribing import unsubscribe
from prospectflow.tenancy.middleware import without_tenant


@without_tenant
@csrf_exempt  # mail programs post without cookies (RFC 8058)
@transaction.non_atomic_requests  # the token opens a scope of its own
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """A POST suppresses the recipient at once; a GET only shows the button (RFC 8058).

    An unknown token gets the same answers, so nobody learns which tokens exist.
    """
    if request.method == "POST":
        unsubscribe(token, at=timezone.now())
    done = request.method == "POST"
    return render(request, "outreach/opt_out.html", {"done": done})
