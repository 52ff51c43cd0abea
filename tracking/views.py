"""The picture in a mail: always the same bytes, whoever asks and whatever the token."""

import logging

from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from prospectflow.tenancy.middleware import without_tenant
from tracking.services import record_open

logger = logging.getLogger(__name__)
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
        _count(token, request.headers.get("User-Agent", ""))
    return HttpResponse(GIF, content_type="image/gif", headers=HEADERS)


def _count(token: str, user_agent: str) -> None:
    """Without a database the count is lost and logged; the reader still gets the picture."""
    try:
        record_open(token, user_agent=user_agent, at=timezone.now())
    except DatabaseError:
        logger.exception("An opening could not be counted.")
