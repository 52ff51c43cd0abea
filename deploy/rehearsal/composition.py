"""docker-compose.yml as Compose itself resolves it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
SECONDS = {"h": 3600, "m": 60, "s": 1}


class Refused(Exception):
    """Compose refuses docker-compose.yml, in its own words."""


@dataclass(frozen=True)
class Service:
    """One service, with the variables of its environment that are set."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: tuple[str, ...]
    needs: Mapping[str, str]  # other services, each with the condition it must have reached
    patience: float  # seconds that it has to end
    ports: tuple[int, ...]  # at which it serves the others
    folders: Mapping[str, str]  # inside the container: a volume's name, or a path outside of it
    is_built_here: bool
    restart: str
    profiles: tuple[str, ...]

    @property
    def ends_by_itself(self) -> bool:
        """Whether it does its work once, before others start."""
        return self.restart == "no"


def resolved(environment: Mapping[str, str], *profiles: str) -> dict[str, Any]:
    """The whole file with these variables filled in; Refused with Compose's reason."""
    chosen = [f"--profile={name}" for name in profiles]
    command = [compose(), "--file", str(COMPOSE_FILE), "--env-file", "/dev/null", *chosen]
    done = subprocess.run(
        [*command, "config", "--format", "json"],
        env=dict(environment),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return dict(json.loads(done.stdout))


def compose() -> str:
    """The Compose that the wheel brings, beside the Python that runs this."""
    return str(Path(sys.executable).with_name("docker-compose"))


def services(resolution: Mapping[str, Any]) -> Iterator[Service]:
    """Each service, after all that it needs."""
    found = {name: _service(name, told) for name, told in resolution["services"].items()}
    order = TopologicalSorter({name: one.needs.keys() for name, one in found.items()})
    return (found[name] for name in order.static_order())


def _service(name: str, told: Mapping[str, Any]) -> Service:
    environment = told.get("environment") or {}
    return Service(
        name=name,
        command=_unescaped(told.get("command") or told.get("entrypoint") or ()),
        environment={key: str(value) for key, value in environment.items() if value is not None},
        health=_unescaped(told.get("healthcheck", {}).get("test", ())),
        needs={other: each["condition"] for other, each in told.get("depends_on", {}).items()},
        ports=tuple(int(port) for port in told.get("expose", ())),
        patience=_seconds(told.get("stop_grace_period", "10s")),
        folders=_folders(name, told),
        is_built_here=told["image"].startswith("prospectflow"),
        restart=told.get("restart", "no"),
        profiles=tuple(told.get("profiles", ())),
    )


def _folders(name: str, told: Mapping[str, Any]) -> dict[str, str]:
    mounted = {each["target"]: each.get("source", "") for each in told.get("volumes", ())}
    in_memory = {each.partition(":")[0]: f"{name}-memory" for each in told.get("tmpfs", ())}
    return {inside: source for inside, source in (mounted | in_memory).items() if source}


def _seconds(duration: str) -> float:
    """Seconds of a duration as Compose writes it, such as 1m30s."""
    return sum(int(n) * SECONDS[unit] for n, unit in re.findall(r"(\d+)([hms])", duration))


def _unescaped(words: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Compose writes `$$` for a dollar that is not its own."""
    return tuple(word.replace("$$", "$") for word in words)
