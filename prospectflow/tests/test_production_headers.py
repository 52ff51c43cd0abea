"""What a server's answers tell browsers, with the settings of production."""

import json

import pytest

from prospectflow.tests.test_environment import SERVER, load

ASK = """
import django, json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "prospectflow.settings"
django.setup()
from django.test import Client
headers = {"host": "prospectflow.example", **json.loads(os.environ.get("TOLD", "{}"))}
answer = Client().get(os.environ["ASKED"], secure=os.environ["BY"] == "https", headers=headers)
print(json.dumps([answer.status_code, dict(answer.headers)]))
"""


def asked(path, *, by="https", told=None, **variables):
    """Status and headers of a web process's answer to someone who came by http or https."""
    asking = {"ASKED": path, "BY": by, "TOLD": json.dumps(told or {})}
    ended = load(ASK, **SERVER, **asking, **variables)
    assert ended.returncode == 0, ended.stderr
    status, headers = json.loads(ended.stdout)
    return status, {name.lower(): value for name, value in headers.items()}


def test_browsers_are_told_to_be_careful():
    status, headers = asked("/u/sesame-open")

    assert status == 200
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "'unsafe" not in headers["content-security-policy"]


def test_plain_http_is_led_to_https():
    status, headers = asked("/login/", by="http")

    assert (status, headers["location"]) == (301, "https://prospectflow.example/login/")


@pytest.mark.parametrize(("trusted", "believed"), [("off", False), ("on", True)])
def test_a_proxys_word_counts_only_where_it_is_trusted(trusted, believed):
    told = {"X-Forwarded-Proto": "https"}

    _, headers = asked("/u/sesame-open", by="http", told=told, TRUST_PROXY_HEADERS=trusted)

    assert ("strict-transport-security" in headers) is believed


def test_a_host_that_is_not_ours_is_refused():
    assert asked("/login/", told={"host": "elsewhere.example"})[0] == 400
