"""The cookie that production settings set."""

import os
import subprocess
import sys

from django.conf import settings

SET_ONE = """
import django
django.setup()
from django.http import HttpResponse
from django.test import RequestFactory
from iam.sessions.middleware import GuardedSessionMiddleware

def signs_in(request):
    request.session["something"] = "kept"
    return HttpResponse()

answer = GuardedSessionMiddleware(signs_in)(RequestFactory().get("/", secure=True))
print(answer.cookies.output(header=""))
"""


def production() -> dict[str, str]:
    """The environment of a server, with a store that answers."""
    lines = (settings.BASE_DIR / "deploy" / "production-check.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    own = {"REDIS_URL": settings.REDIS_URL, "DJANGO_SETTINGS_MODULE": "prospectflow.settings"}
    return dict(os.environ) | given | own


def test_in_production_the_cookie_is_for_this_host_and_https_alone(django_db_setup):
    printed = subprocess.run(
        [sys.executable, "-c", SET_ONE],
        cwd=settings.BASE_DIR,
        env=production(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    name, _, rest = printed.strip().partition("=")
    attributes = {part.strip() for part in rest.split(";")[1:]}
    assert name == "__Host-session"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=86400"} <= attributes
    assert not any(attribute.startswith("Domain") for attribute in attributes)
