"""The demo as its users start it: headless for a machine, on a terminal for a person, and with its world sabotaged."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esteio.sim.demo.scenarios import STORIES
from esteio.sim.demo.texts import Words

SOURCE = Path(__file__).resolve().parents[3] / "src"
PATIENCE_S = 240


def environment(place: Path, **more: str) -> dict[str, str]:
    """A user's, without what this process brought; temporary files go where the test can see them."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ESTEIO_", "LC_", "LANG"))}
    return {**kept, "PYTHONPATH": str(SOURCE), "TMPDIR": str(place), **more}


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "esteio", "demo", *args]


def played(place: Path, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("--headless", *args),
        check=False,
        env=environment(place, **more),
        cwd=place,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def blocks(text: str) -> dict[str, str]:
    """The summary's blocks by what they begin with: a story's code, or the accounts' title."""
    return {block[:3]: block for block in text.split("\n\n") if block}


def test_headless_plays_all_five_stories_and_exits_zero(tmp_path: Path) -> None:
    done = played(tmp_path, "--seed", "7", ESTEIO_LANGUAGE="en")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "", "in a pipe it is silent but for its summary"
    assert "\x1b" not in done.stdout
    told = blocks(done.stdout)
    for code in STORIES:
        assert told[code].splitlines()[0].endswith("— as it should be")
        assert {"Broken", "Seen", "Took", "Proof"} <= {line.strip().split(" ")[0] for line in told[code].splitlines()}
        assert "FAULT" not in told[code]
    healthy = re.search(r"First healthy session: ([\d.]+) s", done.stdout)
    assert healthy
    assert float(healthy[1]) < 60
    accounts = re.search(r"(\d+) messages accepted by the API, (\d+) delivered", done.stdout)
    assert accounts
    assert int(accounts[1]) == int(accounts[2]) >= 20
    assert "restart the process of evolution-001b" in re.sub(r"\s+", " ", told["001"]), "proposed by its name"
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_every_sabotaged_story_is_found_out_named_and_exits_non_zero(tmp_path: Path) -> None:
    """In each the world is broken for real: nobody scans, nobody restarts the process, a phone unlinks its device, the
    network stays away, a message is swallowed."""
    done = played(tmp_path, *(word for code in STORIES for word in ("--sabotage", code)), ESTEIO_LANGUAGE="pt-BR")
    assert done.returncode == 1, done.stdout + done.stderr
    told = blocks(done.stdout)
    expected = {
        "000": ("000-baileys", "000-evolution", "000-wapi"),
        "001": ("001-process",),
        "002": ("002-a, 002-b, 002-c",),
        "003": ("003-quiet",),
        "004": ("004-b … 004-g",),
    }
    for code, parts in expected.items():
        assert told[code].splitlines()[0].endswith("— FALHOU")
        faults = re.findall(r"FALHA\s+(.*?):", told[code])
        assert sorted(faults) == sorted(parts), told[code]
    assert re.search(r"NÃO está tudo certo. Falhou: 000, 001, 002, 003, 004", done.stdout)


def until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, f"{what} did not happen"
        select.select([], [], [], 0.05)


def get(url: str, key: str = "") -> bytes | None:
    try:
        asked = urllib.request.Request(url, headers={"apikey": key})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return None


def free_address() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


def test_stopped_before_its_end_it_proves_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    listen = free_address()
    running = subprocess.Popen(
        command("--headless", "--listen", listen),
        env=environment(tmp_path, ESTEIO_LANGUAGE="en"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: get(f"http://{listen}/livez") is not None, "the gateway's first answer")
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, err) == (1, "")
    assert "Interrupted" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [("--listen", "nonsense"), ("--language", "tlh"), ("--seed", "seven")])
def test_wrong_use_is_exit_code_two_and_one_sentence(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done = played(tmp_path, *wrong, ESTEIO_LANGUAGE="en")
    assert done.returncode == 2
    assert wrong[1] in done.stderr or wrong[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


class Terminal:
    """A process on a terminal of its own, as a person has one."""

    def __init__(self, args: list[str], env: dict[str, str]) -> None:
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(args, env=env, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT)
        os.close(theirs)
        self._ours, self.seen = ours, ""

    def read(self) -> bool:
        """Take what it has written; False when it is over."""
        if select.select([self._ours], [], [], 0.2)[0]:
            try:
                self.seen += os.read(self._ours, 65536).decode(errors="replace")
            except OSError:
                return False
        return True

    def until(self, word: str) -> None:
        def there() -> bool:
            self.read()
            return word in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", self.seen)

        until(there, word)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shown = Terminal(
        command("--listen", free_address()), environment(tmp_path, LANG="en_US.UTF-8", TERM="xterm", COLUMNS="100")
    )
    yield shown
    shown.close()


def test_before_a_person_it_plays_goes_on_serving_and_ends_at_ctrl_c(terminal: Terminal, tmp_path: Path) -> None:
    terminal.until("The script is over")
    terminal.until("esteio qr fresh")
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", terminal.seen)
    url = re.findall(r"export ESTEIO_URL=(\S+)", plain)[-1]
    key = re.findall(r"export ESTEIO_KEY=(\S+)", plain)[-1]

    def states_now() -> dict[str, str]:
        listed = json.loads(get(f"{url}/v1/sessions?limit=100", key) or b"{}")["items"]
        return {one["name"]: one["state"] for one in listed}

    until(lambda: terminal.read() and states_now()["fresh"] == "awaiting_qr", "a code for the fresh session")
    states = states_now()
    assert states.pop("000-refused") == "error"
    assert states.pop("fresh") == "awaiting_qr"
    assert set(states.values()) == {"connected"}
    assert "Just happened" in plain
    terminal.process.send_signal(signal.SIGINT)
    while terminal.process.poll() is None and terminal.read():
        pass
    assert terminal.process.wait(PATIENCE_S) == 0
    assert "Traceback" not in terminal.seen
    assert get(f"{url}/livez") is None
    assert list(tmp_path.iterdir()) == []


def test_words_count_and_measure_in_their_language() -> None:
    portuguese, english = Words("pt-BR"), Words("en")
    assert (portuguese.seconds(3.44), english.seconds(3.44), english.seconds(61.4)) == ("3,4 s", "3.4 s", "61 s")
    assert english("proof.delivered", count=1) != english("proof.delivered", count=2)
    assert (portuguese.state("connected"), english.state("connected")) == ("conectada", "connected")
