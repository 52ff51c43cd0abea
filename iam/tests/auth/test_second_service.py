"""The library serves a service that knows neither Django nor the rest of this project."""

import os
import re
import subprocess
import sys
from pathlib import Path

import iam.auth
from iam.tests.auth.publisher import CLIENT, NOON, access_claims, signed

ROOT = Path(iam.auth.__file__).parents[2]
OURS = ("crm", "iam", "outreach", "prospectflow", "tracking")
SERVICE = """
import sys
from datetime import datetime
from iam.auth import AuthConfiguration, Verifier

token, now = sys.argv[1:]
verifier = Verifier(AuthConfiguration.from_environment())
print(verifier.bearer(f"Bearer {token}", now=datetime.fromisoformat(now)).subject)
print(*sorted(sys.modules))
"""


def run(*arguments: str, **environment: str) -> list[str]:
    """Run a program that has the library on its path and no other setting."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run(
        [sys.executable, "-c", *arguments], env=bare, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_bare_process_checks_a_token(publisher):
    token = signed(access_claims(publisher.issuer, aud="our-api"), typ="at+jwt")
    settings = {
        "OIDC_ISSUER": publisher.issuer,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_API_AUDIENCE": "our-api",
    }

    subject, modules = run(SERVICE, token, NOON.isoformat(), **settings)

    assert subject == "anna-1"
    loaded = modules.split()
    assert {name for name in loaded if name.split(".")[0] == "iam"} >= {"iam", "iam.auth"}
    assert [name for name in loaded if is_foreign(name)] == []


def is_foreign(module: str) -> bool:
    root = module.split(".")[0]
    if root in OURS:
        return module != "iam" and not module.startswith("iam.auth")
    return root in ("django", "rest_framework", "environ", "mozilla_django_oidc")


def test_the_example_of_the_readme_works(publisher):
    readme = (Path(iam.auth.__file__).parent / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    ask = "\nprint(*who_calls({}))\nprint(*who_calls({'Authorization': 'Bearer x'}))"

    missing, invalid = run(example + ask)

    assert missing.startswith("401 AUTHENTICATION_REQUIRED: ")
    assert invalid.startswith("401 TOKEN_INVALID: ")
