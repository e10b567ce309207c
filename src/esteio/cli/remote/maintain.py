"""The verbs `apply`, `export` and `notify`. Never lives here: what differs from the file, what a journal holds."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Failed, Misused
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json, Name


def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A settings file, e.g. esteio.toml.", show_default=False)
    ],
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the gateway's servers and sessions in line with a file. What the file no longer names stays.

    In a pipe: tab-separated what, kind, name, detail.
    """
    declared = _declared(file)
    with output.progress("apply.begun", file=file):
        told = connect().post(path("apply"), {**declared, "plan": plan}, wait_s=120)
    if as_json:
        output.data(told)
        return
    rows: list[list[output.Span]] = [
        [("", one["what"]), ("", one["kind"]), ("head", one["name"]), ("dim", one["detail"])] for one in told["items"]
    ]
    if output.to_person() and not rows:
        output.line(("good", texts.say("apply.nothing")))
        return
    output.table([texts.say(f"head.{name}") for name in ("change", "kind", "name", "detail")], rows)


def _declared(file: Path) -> dict[str, Any]:
    """The two tables; the rest of the file belongs to the process that reads it at its start."""
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misused("settings", why=f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misused("settings", why=f"{file}: {error}") from error
    return {name: tree[name] for name in ("servers", "sessions") if name in tree}


def export(
    name: Name,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; default: stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --out: say as JSON what was written.")] = False,
) -> None:
    """Export a session's whole journal as lines of JSON, for `esteio replay`. It holds no message texts."""
    with output.progress("export.begun", name=name):
        lines = connect().ask("GET", path("sessions", name, "export"), wait_s=120).body
    if out is None:
        sys.stdout.buffer.write(lines)
        return
    try:
        out.write_bytes(lines)
    except OSError as error:
        raise Failed("backup.io", file=out, why=error.strerror or error) from error
    if as_json:
        output.data({"session": name, "file": str(out), "lines": lines.count(b"\n")})
    elif output.to_person():
        output.line(("good", texts.say("export.done", file=out)))


def notify(
    test: Annotated[bool, typer.Option("--test", help="Send a test notice to each target.")] = False,
    as_json: Json = False,
) -> None:
    """Send a test notice to each target of `notify.targets`. Exit code 1 when one did not accept it.

    In a pipe: tab-separated target and `delivered` or `failed`.
    """
    if not test:
        raise Misused("notify-how")
    with output.progress("notify.begun"):
        items = connect().post(path("notices", "test"), wait_s=60)["items"]
    if as_json:
        output.data({"items": items})
    elif not items:
        output.line(("warn", texts.say("notify-none")))
    else:
        output.table([texts.say("head.target"), texts.say("head.result")], [_row(one) for one in items])
    if not items or not all(one["delivered"] for one in items):
        raise typer.Exit(FAILED)


def _row(one: dict[str, Any]) -> list[output.Span]:
    result = "delivered" if one["delivered"] else "failed"
    style: output.Style = "good" if one["delivered"] else "bad"
    return [("head", one["target"]), (style, texts.say(f"notify.{result}") if output.to_person() else result)]
