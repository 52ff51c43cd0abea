"""What is done to one mailbox: its servers tried, its domain checked, its key made anew."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from iam.roles import may
from outreach.models import Mailbox
from outreach.services.checking import trials
from outreach.services.domain_checks import NAMES, check_domain
from outreach.services.mailbox_secrets import renew_dkim_key
from prospectflow.console.views import SeeOther, page

LATER = "<!-- what is found -->"
COLOURS = {"ok": "success", "warn": "warning", "fail": "danger", "unknown": ""}

type Line = tuple[str, str, str]  # what was looked at, its state, a sentence


@require_POST
def check(request: HttpRequest, mailbox_id: UUID) -> StreamingHttpResponse:
    """Sign in at both servers, and show what comes of each as soon as it is known."""
    mailbox = _managed(request, mailbox_id)
    return _streamed(request, mailbox, "Trying the servers", partial(_servers, mailbox))


@require_POST
def check_the_domain(request: HttpRequest, mailbox_id: UUID) -> StreamingHttpResponse:
    """Ask the DNS about the mailbox's domain, and show what it says."""
    mailbox = _managed(request, mailbox_id)
    return _streamed(request, mailbox, "Checking the domain", partial(_domain, mailbox))


@require_POST
def renew_dkim(request: HttpRequest, mailbox_id: UUID) -> HttpResponse:
    """Make another DKIM key; the mailbox's page shows the record to publish."""
    record = renew_dkim_key(_managed(request, mailbox_id), at=timezone.now())
    messages.success(request, f"The key is made: publish the TXT record at {record.name}.")
    return SeeOther(_page_of(mailbox_id))


def _managed(request: HttpRequest, mailbox_id: UUID) -> Mailbox:
    if not may(request.membership, "manage_mailboxes"):
        raise PermissionDenied
    return get_object_or_404(Mailbox, pk=mailbox_id)


def _page_of(mailbox_id: UUID) -> str:
    return reverse("console:outreach_mailbox_change", args=[mailbox_id])


def _streamed(
    request: HttpRequest, mailbox: Mailbox, title: str, found: Callable[[], Iterable[Line]]
) -> StreamingHttpResponse:
    """The page at once, its lines as they are found: by then the organisation's scope is closed."""
    back = _page_of(mailbox.pk)
    whole = page(request, "mailbox_trial.html", title, mailbox=mailbox, back=back, later=LATER)
    before, after = whole.render().text.split(LATER)

    def pieces() -> Iterator[str]:
        yield before
        for name, state, sentence in found():
            yield format_html(
                '<div><dt>{}</dt><dd><span class="pf-badge pf-{}">{}</span> {}</dd></div>',
                *(name, COLOURS[state], state, sentence),
            )
        yield after

    return StreamingHttpResponse(pieces())


def _servers(mailbox: Mailbox) -> Iterator[Line]:
    for tried in trials(mailbox):
        read = f"It signs in, and is read in {', '.join(tried.folders)}."
        well = read if tried.folders else "It signs in."
        state = "fail" if tried.refusal else "ok"
        yield tried.server.upper(), state, tried.sentence or well


def _domain(mailbox: Mailbox) -> Iterator[Line]:
    report = check_domain(mailbox.organisation_id, mailbox.pk, now=timezone.now())
    for kind, finding in report.items():
        yield NAMES[kind], finding["state"], finding["sentence"]
