"""The operator console: Django's admin, behind the door of an organisation."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite

from iam.models import Organisation
from iam.signing_in.returning import safe_path
from outreach.services.switches import Switch, closed_everywhere, closed_switches
from prospectflow.console.content_policy import in_the_console, of_the_console
from prospectflow.console.entering import enter_only_place

OPEN_PAGES = frozenset(
    {"organisations", "enter", "accept", "visit", "leave", "logout", "jsi18n"}
    | {"sending_platform"}
    | {"password_change", "password_change_done"}
    | {"sessions", "session_end", "sessions_end_others", "sessions_end_everything"}
)


def fresh_pages(request: HttpRequest) -> str:
    """The address of the script that asks anew for pages a browser has kept."""
    return static("console/fresh.js")


class ConsoleSite(UnfoldAdminSite):
    """Every page but a few asks that an organisation be entered first."""

    index_title = "Dashboard"
    enable_nav_sidebar = True
    login_template = "console/sign_in.html"

    def __init__(self, name: str = "console") -> None:
        super().__init__(name)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Every page knows what keeps all mails from leaving, to say so above everything else."""
        theme = super().each_context(request)
        return {
            **theme,
            "colors": None,  # which would stand in a style without a nonce
            "theme_colors": theme["colors"],
            "closed_switches": _closed(request),
        }

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and request.user.is_active

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """The view for signed-in people who entered an organisation; others are led to do so."""
        guarded = super().admin_view(view, cacheable)

        def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            closed = request.resolver_match.url_name not in OPEN_PAGES
            if closed and self.has_permission(request) and request.membership is None:
                return redirect(_way_in(request))
            with timezone.override(_zone(request)):
                return of_the_console(_rendered(guarded(request, *args, **kwargs)))

        return update_wrapper(inside, guarded)

    @method_decorator(in_the_console)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The way to the provider, and passwords where allowed; a lone membership is entered."""
        context = {"provider": settings.AUTH.configured, "next": safe_path(request.GET.get("next"))}
        if not settings.PASSWORD_SIGN_IN:
            return self._login_by_provider(request, context)
        before = request.user.pk
        response = super().login(request, context | (extra_context or {}))
        if request.method == "POST" and request.user.pk not in {None, before}:
            enter_only_place(request, at=timezone.now())
        return response

    def _login_by_provider(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        if self.has_permission(request):
            return redirect("console:index")
        page = {**self.each_context(request), "title": "Sign in", **context}
        status = 200 if context["provider"] else 503
        return TemplateResponse(request, "console/sign_in_by_provider.html", page, status=status)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out here and at the provider."""
        from prospectflow.console.views.signing_in import Leave

        return Leave.as_view()(request)

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        from prospectflow.console import figures

        context = {
            **self.each_context(request),
            "title": self.index_title,
            **figures.dashboard(at=timezone.now()),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "console/dashboard.html", context)

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The theme's own search keeps its results in a cache all organisations share."""
        return HttpResponse()

    def extra_urls(self) -> list[Any]:
        from prospectflow.console.pages import PAGES

        return [path(route, self.admin_view(view), name=name) for route, view, name in PAGES]


def _closed(request: HttpRequest) -> list[Switch]:
    """For whoever is inside an organisation, and for the platform's operators outside."""
    if place := getattr(request, "membership", None):
        return closed_switches(place.organisation_id)
    return closed_everywhere() if request.user.is_staff else []


def _way_in(request: HttpRequest) -> str:
    """The chooser, which leads on to the page that was asked for."""
    going_on = safe_path(request.get_full_path()) if request.method == "GET" else ""
    query = {"next": going_on} if going_on not in {"", reverse("console:index")} else None
    return reverse("console:organisations", query=query)


def _zone(request: HttpRequest) -> ZoneInfo | None:
    """The entered organisation's time zone: hours are shown as its people live them."""
    if request.membership is None:
        return None
    organisation = Organisation.objects.only("time_zone").get(pk=request.membership.organisation_id)
    return ZoneInfo(organisation.time_zone)


def _rendered(response: HttpResponse) -> HttpResponse:
    """The answer, its template filled in while the time zone stands."""
    return response.render() if isinstance(response, TemplateResponse) else response
