"""docker-compose.yml, the Dockerfile and what they start: held without an engine to run them."""

import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from deploy.rehearsal.composition import Refused, resolved, services
from deploy.rehearsal.examined import is_all_well

ROOT = settings.BASE_DIR
COMPOSE_FILE = (ROOT / "docker-compose.yml").read_text()
PROMETHEUS = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
GRAFANA = "".join(
    path.read_text() for path in (ROOT / "deploy/grafana/provisioning/datasources").iterdir()
)
PROFILES = ("mail", "monitoring", "replica", "tools", "upgrade")
REQUIRED = sorted(set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE_FILE)))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BEYOND_COMPOSE = {"DATABASE_ROLE", "LOCAL_DIRECTORY", "PASSWORD_SIGN_IN"}  # a laptop's


@cache
def given():
    """What `deploy/make-secrets` prints, as the variables of an environment."""
    printed = subprocess.run(["deploy/make-secrets"], cwd=ROOT, capture_output=True, check=True)
    lines = printed.stdout.decode().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@cache
def everything():
    return resolved(given(), *PROFILES)["services"]


@cache
def environment(name):
    (found,) = [one for one in services({"services": everything()}) if one.name == name]
    return found.environment


@pytest.mark.parametrize("profile", [(), *[(each,) for each in PROFILES], PROFILES])
def test_compose_accepts_the_file_in_every_profile(profile):
    plain = set(resolved(given())["services"])

    assert plain <= set(resolved(given(), *profile)["services"])
    assert len(resolved(given(), *profile)["services"]) > len(plain) or not profile


@pytest.mark.parametrize("name", REQUIRED)
def test_a_secret_that_is_missing_is_named(name):
    rest = {key: value for key, value in given().items() if key != name}

    with pytest.raises(Refused, match=f"Set {name} in .env"):
        resolved(rest)


def test_no_password_or_key_has_a_default():
    secrets = set(re.findall(r"\$\{([A-Z_]*(?:PASSWORD|KEYS?|TOKEN))\b", COMPOSE_FILE))

    assert secrets > {"APP_PASSWORD", "SECRET_KEY", "TOKEN_KEYS"}
    assert secrets - set(REQUIRED) == set()
    assert re.findall(r"\$\{[A-Z_]*(?:PASSWORD|KEYS?|TOKEN):?-", COMPOSE_FILE) == []


def test_only_the_web_can_be_published_beyond_this_host():
    elsewhere = resolved(given() | {"WEB_PORT": "0.0.0.0:80"}, *PROFILES)["services"]
    open_to_all = {
        name
        for name, service in elsewhere.items()
        for port in service.get("ports", ())
        if port.get("host_ip") != "127.0.0.1"
    }

    assert open_to_all == {"web"}
    assert everything()["web"]["ports"][0]["host_ip"] == "127.0.0.1"


def test_every_image_that_is_not_built_here_is_pinned_to_a_release():
    built = {service["image"] for service in everything().values() if "build" in service}
    others = {service["image"] for service in everything().values()} - built
    bases = set(re.findall(r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    names = ("prospectflow", "prospectflow-backup", "prospectflow-pgbouncer")
    assert built == {f"{name}:{VERSION}" for name in names}
    assert bases
    assert others
    assert {each for each in others | bases if not re.search(r":v?\d+\.\d+", each)} == set()


def test_whatever_goes_on_running_has_a_health_check():
    lasting = {name for name, each in everything().items() if each.get("restart")}

    assert set(everything()) - lasting == {"bootstrap", "migrate", "organisation"}
    assert {name for name in lasting if "healthcheck" not in everything()[name]} == set()


def test_nobody_starts_before_what_it_needs_is_there():
    conditions = {
        (name, other): each["condition"]
        for name, service in everything().items()
        for other, each in service.get("depends_on", {}).items()
    }

    for (_, other), condition in conditions.items():
        lasts = everything()[other].get("restart")
        assert condition == ("service_healthy" if lasts else "service_completed_successfully")
    assert conditions["migrate", "bootstrap"] == "service_completed_successfully"
    for name in ("web", "sender", "worker", "backup", "organisation"):
        assert conditions[name, "migrate"] == "service_completed_successfully"
    assert conditions["web", "pgbouncer"] == "service_healthy"


def test_the_web_goes_through_the_pooler_and_workers_past_it():
    assert "@pgbouncer:6432/" in environment("web")["DATABASE_URL"]
    for name in ("web", "sender", "worker"):  # the web: for commands that are typed there
        assert "@postgres:5432/" in environment(name)["WORKER_DATABASE_URL"]
    for name in ("migrate", "backup"):
        assert "//prospectflow_owner:" in environment(name)["DATABASE_URL"]
        assert "@postgres:5432/" in environment(name)["DATABASE_URL"]


def test_pgbouncer_has_room_for_every_thread_of_two_versions_of_the_web():
    web, pooler = environment("web"), environment("pgbouncer")
    threads = int(web["GRANIAN_WORKERS"]) * int(web["GRANIAN_BLOCKING_THREADS"])

    assert 2 * threads < int(pooler["PGBOUNCER_MAX_CLIENT_CONN"])


def test_only_migrations_and_backups_know_the_owners_password():
    password = given()["OWNER_PASSWORD"]
    knowing = {name for name in everything() if password in str(environment(name))}

    assert knowing == {"bootstrap", "migrate", "backup"}


def test_the_web_tells_how_old_a_copy_is_and_cannot_reach_it():
    chosen = {"BACKUP_COPY_TO": "s3://backups/acme", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    told = resolved(given() | chosen, "upgrade")["services"]
    knowing = {
        value: {name for name, each in told.items() if value in str(each["environment"])}
        for value in chosen.values()
    }

    assert knowing == {"s3://backups/acme": {"web", "web-next", "backup"}, "hunter2": {"backup"}}


def test_the_release_before_is_started_again_by_its_number():
    again = resolved(given() | {"PROSPECTFLOW_VERSION": "0.0.9"})["services"]
    images = {again[name]["image"] for name in ("web", "sender", "worker", "backup")}

    assert images == {"prospectflow:0.0.9", "prospectflow-backup:0.0.9"}


def test_one_organisation_is_taken_out_and_in_by_the_serving_role_where_backups_are():
    (folder,) = [
        each for each in everything()["organisation"]["volumes"] if each["target"] == "/backups"
    ]

    assert "//prospectflow_app:" in environment("organisation")["DATABASE_URL"]
    assert environment("organisation")["BACKUP_DIRECTORY"] == "/backups"
    assert not folder.get("read_only")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("prospectflow_full_20261124_020000.json", 0),
        ("prospectflow_full_crm_20261124_020000.json", 1),
        ("prospectflow_data_20261124_020000.json", 1),
    ],
)
def test_only_a_backup_of_everything_makes_its_service_healthy(name, code, tmp_path):
    (tmp_path / name).touch()
    (backup,) = [one for one in services({"services": everything()}) if one.name == "backup"]
    check = backup.health[1].replace("/backups", str(tmp_path))

    assert subprocess.run(["sh", "-c", check]).returncode == code


def test_secrets_are_written_for_their_owner_alone_and_never_over_others(tmp_path):
    command = [ROOT / "deploy/make-secrets", ".env"]
    subprocess.run(command, cwd=tmp_path, check=True, umask=0o022)
    written = (tmp_path / ".env").read_text()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert set(REQUIRED) <= {line.partition("=")[0] for line in written.splitlines()}
    assert (again.returncode, (tmp_path / ".env").read_text()) == (2, written)
    assert ".env is there already" in again.stderr


@pytest.mark.parametrize(
    "name", ["web", "sender", "worker", "migrate", "backup", "pgbouncer", "organisation"]
)
def test_our_containers_can_write_nothing_of_their_own_and_gain_no_rights(name):
    service = everything()[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_stage_that_is_run_ends_as_a_user_without_rights():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    users = {
        stage.split("\n")[0].rpartition(" AS ")[2]: re.findall(r"^USER (\d+)", stage, re.MULTILINE)
        for stage in stages
    }
    run = {service["build"]["target"] for service in everything().values() if "build" in service}

    assert run == {"prospectflow", "pgbouncer", "backup"}
    assert {name for name in run if not users[name] or users[name][-1] == "0"} == set()


def test_hadolint_finds_nothing_in_the_dockerfile():
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)

    assert (found.stdout, found.returncode) == ("", 0)


def test_whatever_is_mounted_from_here_is_here():
    sources = {
        mount["source"]
        for service in everything().values()
        for mount in service.get("volumes", ())
        if mount["type"] == "bind"
    }

    assert str(ROOT / "deploy" / "prometheus") in sources
    assert {source for source in sources if not Path(source).exists()} == set()


def test_prometheus_and_grafana_ask_at_addresses_that_answer():
    asked = re.findall(r"names: \[([\w, ]+)\], type: A, port: (\d+)", PROMETHEUS)
    found = {name for names, port in asked for name in names.split(", ")}

    assert found == {"web", "sender", "worker"}
    for names, port in asked:
        assert all(port in everything()[name]["expose"] for name in names.split(", "))
    assert "http://prometheus:9090" in GRAFANA


def test_sessions_are_never_evicted():
    assert "--maxmemory-policy noeviction" in everything()["redis"]["command"][-1]


def test_every_setting_of_env_reaches_the_containers():
    text = (ROOT / "prospectflow" / "settings.py").read_text()
    read = set(re.findall(r"(?:env\.\w+|_secrets?)\(\s*\"([A-Z0-9_]+)\"", text))
    passed = set().union(
        *[everything()[name]["environment"] for name in ("web", "sender", "backup")]
    )

    assert len(read) > 40
    assert read - passed == BEYOND_COMPOSE - {"DATABASE_ROLE"}


def test_what_compose_gives_the_web_passes_the_checks_for_a_deployment():
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    here = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, cwd=ROOT, env=here | dict(environment("web")), capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    ), done.stderr


def test_the_rehearsal_is_not_content_while_no_worker_is_alive():
    assert is_all_well('{"status": "ok"}')
    assert not is_all_well('{"status": "degraded"}')
