"""The web process. It refuses to start with a role that could slip past the policies."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """A request in UTF-8 whatever it claims: Django's own breaks on charsets such as `hex`."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            told = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            told = "", {"charset": "unreadable"}
        self.content_type, self.content_params = told


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prospectflow.settings")
application = get_wsgi_application()
application.request_class = Utf8Request

from prospectflow.tenancy.roles import refuse_powerful_role  # noqa: E402  (needs the settings)

refuse_powerful_role()
