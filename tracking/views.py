"""The picture in a mail: always the same bytes, whoever asks and whatever the token."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from prospectflow.tenancy.middleware import without_tenant
from tracking.services import record_open

GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
HEADERS = {
    "Cache-Control": "no-store, no-cache, must-revalidate, private, max-age=0",
    "Pragma": "no-cache",
    "Expires": "0",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Robots-Tag": "noindex",
}


@without_tenant
@transaction.non_atomic_requests  # the token opens a scope of its own
@require_safe
def pixel(request: HttpRequest, token: str) -> HttpResponse:
    """One transparent point. A GET counts an open where the person consented; a HEAD never does."""
    if request.method == "GET":
        agent = request.headers.get("User-Agent", "")
        record_open(token, user_agent=agent, at=timezone.now())
    return HttpResponse(GIF, content_type="image/gif", headers=HEADERS)
