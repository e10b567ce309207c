"""The lock installs with the pip that Python ships, also when every dependency has a newer release."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def wheel(folder: Path, name: str, version: str, more: str = "Provides-Extra: toml\n") -> str:
    """A wheel of one empty module; its hash."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on loopback: `asks` wants an extra of `pinned`, of which a newer release is out."""
    for name in ("asks", "pinned"):
        (tmp_path / "simple" / name).mkdir(parents=True)
    hashes = (
        wheel(tmp_path / "simple" / "asks", "asks", "1.0", "Requires-Dist: pinned[toml]>=1.0\n"),
        wheel(tmp_path / "simple" / "pinned", "pinned", "1.0"),
    )
    wheel(tmp_path / "simple" / "pinned", "pinned", "2.0")
    for folder in (tmp_path / "simple").iterdir():
        links = "".join(f'<a href="{file.name}">{file.name}</a>' for file in folder.glob("*.whl"))
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    (tmp_path / "test.lock").write_text(
        "".join(
            f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in zip(("asks", "pinned"), hashes, strict=True)
        )
    )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


def command(venv: Path) -> list[str]:
    """How the Makefile installs a lock, with the environment's own Python."""
    shown = subprocess.run(
        ["make", "-s", "--no-print-directory", f"VENV={venv}", "--eval", "shown: ; @echo $(INSTALL_LOCK)", "shown"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()


def test_the_stock_pip_installs_a_lock_although_newer_releases_of_an_extra_are_out(tmp_path: Path, index: str) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    clean |= {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([*command(venv), "test.lock"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    freeze = subprocess.run(
        [venv / "bin" / "pip", "list", "--format=freeze"], env=clean, capture_output=True, text=True
    )
    assert {"asks==1.0", "pinned==1.0"} <= set(freeze.stdout.split())


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_environment_begins_with_the_installer_that_is_pinned(lock: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    stamp = {"requirements.lock": ".runtime", "requirements-dev.lock": ".dev"}[lock]
    rule = next(line for line in makefile.splitlines() if line.startswith(f"$(VENV)/{stamp}:"))
    assert "$(VENV)/.installer" in rule
    assert "--hash=sha256:" in (ROOT / "requirements-installer.lock").read_text()


def test_the_installed_packages_agree_with_each_other() -> None:
    """`--no-deps` trusts the lock to be complete; this is the proof."""
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
