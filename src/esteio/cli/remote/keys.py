"""The verbs `keys create`, `keys list` and `keys revoke`. Never lives here: what a role may do."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from esteio.cli import output, texts
from esteio.cli.remote.client import connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.", show_default=False)],
    role: Annotated[
        Literal["admin", "operate", "send", "read"], typer.Option(help="What it may do.", show_default=False)
    ],
    *,
    session: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only these sessions; may be repeated.", show_default=False)
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose key it is among several customers.", show_default=False)
    ] = None,
    expires_at: Annotated[str | None, typer.Option(metavar="TIME", help="When it expires (RFC 3339).")] = None,
    as_json: Json = False,
) -> None:
    """Create a key. It is shown once. In a pipe: the key alone."""
    body: dict[str, object] = {"name": name, "role": role}
    if session:
        body["sessions"] = session
    if tenant:
        body["tenant"] = tenant
    if expires_at:
        body["expires_at"] = expires_at
    told = connect().post(path("keys"), body)
    if as_json:
        output.data(told)
    elif output.to_person():
        output.line(("", texts.say("key-made", id=output.clean(told["id"]))))
        print(told["key"])
    else:
        print(told["key"])


@app.command("list")
def listed(as_json: Json = False) -> None:
    """List the keys, without their secrets. In a pipe: tab-separated id, name, role, sessions, expires_at,
    revoked_at."""
    client = connect()
    found = list(client.items(path("keys")))
    if as_json:
        output.data({"items": found, "next": None})
        return
    heads = [texts.say(f"head.{name}") for name in ("id", "name", "role", "sessions", "expires", "revoked")]
    output.table(heads, [[("", cell) for cell in _cells(key)] for key in found])


def _cells(key: dict[str, object]) -> list[str]:
    globs = key.get("sessions")
    told = ",".join(str(glob) for glob in globs) if isinstance(globs, list) else ""
    return [
        str(key["id"]),
        str(key["name"]),
        str(key["role"]),
        told or "*",
        str(key.get("expires_at") or "-"),
        str(key.get("revoked_at") or "-"),
    ]


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="As `esteio keys list` shows it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Revoke a key; it stops working at once."""
    connect().delete(path("keys", key))
    if as_json:
        output.data({"revoked": key})
    elif output.to_person():
        output.line(("good", texts.say("key-revoked", id=output.clean(key))))
