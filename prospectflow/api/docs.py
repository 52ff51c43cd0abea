"""Where the API describes itself: as a document, and as a page."""

from functools import cache
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import (
    SpectacularJSONAPIView,
    SpectacularSwaggerSplitView,
    SpectacularYAMLAPIView,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response


@cache
def _document() -> dict[str, Any]:
    """Made once in each process: it depends on the code alone."""
    return SchemaGenerator().get_schema(request=None, public=True)


class OpenApiJson(SpectacularJSONAPIView):
    """The description, for anybody signed in."""

    works_outside = True

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_document())


class OpenApiYaml(SpectacularYAMLAPIView):
    """The description, for anybody signed in."""

    works_outside = True

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_document())


class Docs(SpectacularSwaggerSplitView):
    """The description as a page, for anybody signed in; others are led to sign in."""

    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    url_name = "openapi-json"
    template_name = "console/api_docs.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return super().get(request, *args, **kwargs)
