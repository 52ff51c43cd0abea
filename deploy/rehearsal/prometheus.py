"""Prometheus by docker-compose.yml and its own files, and what it must have found in the end."""

import json
import shutil
import time
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from .machine import HERE, Machine
from .stage import GLANCE_SECONDS, PATIENCE_SECONDS, Failed, Stage

NAME = "prometheus"
INSIDE = "/etc/prometheus"
SCRAPES, RULES = "prometheus.yml", "alerts.yml"
LISTENS = "0.0.0.0:9090"
FIGURE = "prospectflow_workers"  # of the installation as a whole


def start(stage: Stage) -> None:
    """Have it look on from now on, by the files of deploy/prometheus with the addresses of here."""
    service = stage.services[NAME]
    folder = stage.machine.folder / "prometheus-files"
    shutil.copytree(service.folders[INSIDE], folder)
    _lead_here(folder, stage)
    stage.services[NAME] = replace(
        service,
        # The image's entrypoint, and where it listens when it is not told.
        command=("prometheus", *service.command, f"--web.listen-address={LISTENS}"),
        folders={**service.folders, INSIDE: str(folder)},
        # Its own is asked by a program of the image.
        health=("CMD", "promtool", "query", "instant", f"http://{LISTENS}", "vector(1)"),
    )
    stage.up([NAME])


def _lead_here(folder: Path, stage: Stage) -> None:
    """The names of services become addresses of here, and the secret a file beside."""
    token = folder / "metrics_token"
    token.write_text(stage.services["web"].environment["METRICS_TOKEN"])
    told = yaml.safe_load((folder / SCRAPES).read_text())
    for job in told["scrape_configs"]:
        job["authorization"]["credentials_file"] = str(token)
        job["static_configs"] = [_targets(each, stage.machine) for each in job["dns_sd_configs"]]
        del job["dns_sd_configs"]
    (folder / SCRAPES).write_text(yaml.safe_dump(told))


def _targets(asked: dict[str, Any], machine: Machine) -> dict[str, list[str]]:
    ports = [machine.ports[name, asked["port"]] for name in asked["names"]]
    return {"targets": [f"{HERE}:{port}" for port in ports]}


def is_content(stage: Stage) -> None:
    """Return once it reaches every target, all rules work and our figures are there, or Failed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while complaint := complaint_of(stage):
        if time.monotonic() > deadline:
            raise Failed(f"Prometheus: {complaint}\n{stage.log(stage.services[NAME])}")
        time.sleep(GLANCE_SECONDS)
    print(f"{'':10} Prometheus reaches everything, and its rules work", flush=True)  # noqa: T201


def complaint_of(stage: Stage) -> str:
    """What its own API does not tell as it must, or nothing."""
    return _targets_missed(stage) or _rules_missed(stage) or _figure_missed(stage)


def _targets_missed(stage: Stage) -> str:
    folder = Path(stage.services[NAME].folders[INSIDE])
    jobs = yaml.safe_load((folder / SCRAPES).read_text())["scrape_configs"]
    wanted = {at for job in jobs for each in job["static_configs"] for at in each["targets"]}
    found = {each["labels"]["instance"]: each for each in _asked(stage, "targets")["activeTargets"]}
    missed = [f"{at} is not asked" for at in sorted(wanted - set(found))]
    missed += [f"{at} is {each['health']}" for at, each in found.items() if each["health"] != "up"]
    return "; ".join(missed)


def _rules_missed(stage: Stage) -> str:
    folder = Path(stage.services[NAME].folders[INSIDE])
    wanted = {group["name"] for group in yaml.safe_load((folder / RULES).read_text())["groups"]}
    found = {group["name"]: group["rules"] for group in _asked(stage, "rules")["groups"]}
    missed = [f"the rules of {name} are not there" for name in sorted(wanted - set(found))]
    missed += [
        f"{rule['name']} is {rule['health']}"
        for rules in found.values()
        for rule in rules
        if rule["health"] != "ok"
    ]
    return "; ".join(missed)


def _figure_missed(stage: Stage) -> str:
    found = _asked(stage, f"query?{urllib.parse.urlencode({'query': FIGURE})}")["result"]
    return "" if found else f"it has no sample of {FIGURE}"


def _asked(stage: Stage, path: str) -> Any:
    url = f"http://{stage.machine.address(NAME)}/api/v1/{path}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            return json.load(answer)["data"]
    except OSError as error:
        log = stage.log(stage.services[NAME])
        raise Failed(f"Prometheus: {path}: {error}\n{log}") from error
