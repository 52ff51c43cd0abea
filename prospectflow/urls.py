"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path, re_path

from outreach.views import opt_out
from prospectflow.api.docs import Docs, OpenApiJson, OpenApiYaml
from prospectflow.api.middleware import unknown
from tracking.views import pixel

urlpatterns = [
    path("u/<str:token>", opt_out, name="opt-out"),
    path("u/<str:token>/", opt_out),  # whoever adds a slash is not sent elsewhere
    path("t/<str:token>.gif", pixel, name="pixel"),
    path("api/v1/openapi.json", OpenApiJson.as_view(), name="openapi-json"),
    path("api/v1/openapi.yaml", OpenApiYaml.as_view(), name="openapi-yaml"),
    path("api/docs/", Docs.as_view(), name="api-docs"),
    path("api/v1/", include("prospectflow.api_urls")),
    re_path(r"^api/", unknown),
    path("oidc/", include("prospectflow.console.urls")),
    path("", admin.site.urls),  # the console; what has no sign-in stands above it
]
