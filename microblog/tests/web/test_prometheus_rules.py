"""The alerts of deploy/prometheus.rules.yml: Prometheus takes them, and they fire in time."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from flask_outbox.outbox.models import Status
from microblog.web.readiness import DEGRADED
from tests.constants import Make
from tests.services import need
from tests.tables import table
from tests.test_documentation import exists
from tests.visitor import ON_SQLITE

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy" / "prometheus.rules.yml"
TESTS = Path(__file__).with_name("prometheus_rules.test.yml")

ALERT = re.compile(r"(?ms)^      - alert: (\w+)$(.*?)(?=^      - alert: |\Z)")


def alerts() -> dict[str, str]:
    """The text of each alert, by name."""
    return dict(ALERT.findall(RULES.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("check", RULES), ("test", TESTS)], ids=["check", "test"])
def test_prometheus_takes_the_rules_and_fires_when_it_should(arguments: tuple[str, Path]) -> None:
    promtool = shutil.which("promtool")
    need(promtool is not None, "promtool, of Debian's package prometheus")
    verb, file = arguments
    said = subprocess.run(
        [str(promtool), verb, "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "SUCCESS" in said.stdout


@pytest.mark.slow
def test_prometheus_takes_the_documented_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    need(promtool is not None, "promtool, of Debian's package prometheus")
    page = (ROOT / "docs" / "admin.md").read_text()
    (written,) = re.findall(r"(?ms)^```yaml\n(.*?)^```$", page)
    token, config = tmp_path / "microblog.token", tmp_path / "prometheus.yml"
    token.write_text("a token")
    shutil.copy(RULES, tmp_path / "microblog.rules.yml")
    config.write_text(written.replace("/etc/prometheus", str(tmp_path)))
    said = subprocess.run(
        [str(promtool), "check", "config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"{len(alerts())} rules found" in said.stdout


@ON_SQLITE
def test_every_metric_and_label_exists(make_app: Make) -> None:
    app: Flask = make_app(demo=True)
    text = app.test_client().get("/metrics").get_data(as_text=True)
    samples = {
        (sample.name, label, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for label, value in [("", ""), *sample.labels.items()]
    }
    used = re.findall(r"\b(microblog_\w+)(?:\{(\w+)=\"(\w+)\"\})?", RULES.read_text())
    assert len(used) >= len(alerts()) - 1
    assert {*used} <= samples
    assert {value for _, label, value in used if label == "part"} == {*DEGRADED}
    documented = re.findall(r"`(microblog_\w+)", (ROOT / "docs" / "admin.md").read_text())
    assert {name.removesuffix("_bucket") for name, _, _ in used} <= {*documented}
    assert {value for _, label, value in used if label == "status"} <= {*Status, "accepted"}


@pytest.mark.parametrize("name", alerts())
def test_every_alert_says_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert re.search(r"severity: (critical|warning)$", rule, re.MULTILINE)
    for part in ("summary", "description"):
        assert re.search(rf"^ +{part}: .+", rule, re.MULTILINE)
    (page,) = re.findall(r"^ +docs: (\S+)$", rule, re.MULTILINE)
    assert exists(ROOT / "README.md", page)
    assert f"alertname: {name}" in TESTS.read_text(), "each has a test"


def test_the_page_for_administrators_lists_every_alert() -> None:
    _, listed = table((ROOT / "docs" / "admin.md").read_text(), "Alert")
    severities = {name: re.findall(r"severity: (\w+)", rule)[0] for name, rule in alerts().items()}
    assert {row[0].strip("`"): row[2] for row in listed} == severities
