"""Where the clients are installed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.client import CLIENTS
from tests.clients.packages import Unavailable, installed


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path | Unavailable]:
    """The folder of every client, or why this machine cannot have it; one for the whole run, whichever worker comes
    first."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if base.name.startswith("popen-") else base) / "client-packages"

    def install(name: str) -> Path | Unavailable:
        try:
            return installed(name, root)
        except Unavailable as why:
            return why

    with ThreadPoolExecutor() as pool:
        return dict(zip(CLIENTS, pool.map(install, CLIENTS), strict=True))


@pytest.fixture(scope="session")
def clients(packages: Mapping[str, Path | Unavailable]) -> Mapping[str, Path]:
    """The clients that can be had; `test_installed` says which cannot, and why."""
    return {name: found for name, found in packages.items() if isinstance(found, Path)}
