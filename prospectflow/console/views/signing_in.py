"""Signing in and out through the provider, with pages that look like the console's."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from iam.auth import Refusal
from iam.models import User
from iam.signing_in import views
from iam.signing_in.returning import safe_path
from prospectflow.console.content_policy import in_the_console
from prospectflow.console.entering import enter_only_place


class _Page(views.Refusing):
    def refused(self, request: HttpRequest, refusal: Refusal) -> HttpResponse:
        """A page with the sentence, and a link to begin again."""
        context = {"refusal": refusal, "next": safe_path(request.GET.get("next"))}
        return _page(request, "sign_in_refused", "You are not signed in", refusal.status, context)


class Begin(_Page, views.Begin):
    """Lead the person to the provider."""


class Callback(_Page, views.Callback):
    """Let the person in; a lone membership is entered at once."""

    def signed_in(self, request: HttpRequest, user: User) -> HttpResponse:
        answer = super().signed_in(request, user)
        enter_only_place(request, at=timezone.now())
        return answer


class Leave(_Page, views.Leave):
    """End the session here, and then at the provider."""

    def signed_out(self, request: HttpRequest, *, address: str, only_here: bool) -> HttpResponse:
        context = {"address": address, "only_here": only_here}
        return _page(request, "signed_out", "You are signed out", 200, context)


@in_the_console
def _page(
    request: HttpRequest, template: str, title: str, status: int, context: dict[str, object]
) -> HttpResponse:
    site = admin.site.each_context(request)
    return render(
        request, f"console/{template}.html", {**site, "title": title, **context}, status=status
    )
