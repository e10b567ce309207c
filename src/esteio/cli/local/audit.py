"""The verbs `audit list`, `audit export` and `audit verify`. A gateway that runs is asked; with `--data` or
`--database` the database itself is read, as an auditor would who trusts no gateway.

Never lives here: what is recorded, how the chain is checked (`core.audit`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed
from esteio.cli.local.audit_rows import verified
from esteio.cli.local.settings_file import ConfigFile
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(no_args_is_help=True)
TAMPERED = 3
PAGE = 500
About = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only about this session, server or other thing.", show_default=False)
]
Who = Annotated[
    str | None, typer.Option(metavar="KEY", help="Only by this key, by its id or name.", show_default=False)
]
Action = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Only this action, or those that begin so, e.g. webhook.", show_default=False),
]


@app.command("list")
def listed(
    action: Action = None,
    who: Who = None,
    about: About = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many rows, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List who did what, newest first. In a pipe: tab-separated seq, at, action, who, from, about, change."""
    found = connect().get(path("audit"), action=action, who=who, about=about, limit=limit)
    if as_json:
        output.data(found)
        return
    heads = [texts.say(f"head.{name}") for name in ("number", "at", "action", "who", "from", "about", "change")]
    output.table(heads, [[("", cell) for cell in _cells(row)] for row in found["items"]])


def _cells(row: dict[str, Any]) -> list[str]:
    actor = row["actor"]
    about = "/".join(str(row[name]) for name in ("server", "session", "target") if row[name])
    was, now = row["before"], row["after"]
    change = ", ".join(
        f"{name}: {_word(was[name])} → {_word(now.get(name))}" if name in was else f"{name}: {_word(now[name])}"
        for name in dict.fromkeys((*was, *now))
    )
    who, at = actor["name"] or actor["id"] or actor["kind"], row["at"]
    at = output.moment(at) if output.to_person() else at
    cells = (str(row["seq"]), at, row["action"], who, actor["address"] or "-", about or "-", change or "-")
    return [output.clean(cell) for cell in cells]


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@app.command("export")
def export(
    *,
    action: Action = None,
    who: Who = None,
    about: About = None,
    after: Annotated[int, typer.Option(metavar="SEQ", min=0, help="Only rows after this one.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; default: stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --out: say as JSON what was written.")] = False,
) -> None:
    """Export the audit log as lines of JSON, oldest first."""
    items = connect().items(path("audit"), action=action, who=who, about=about, order="oldest", limit=PAGE, after=after)
    count = 0
    try:
        with sys.stdout if out is None else out.open("x", encoding="utf-8") as file:
            for row in items:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise Failed("backup.io", file=out or "stdout", why=error.strerror or error) from error
    if out is not None and as_json:
        output.data({"file": str(out), "lines": count})
    elif out is not None and output.to_person():
        output.line(("good", texts.count("audit.exported", count)))


@app.command("verify")
def verify(
    head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head that was noted before: was anything cut off since?"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Read the database in this data folder, instead of asking a gateway."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Read this PostgreSQL; the key is the data folder's, or ESTEIO_SECRET_KEY."),
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Check that no row of the audit log was changed, removed, inserted, exchanged, or cut off at the end.

    Exit code 0 when it is as it was written, 3 when it is not, 1 when it could not be read. The head that is printed is
    worth keeping elsewhere: given with `--head` later, it shows a cut end even where the database was put back whole.
    """
    with output.progress("audit.begun"):
        if data is None and database is None:
            told = connect().get(path("audit", "verify"), head=head)
        else:
            told = verified(config, head, data=data, database=database)
    if as_json:
        output.data(told)
    else:
        _tell(told)
    if not told["whole"]:
        raise typer.Exit(TAMPERED)


def _tell(told: dict[str, Any]) -> None:
    for one in told["findings"]:
        rows = str(one["first"]) if one["first"] == one["last"] else f"{one['first']}-{one['last']}"
        if not output.to_person():
            place = "" if one["place"] is None else str(one["place"])
            output.table((), [[("", one["kind"]), ("", rows), ("", place)]])
            continue
        output.line(("bad", texts.say(f"audit.{one['kind']}", rows=rows, place=one["place"])))
    if told["more"] and output.to_person():
        output.line(("bad", texts.count("audit.more", told["more"])))
    if output.to_person():
        style: output.Style = "good" if told["whole"] else "bad"
        key = "audit.whole" if told["whole"] else "audit.not-whole"
        output.line((style, texts.say(key, rows=told["rows"], first=told["first"])))
        output.line(("", texts.say("audit.head", head=told["head"])))
    else:
        print(told["head"])
