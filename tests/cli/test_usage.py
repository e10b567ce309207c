"""Usage, exit codes and words, without a gateway."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from esteio.cli import texts
from esteio.cli.errors import Misused
from esteio.cli.main import HEAVY, VERBS, app
from esteio.cli.remote.client import Client, path
from tests.cli.cli_processes import environment, free_port
from tests.narrowing import not_none

NAMES = [name for name, *_ in VERBS]


def verb(*args: str, **more: Any) -> Result:
    return CliRunner().invoke(app, list(args), env=more)


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("nothing",),
        ("why",),
        ("send", "clinic", "5511912345678"),
        ("send", "clinic", "5511912345678", "text", "--wait", "61"),
        ("keys", "create", "bob"),
        ("keys", "create", "bob", "--role", "king"),
        ("sessions", "--nothing"),
        ("serve", "here"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(args: tuple[str, ...]) -> None:
    told = verb(*args, ESTEIO_KEY="a-key")
    assert told.exit_code == 2


@pytest.mark.parametrize("name", [*NAMES, "keys", *(name for name, *_ in HEAVY)])
def test_every_verb_has_its_help(name: str) -> None:
    told = verb(name, "--help")
    assert told.exit_code == 0
    assert "Usage" in told.stdout
    assert "--install-completion" not in told.stdout


@pytest.mark.parametrize("name", ["sessions", "why", "qr", "doctor", "send", "approve"])
def test_every_verb_that_reads_speaks_to_programs_too(name: str) -> None:
    assert "--json" in verb(name, "--help", COLUMNS="200").stdout


def test_without_a_key_it_is_wrong_usage_and_says_which_word_is_missing() -> None:
    told = verb("sessions", ESTEIO_KEY="")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "ESTEIO_KEY" in told.stderr


@pytest.mark.parametrize("url", ["ftp://host", "127.0.0.1:8700", "http://", "http://host:port", "http://host/?a=b"])
def test_an_address_that_is_none_is_wrong_usage(url: str) -> None:
    told = verb("sessions", ESTEIO_KEY="a-key", ESTEIO_URL=url)
    assert told.exit_code == 2
    assert url in told.stderr


def test_a_key_that_no_header_carries_is_wrong_usage() -> None:
    assert verb("sessions", ESTEIO_KEY="a\nkey").exit_code == 2
    assert verb("sessions", ESTEIO_KEY="chave-ó-日").exit_code == 2


def test_a_gateway_that_is_not_there_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    told = verb("sessions", ESTEIO_KEY="a-key", ESTEIO_URL=url, ESTEIO_LANGUAGE="pt-BR")
    assert (told.exit_code, told.stdout) == (1, "")
    assert len(told.stderr.splitlines()) == 1
    assert url in told.stderr
    assert "Nenhum gateway responde" in told.stderr


def test_the_doctor_of_no_gateway_fails() -> None:
    told = verb("doctor", ESTEIO_KEY="a-key", ESTEIO_URL=f"http://127.0.0.1:{free_port()}")
    assert told.exit_code == 1
    assert [line.split("\t")[:2] for line in told.stdout.splitlines()] == [["ok", "settings"], ["fail", "gateway"]]


def test_the_doctor_reads_the_settings_that_the_next_start_would_read(tmp_path: Path) -> None:
    file = tmp_path / "esteio.toml"
    file.write_text('lisen = "127.0.0.1:1"\n')
    more = {"ESTEIO_KEY": "a-key", "ESTEIO_URL": f"http://127.0.0.1:{free_port()}"}
    assert "did you mean 'listen'" in verb("doctor", "--config", str(file), **more).stdout


def test_a_name_never_becomes_another_address() -> None:
    assert path("sessions", "a/../../keys?x#y", "qr") == "/v1/sessions/a%2F..%2F..%2Fkeys%3Fx%23y/qr"


def test_the_client_keeps_no_key_in_its_repr() -> None:
    assert "secret" not in repr(Client("http://127.0.0.1:1", "secret", "en"))
    with pytest.raises(Misused):
        Client("nonsense", "", "en")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ({}, "pt-BR"),
        ({"LANG": "C.UTF-8"}, "pt-BR"),
        ({"LANG": "pt_BR.UTF-8"}, "pt-BR"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "pt_PT"}, "pt-BR"),
        ({"LANG": "pt_BR.UTF-8", "ESTEIO_LANGUAGE": "en"}, "en"),
    ],
)
def test_the_language_is_the_settings_or_the_locales(said: dict[str, str], language: str) -> None:
    assert texts.language(said) == language


HEAVY_ROOMS = (
    "starlette",
    "uvicorn",
    "aiohttp",
    "apsw",
    "apprise",
    "msgspec",
    "rich.table",
    "esteio.gateway",
    "esteio.sim",
)


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    asked = "import sys, esteio, esteio.cli.main; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], env=environment(), capture_output=True, text=True, check=True
    ).stdout.split()
    assert "esteio.cli.remote.why" in loaded
    assert not [name for name in loaded if name.startswith(HEAVY_ROOMS)]


def test_the_public_face_has_what_its_stub_says() -> None:
    import ast
    from pathlib import Path

    import esteio

    stub = ast.parse(Path(esteio.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    public: Any = esteio
    said = {
        not_none(alias.asname): not_none(node.module)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert said == public._HOMES
    assert set(dir(esteio)) == set(public.__all__) == set(said)
    for name, home in said.items():
        assert getattr(esteio, name) is getattr(sys.modules[home], name)
    with pytest.raises(AttributeError, match="nothing"):
        _ = public.nothing


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_all_that_is_said(name: str) -> None:
    """A word in brackets is taken for the name of a colour, and left out."""
    command = cast("Any", get_command(app)).commands[name]
    said = [str(getattr(param, "help", None) or "") for param in command.params]
    assert not [text for text in said if re.search(r"\[[a-z]", text)]


@pytest.mark.parametrize(
    ("typed", "offered"), [("esteio wh", ["why"]), ("esteio to", ["top"]), ("esteio top --o", ["--once"])]
)
def test_a_shell_completes_verbs_and_options(typed: str, offered: list[str]) -> None:
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_ESTEIO_COMPLETE": "complete_bash"}
    program = [sys.executable, "-c", "from esteio.cli import main; main()"]
    told = subprocess.run(program, env=environment(**asked), capture_output=True, text=True, check=False)
    assert told.stdout.split() == offered


def test_completion_is_installed_where_the_shell_finds_it(tmp_path: Path) -> None:
    shell = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    program = [sys.executable, "-c", "from esteio.cli import main; main()", "--install-completion", "bash"]
    told = subprocess.run(program, env=environment(**shell), capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "esteio.sh" in (tmp_path / ".bashrc").read_text()
