"""What is handed to those who install: the samples name what exists, and the wheel is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from esteio import config
from esteio.api import ops
from esteio.cli.listen import DRAIN_S
from esteio.config import ENVIRONMENT, Settings
from esteio.core.model.policy import DEFAULT
from esteio.texts import LANGUAGES, translations
from tests.narrowing import not_none

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
COMPOSE = sorted(set(PACKAGING.glob("compose*.yaml")) - {PACKAGING / "compose.nodes.yaml"})
ENDS_WITHIN_S = Settings().drain.unready_s + DRAIN_S + Settings().drain.calls_s
PROBES = {route.path for route in ops.ROUTES if route.role is None}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def ends_within_s(environment: Mapping[str, str]) -> float:
    """How long a process with these variables takes to end at most; raises for one that is no setting."""
    drain = config.load(None, {name: value for name, value in environment.items() if "DRAIN" in name}).drain
    assert set(environment) <= set(ENVIRONMENT)
    return drain.unready_s + DRAIN_S + drain.calls_s


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_compose_files_set_only_what_the_settings_know(file: Path) -> None:
    service = yaml.safe_load(file.read_text())["services"]["esteio"]
    assert set(service["environment"]) <= set(ENVIRONMENT)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "TLS stands in front"
    assert int(service["stop_grace_period"].removesuffix("s")) > ENDS_WITHIN_S
    assert service["volumes"] == ["esteio:/data"]


def test_the_two_nodes_of_the_compose_file_share_what_they_must() -> None:
    services = yaml.safe_load((PACKAGING / "compose.nodes.yaml").read_text())["services"]
    nodes = [service for name, service in services.items() if name.startswith("esteio-")]
    assert len({node["hostname"] for node in nodes}) == len(nodes) == 2
    for node in nodes:
        environment = node["environment"]
        assert ends_within_s(environment) < int(node["stop_grace_period"].removesuffix("s"))
        assert environment["ESTEIO_DATABASE"].partition("@")[2] == "postgres:5432/esteio"
        assert {"ESTEIO_SECRET_KEY", "ESTEIO_ADMIN_KEY", "ESTEIO_PUBLIC_URL"} <= set(environment)
        assert "volumes" not in node, "a node keeps nothing"
        assert node["tmpfs"][0].startswith(image_settings()["ESTEIO_DATA"])
        assert node["expose"] == [str(port_of(image_settings()["ESTEIO_LISTEN"]))]
        assert "ports" not in node, "TLS stands in front"
    assert nodes[0]["environment"] == nodes[1]["environment"]
    for brought in ("psycopg-binary", "opentelemetry-sdk"):
        assert re.search(rf"^{brought}==", text("requirements.lock"), re.MULTILINE), brought
    assert services["postgres"]["environment"]["POSTGRES_DB"] == "esteio"


def test_the_load_balancer_asks_whether_a_node_is_ready_oftener_than_a_node_waits_for_it() -> None:
    caddy = text("packaging/Caddyfile.nodes")
    services = yaml.safe_load((PACKAGING / "compose.nodes.yaml").read_text())["services"]
    assert not_none(re.search(r"health_uri (\S+)", caddy))[1] in PROBES
    every, within = (int(not_none(re.search(rf"health_{one} (\d+)s", caddy))[1]) for one in ("interval", "timeout"))
    node = services["esteio-1"]
    assert every + within < float(node["environment"]["ESTEIO_DRAIN_UNREADY_S"])
    named = re.findall(r"\{\$NODE_\d:([\w-]+):(\d+)\}", caddy)
    assert {name for name, _ in named} == {name for name in services if name.startswith("esteio-")}
    assert {port for _, port in named} == set(node["expose"])
    assert "flush_interval -1" in caddy
    assert int(not_none(re.search(r"max_size (\d+)MB", caddy))[1]) >= 140


def kubernetes() -> dict[str, Any]:
    found = list(yaml.safe_load_all(text("packaging/kubernetes.yaml")))
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: one for one in found}


def test_the_manifests_set_only_what_the_settings_know_and_leave_time_to_end() -> None:
    manifests = kubernetes()
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    settings = manifests["ConfigMap"]["data"]
    secrets = set(re.findall(r"--from-literal=(\w+)=", text("packaging/kubernetes.yaml")))
    assert secrets == {"ESTEIO_DATABASE", "ESTEIO_SECRET_KEY", "ESTEIO_ADMIN_KEY"}
    assert secrets <= set(ENVIRONMENT)
    assert ends_within_s(settings) < pod["terminationGracePeriodSeconds"]
    assert float(settings["ESTEIO_DRAIN_CALLS_S"]) >= DEFAULT.send_timeout_s
    config.load(None, {**settings, "ESTEIO_DATABASE": "postgresql://u:p@h/d", "ESTEIO_ADMIN_KEY": "k" * 16})
    assert manifests["Deployment"]["spec"]["replicas"] == 2
    assert manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_the_manifests_probe_what_is_there() -> None:
    manifests = kubernetes()
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = manifests["ConfigMap"]["data"]
    assert ports == {
        "http": port_of(image_settings()["ESTEIO_LISTEN"]),
        "metrics": port_of(settings["ESTEIO_METRICS_LISTEN"]),
    }
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe["path"] for probe in probes.values()} <= PROBES
    assert {probe["port"] for probe in probes.values()} <= set(ports)
    assert probes["readinessProbe"]["path"] == "/readyz"
    ready = container["readinessProbe"]
    seen_s = (ready["periodSeconds"] + ready["timeoutSeconds"]) * ready["failureThreshold"]
    assert seen_s < float(settings["ESTEIO_DRAIN_UNREADY_S"])
    claims = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = {mount["mountPath"]: claims[mount["name"]] for mount in container["volumeMounts"]}
    assert mounted[image_settings()["ESTEIO_DATA"]]["emptyDir"] == {}, "a node keeps nothing"
    assert pod["securityContext"]["runAsUser"] == int(not_none(re.search(r"--uid (\d+)", text("Dockerfile")))[1])


def test_the_manifests_name_one_another() -> None:
    manifests = kubernetes()
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    rule = manifests["Ingress"]["spec"]["rules"][0]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == manifests["Service"]["metadata"]["name"]
    assert [backend["port"]["name"]] == [port["name"] for port in manifests["Service"]["spec"]["ports"]]
    assert manifests["ConfigMap"]["data"]["ESTEIO_PUBLIC_URL"] == f"https://{rule['host']}"


def image_settings() -> dict[str, str]:
    """What the image itself sets."""
    return dict(re.findall(r"(ESTEIO_\w+)=(\S+)", text("Dockerfile")))


def test_the_drop_in_for_several_machines_leaves_time_to_end() -> None:
    drop_in = text("packaging/esteio.service.d/nodes.conf")
    line = not_none(re.search(r"^Environment=(.+)$", drop_in, re.MULTILINE))[1]
    set_here = dict(re.findall(r"(ESTEIO_\w+)=(\S+)", line))
    assert ends_within_s(set_here) < int(not_none(re.search(r"TimeoutStopSec=(\d+)", drop_in))[1])
    assert set(re.findall(r"(ESTEIO_\w+)=", drop_in)) <= set(ENVIRONMENT)


def test_the_image_copies_what_is_there_and_drops_root() -> None:
    dockerfile, ignored = text("Dockerfile"), text(".dockerignore")
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored.splitlines()
    assert re.search(r"^USER esteio$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"(ESTEIO_\w+)=", dockerfile)) <= set(ENVIRONMENT)
    assert "/readyz" in dockerfile


def test_the_unit_waits_for_an_orderly_end() -> None:
    unit = text("packaging/esteio.service")
    assert int(not_none(re.search(r"TimeoutStopSec=(\d+)", unit))[1]) > ENDS_WITHIN_S
    assert "serve --data" in unit


def test_the_proxies_let_media_and_waits_through() -> None:
    nginx, caddy = text("packaging/nginx.conf"), text("packaging/Caddyfile")
    assert int(not_none(re.search(r"client_max_body_size (\d+)m", nginx))[1]) >= 140
    assert int(not_none(re.search(r"max_size (\d+)MB", caddy))[1]) >= 140
    assert int(not_none(re.search(r"proxy_read_timeout (\d+)s", nginx))[1]) > 60
    assert "proxy_buffering off" in nginx
    assert "flush_interval -1" in caddy


def test_the_wheel_holds_all_that_the_program_needs(tmp_path: Path) -> None:
    wheel = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(wheel, check=True, capture_output=True)
    (made,) = tmp_path.glob("esteio-*.whl")
    there = tmp_path / "there"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "-q", "--target", str(there), str(made)]
    subprocess.run(install, check=True, capture_output=True)
    environ = {**os.environ, "PYTHONPATH": str(there)}
    program = (
        "import esteio, esteio.store.sql.loader as sql; from esteio.texts import LANGUAGES, translations;"
        "print(esteio.__file__, len(sql.migrations('')), len(sql.SQL));"
        "print(*(translations(one).default for one in LANGUAGES), sep='\\n');"
        "from esteio.api.dashboard import page, static;"
        "print(*sorted(static.FILES), *page._TEMPLATES.list_templates())"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(there))
    *texts, pages = done.stdout.splitlines()[1:]
    assert texts == [repr(translations(language).default) for language in LANGUAGES]
    dashboard = ROOT / "src" / "esteio" / "api" / "dashboard"
    folders = [dashboard / "static", dashboard / "templates"]
    there_too = [sorted(str(one.relative_to(at)) for one in at.rglob("*") if one.is_file()) for at in folders]
    assert pages.split() == [*there_too[0], *there_too[1]]
    told = subprocess.run([there / "bin" / "esteio", "-h"], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "serve" in told.stdout
