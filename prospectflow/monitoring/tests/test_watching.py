"""The files by which an operator watches: Prometheus reads them, and they name what there is."""

import json
import re
import subprocess

import pytest
import yaml
from django.conf import settings

from prospectflow.instruments import REGISTRY
from prospectflow.monitoring.tests.reading import Metrics

DEPLOY = settings.BASE_DIR / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
PLAYED = DEPLOY / "prometheus" / "alerts_test.yml"
SCRAPES = DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OF_A_REPLICA = {"prospectflow_replica_lag_seconds"}  # tenancy/tests/test_replica.py sees it
NAME = re.compile(r"\b([a-z][a-z_]+)(?=[{\[)]| ==)")  # before its labels, its range, or its end
FUNCTIONS = {"by", "time"}


def promtool(*arguments):
    """What it complains of; nothing where all is well."""
    ended = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def alerts():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def panels(dashboard):
    return json.loads(dashboard.read_text())["panels"]


def asked(dashboard):
    """The expressions of a dashboard, as Prometheus gets them."""
    exprs = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    return [each.replace("$__rate_interval", "5m").replace("$environment", "x") for each in exprs]


def metrics_in(expression):
    return {name for name in NAME.findall(expression) if "_" in name} - {"le", "campaign_id"}


@pytest.fixture
def offered(committed, settings):
    """The names of all samples there are: of what was counted, and of how things stand."""
    settings.BACKUP_COPY_TO = "s3://backups"
    counted = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    families = {family.name: family.type for family in REGISTRY.collect()}
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    named = {name + end for name, kind in families.items() for end in endings[kind]}
    return Metrics.now().names | counted | named | OF_A_REPLICA


def test_the_rules_are_rules_and_each_fires_beyond_its_limit_and_not_within():
    assert promtool("check", "rules", str(RULES)) == ""
    assert promtool("test", "rules", str(PLAYED)) == ""


@pytest.mark.parametrize("alert", alerts())
def test_each_alert_is_played_and_says_what_is_wrong_and_what_to_do(alert):
    rule = alerts()[alert]

    assert re.search(rf"\b{alert}\b", PLAYED.read_text())
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "action"}


def test_a_limit_that_is_moved_is_noticed(tmp_path):
    (tmp_path / "alerts.yml").write_text(RULES.read_text().replace("> 1800", "> 1801"))
    (tmp_path / "alerts_test.yml").write_text(PLAYED.read_text())

    assert "InboxesAreNotRead" in promtool("test", "rules", str(tmp_path / "alerts_test.yml"))


def test_alerts_ask_for_metrics_that_there_are(offered):
    wanted = {name for rule in alerts().values() for name in metrics_in(rule["expr"])}

    assert len(wanted) > 15
    assert wanted - offered == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_metrics_that_there_are(offered, dashboard, tmp_path):
    exprs = asked(dashboard)
    rules = [{"record": f"panel_{n}", "expr": expr} for n, expr in enumerate(exprs)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert promtool("check", "rules", str(file)) == ""
    assert {name for expr in exprs for name in metrics_in(expr)} - offered == set()
    assert all('environment="x"' in expr for expr in exprs)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_no_two_panels_of_a_dashboard_stand_on_one_another(dashboard):
    taken = [
        (x, y)
        for position in (panel["gridPos"] for panel in panels(dashboard))
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]

    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_prometheus_asks_the_services_of_compose_by_its_secret():
    assert promtool("check", "config", "--syntax-only", str(SCRAPES)) == ""
    compose = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())
    for job in yaml.safe_load(SCRAPES.read_text())["scrape_configs"]:
        [found] = job["dns_sd_configs"]
        secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
        assert secret in compose["services"]["prometheus"]["secrets"]
        for name in found["names"]:
            assert str(found["port"]) in compose["services"][name]["expose"]


def test_grafana_finds_its_source_and_its_dashboards():
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    [provider] = yaml.safe_load((provisioning / "dashboards/prospectflow.yml").read_text())[
        "providers"
    ]
    compose = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())
    mounted = {line.split(":")[1] for line in compose["services"]["grafana"]["volumes"]}
    used = {panel["datasource"]["uid"] for each in DASHBOARDS for panel in panels(each)}

    assert used == {source["uid"]}
    assert provider["options"]["path"] in mounted
