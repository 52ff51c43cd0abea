"""What people, programs and probes ask of a running installation, and what they must be told."""

import json
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from iam.auth import AuthConfiguration
from prospectflow.operations.embedded.signing import sign_access_token

from . import examined
from .stage import Failed, Stage

COMPANY = "Rehearsal of the deployment"


def ask(stage: Stage, token_key: Path) -> None:
    """Ask everything; Failed at the first answer that is not as it must be."""
    _get(stage, "/health/live")
    _expect("everything is well", holds=examined.is_all_well(_get(stage, "/health/ready")))
    examined.metrics_are_for_their_reader(stage)
    _say("it tells its figures to who bears the token")
    _expect("people find the way to sign in", holds="Sign in" in _get(stage, "/login/"))
    _ask_the_api(stage, token_key)
    _expect("the web went through PgBouncer", holds=_transactions_of_the_pool(stage) > 0)


def _ask_the_api(stage: Stage, token_key: Path) -> None:
    program = f"rehearsal-{uuid4()}"
    named = ["Rehearsal", "--client-id", program, "--organisation", "acme", "--role", "member"]
    stage.run("web", ["python", "manage.py", "register_service_account", *named])
    token = _token(program, stage.services["web"].environment, token_key)
    headers = {"Authorization": f"Bearer {token}"}
    companies = "/api/v1/companies/"
    made = json.loads(_get(stage, companies, headers, {"name": COMPANY}))
    found = json.loads(_get(stage, f"{companies}{made['id']}/", headers))
    _expect("the API keeps what a program brings", holds=found["name"] == COMPANY)


def _token(program: str, environment: Mapping[str, str], token_key: Path) -> str:
    """The provider's access token for the program (RFC 9068, section 2.2), good for a minute."""
    auth = AuthConfiguration.from_environment(environment)
    now = int(time.time())
    claims = {
        "iss": auth.issuer,
        "aud": auth.api_audience,
        "sub": program,
        "client_id": program,
        "scope": f"{auth.read_scope} {auth.write_scope}",
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid4()),
    }
    return sign_access_token(claims, token_key)


def _get(
    stage: Stage,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
) -> str:
    """The page at this path, asked for as by a proxy with TLS that stands in front."""
    told = {
        "Host": stage.services["web"].environment["ALLOWED_HOSTS"],
        "X-Forwarded-Proto": "https",
    }
    told |= {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(  # noqa: S310
        f"http://{stage.machine.address('web')}{path}",
        data=json.dumps(body).encode() if body else None,
        headers=told | dict(headers or {}),
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return str(answer.read().decode())
    except OSError as error:
        told_why = error.read().decode()[:500] if hasattr(error, "read") else ""
        raise Failed(f"{path}: {error} {told_why}") from error


def _transactions_of_the_pool(stage: Stage) -> int:
    """How many transactions PgBouncer has passed on to the database."""
    password = stage.services["pgbouncer"].environment["APP_PASSWORD"]
    url = f"postgres://prospectflow_app:{password}@{stage.machine.address('pgbouncer')}/pgbouncer"
    with psycopg.Connection.connect(url, autocommit=True, row_factory=dict_row) as pooler:
        rows = pooler.cursor().execute("SHOW STATS", prepare=False).fetchall()
    return sum(int(row["total_xact_count"]) for row in rows if row["database"] == "prospectflow")


def _expect(what: str, *, holds: bool) -> None:
    if not holds:
        raise Failed(f"Not true: {what}.")
    _say(what)


def _say(what: str) -> None:
    print(f"{'':10} {what}", flush=True)  # noqa: T201
