"""What the doctor, the health checks and the metrics of a running installation must say."""

import json
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from .stage import GLANCE_SECONDS, PATIENCE_SECONDS, Failed, Stage

OF_THIS_MACHINE = {"disk"}  # how full its disks are is no matter of the installation
SERVICES = {"web": "web", "sender": "worker", "worker": "worker"}  # as their figures call them


def by_the_doctor(stage: Stage, service: str, command: Sequence[str]) -> None:
    """Have it answer as a program reads it; Failed when the installation needs attention."""
    told = json.loads(stage.run(service, [*command, "--format", "json"], answers=(0, 1)))
    complaints = [
        f"{subject}, {each['name']}: {each['told']} ({each['advice']})"
        for subject, findings in told["subjects"].items()
        for each in findings
        if not each["ok"] and subject not in OF_THIS_MACHINE
    ]
    if complaints:
        raise Failed(f"{shlex.join(command)}: " + "; ".join(complaints))


def is_all_well(ready: str) -> bool:
    """Whether /health/ready says so of everything; it also answers 200 when no worker is alive."""
    return bool(json.loads(ready)["status"] == "ok")


def metrics_are_for_their_reader(stage: Stage) -> None:
    """The web and each worker tell their figures to the token's bearer, and to nobody else."""
    for name, its_service in SERVICES.items():
        bearer = f"Bearer {stage.services[name].environment['METRICS_TOKEN']}"
        code, figures = _metrics(stage, name, {"Authorization": bearer})
        if code != HTTPStatus.OK or f'service="{its_service}"' not in figures:
            raise Failed(f"{name}: /metrics answers the token's bearer {code}: {figures[:500]}")
        code, figures = _metrics(stage, name, {})
        if code != HTTPStatus.FORBIDDEN or "# HELP" in figures:
            raise Failed(f"{name}: /metrics answers anybody {code}: {figures[:500]}")


def _metrics(stage: Stage, name: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status, and what is said, as Prometheus asks beside the service.

    The workers of one machine share its address, so the health of one may be told of another
    that is still starting: it is waited for.
    """
    url = f"http://{stage.machine.address(name)}/metrics"
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            if time.monotonic() > deadline:
                raise Failed(
                    f"{name}: /metrics: {error}\n{stage.log(stage.services[name])}"
                ) from error
            time.sleep(GLANCE_SECONDS)
