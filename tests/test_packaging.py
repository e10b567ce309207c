"""What is handed to those who install: the samples name what exists, and the wheel is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from esteio.cli.listen import DRAIN_S
from esteio.config import ENVIRONMENT, Settings
from esteio.texts import LANGUAGES, translations
from tests.narrowing import not_none

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
COMPOSE = sorted(PACKAGING.glob("compose*.yaml"))
ENDS_WITHIN_S = Settings().drain.unready_s + DRAIN_S + Settings().drain.calls_s


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_compose_files_set_only_what_the_settings_know(file: Path) -> None:
    service = yaml.safe_load(file.read_text())["services"]["esteio"]
    assert set(service["environment"]) <= set(ENVIRONMENT)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "TLS stands in front"
    assert int(service["stop_grace_period"].removesuffix("s")) > ENDS_WITHIN_S
    assert service["volumes"] == ["esteio:/data"]


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
