"""The console's own pages, by subject."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse


def page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """A page of the console, with its side bar and header."""
    site = admin.site.each_context(request)
    return TemplateResponse(request, f"console/{template}", {**site, "title": title, **context})


class SeeOther(HttpResponseRedirect):
    """After a POST: the page to look at next."""

    status_code = 303
