"""What came in, and each person's thread."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from crm.models import Position
from outreach.models import Message
from outreach.states import MessageKind
from prospectflow.console.content_policy import shows_mails
from prospectflow.console.forms import InboxForm
from prospectflow.console.previews import as_document
from prospectflow.console.views import page

PER_PAGE = 25
THREAD_LENGTH = 200


@require_safe
def messages_in(request: HttpRequest) -> HttpResponse:
    """The received messages, the newest first, of one verdict or of all."""
    form = InboxForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    verdict, number = wanted.get("verdict") or "", wanted.get("page") or 1
    received = Message.objects.inbox().select_related(
        "position__person", "position__company", "enrollment__campaign", "mailbox"
    )
    if verdict:
        received = received.filter(verdict=verdict)
    first = (number - 1) * PER_PAGE
    rows = list(received.defer("raw", "body_html")[first : first + PER_PAGE + 1])
    return page(
        request,
        "inbox.html",
        "Inbox",
        received=_dated(rows[:PER_PAGE]),
        verdicts=[("", "All"), *MessageKind.choices],
        verdict=verdict,
        previous_page=number - 1,
        next_page=number + 1 if len(rows) > PER_PAGE else 0,
    )


@shows_mails
@require_safe
def thread(request: HttpRequest, position_id: UUID) -> HttpResponse:
    """All mails exchanged with one position, in their order."""
    position = get_object_or_404(
        Position.objects.select_related("person", "company"), pk=position_id
    )
    found = position.messages.select_related("enrollment__campaign", "mailbox").defer("raw")
    rows = _dated(found.order_by("created_at", "id")[:THREAD_LENGTH])
    for message in rows:
        message.document = as_document(message.body_html) if message.body_html else ""
    rows.sort(key=lambda message: message.moment)
    return page(request, "thread.html", str(position), position=position, thread=rows)


def _dated(messages: object) -> list[Message]:
    rows = list(messages)
    for message in rows:
        message.moment = message.received_at or message.sent_at or message.created_at
    return rows
