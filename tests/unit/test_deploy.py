"""What is in deploy/ and docs/operations.md fits the service: options, metrics and log lines exist."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from unit.test_exposition import beat, samples

from histsvc.cli.options import service_parser
from histsvc.settings import service_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
NEEDED = ["-b", "b:1", "-t", "c", "--state-topic", "s"]
# Log lines of what clients, tools and the embedded broker do, which no operator sees.
_ELSEWHERE = {"client", "cli", "files", "sources", "view"}


def options(arguments: list[str]) -> Any:
    return service_settings(service_parser("histsvc serve").parse_args([*NEEDED, *arguments]))


def unit() -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(DEPLOY / "histsvc.service")
    return read


def test_the_unit_starts_the_service_with_options_that_exist() -> None:
    service = unit()["Service"]
    command, verb, *arguments = shlex.split(service["ExecStart"])
    assert (Path(command).name, verb) == ("histsvc", "serve")
    made = options(arguments)
    assert (made.resume, made.metrics) == (True, ("127.0.0.1", 9464))
    assert int(service["TimeoutStopSec"]) > 5
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    text = (DEPLOY / "histsvc.service").read_text().replace("/opt/histsvc/.venv/bin/histsvc", "/bin/true")
    copy = tmp_path / "histsvc.service"
    copy.write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60
    )
    assert "histsvc.service" not in checked.stderr, checked.stderr


def kubernetes() -> dict[str, Any]:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text()))
    return {document["kind"]: document for document in documents}


def test_kubernetes_starts_one_service_with_options_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kubernetes()
    spec = found["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    known = {f"HISTSVC_{key.replace('-', '_').upper()}" for key in service_parser("x").keys}
    environment = found["ConfigMap"]["data"]
    assert environment.keys() <= known
    for name, value in environment.items():
        assert isinstance(value, str)
        monkeypatch.setenv(name, value)
    made = service_settings(service_parser("histsvc serve").parse_args(container["args"]))
    assert (made.kafka.brokers, made.resume, made.workers) == (("kafka:9092",), True, 2)
    assert made.metrics == ("0.0.0.0", container["ports"][0]["containerPort"])
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in ("/healthz", "/readyz")
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert pod["terminationGracePeriodSeconds"] > 5


def test_the_container_is_made_of_what_there_is() -> None:
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    copied = [rest.split()[:-1] for word, rest in lines if word == "COPY" and "--from" not in rest]
    for source in (name for names in copied for name in names):
        assert (ROOT / source).exists(), source
    installs = [rest for word, rest in lines if word == "RUN" and "pip install" in rest]
    assert installs
    assert all("-c constraints.txt" in rest for rest in installs)
    last = dict(lines)
    assert json.loads(last["ENTRYPOINT"]) == ["histsvc", "serve"]
    assert options(json.loads(last["CMD"])).metrics == ("127.0.0.1", 9464)
    assert last["USER"] != "root"


def documented() -> set[str]:
    return set(re.findall(r"`(histsvc_\w+)`", OPERATIONS))


def test_every_metric_is_documented_and_no_other() -> None:
    told = {name for name, _ in samples(beat())}
    assert documented() == told


def test_alerts_are_about_metrics_that_exist() -> None:
    (group,) = yaml.safe_load(ALERTS)["groups"]
    used = {name for rule in group["rules"] for name in re.findall(r"histsvc_\w+", rule["expr"])}
    assert used
    assert used <= documented()


def log_lines() -> list[str]:
    """What is said as a warning or worse, anywhere in the service."""
    found = []
    for path in (ROOT / "histsvc").rglob("*.py"):
        if path.relative_to(ROOT / "histsvc").parts[0] in _ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                said = node.args[0]
                if node.func.attr in ("warning", "error", "exception") and isinstance(said, ast.Constant):
                    found.append(str(said.value))
    return found


def test_every_warning_of_the_service_is_in_the_runbook() -> None:
    lines = log_lines()
    assert len(lines) > 15
    table = OPERATIONS.partition("## What can go wrong")[2].partition("\n## ")[0]
    known = [re.escape(part) for part in re.findall(r"`([^`]+)`", table)]
    # Lines that only pass on what another one says.
    general = {"%s", "brokers %s: %s", "%s (it was %s)"}
    missing = [line for line in lines if not any(re.search(part, line) for part in known)]
    assert set(missing) <= general
