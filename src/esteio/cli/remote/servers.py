"""The verbs `servers` (list, add, remove) and `adopt`. Never lives here: what a server's health means."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Misused
from esteio.cli.remote import complete
from esteio.cli.remote.client import Document, connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(invoke_without_command=True)
HEADS = ("name", "kind", "health", "version", "at-server", "address")
DONE = frozenset({"adopted", "would-adopt", "already-adopted"})
WELL = frozenset({"adopted", "would-adopt"})


@app.callback()
def listed(ctx: typer.Context, as_json: Json = False) -> None:
    """List the servers: kind, health, version, sessions held there. `add` and `remove` change the list.

    In a pipe: tab-separated name, kind, health, version, sessions at the server, address, what is wrong.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = list(connect().items(path("servers")))
    if as_json:
        output.data({"items": found, "next": None})
        return
    heads = [texts.say(f"head.{name}") for name in HEADS]
    output.table(heads, [_row(one) if output.to_person() else [*_row(one), ("", _because(one))] for one in found])
    if output.to_person():
        for one in found:
            if one["health"]["state"] != "up" and _because(one):
                output.line(("warn", output.clean(f"{one['name']}: {_because(one)}")))


def _because(server: Document) -> str:
    health = server["health"]
    return " ".join(str(part) for part in (health.get("because"), health.get("action")) if part)


def _row(server: Document) -> list[output.Span]:
    health = server["health"]["state"]
    at_server = server.get("sessions_at_server")
    return [
        ("head", server["name"]),
        ("", server["kind"]),
        (output.STATE_STYLES.get(health, ""), texts.named("state", health) if output.to_person() else health),
        ("", server["version"] or "-"),
        ("", "-" if at_server is None else str(at_server)),
        ("dim", server.get("base_url") or "-"),
    ]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name in Esteio.", show_default=False)],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="evolution, baileys, wapi, or an installed adapter's kind.", show_default=False
        ),
    ],
    address: Annotated[str, typer.Argument(metavar="URL", help="Its address.", show_default=False)],
    *,
    apikey: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The server's own key; - reads it from stdin. Else ESTEIO_SERVER_APIKEY."),
    ] = None,
    credential: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A credential by its name, where the key is not all; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a provider's server. Where secrets belong to the instances (W-API), the server itself needs none."""
    key = sys.stdin.read().strip() if apikey == "-" else apikey or os.environ.get("ESTEIO_SERVER_APIKEY", "")
    credentials = {**({_key_name(kind): key} if key else {}), **_pairs(credential or [])}
    told = connect().post(
        path("servers"), {"name": name, "kind": kind, "base_url": address, "credentials": credentials}
    )
    if as_json:
        output.data(told)
    else:
        output.line(("good", texts.say("server-added", name=output.clean(name))))


def _key_name(kind: str) -> str:
    """What this kind's adapter, as it is installed here, calls a server's key. Raises `Misused`."""
    from esteio.providers.registry import ProviderProblem, load  # noqa: PLC0415 (the adapters take their time)

    try:
        fields = load().get(kind).declaration.credentials
    except ProviderProblem:
        fields = ()
    name = next((field.name for field in fields if field.secret), None)
    if name is None:
        raise Misused("key-has-no-name", kind=kind)
    return name


def _pairs(given: list[str]) -> dict[str, str]:
    """`NAME=VALUE` each. Raises `Misused`."""
    for one in given:
        if "=" not in one:
            raise Misused("no-pair", what=one)
    return {name: value for name, _, value in (one.partition("=") for one in given)}


@app.command("remove")
def remove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="As `esteio servers` shows it.", show_default=False, autocompletion=complete.servers
        ),
    ],
    as_json: Json = False,
) -> None:
    """Remove a server that has no sessions here any more. Nothing is changed at the server."""
    connect().delete(path("servers", name))
    if as_json:
        output.data({"removed": name})
    elif output.to_person():
        output.line(("good", texts.say("server-removed", name=output.clean(name))))


def adopt(
    server: Annotated[
        str,
        typer.Argument(metavar="SERVER", help="A server's name.", show_default=False, autocompletion=complete.servers),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of the instances.", show_default=False)
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every instance that the server holds.")] = False,
    forward: Annotated[
        bool, typer.Option("--forward", help="The instance's present webhook keeps receiving, through Esteio.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")] = False,
    as_json: Json = False,
) -> None:
    """Take over instances that exist at a server, without touching their links. Without names: list what is there.

    The webhook of an instance is moved to Esteio; `--forward` passes its events on to where they went before.
    In a pipe: tab-separated instance, session, result, webhook, detail.
    """
    client = connect()
    if names and everything:
        raise Misused("adopt-both")
    if not names and not everything:
        found = list(client.items(path("servers", server, "instances")))
        _list_instances(found, as_json=as_json)
        return
    body = {"instances": "all" if everything else names, "forward": forward, "dry_run": dry_run}
    with output.progress("adopt.begun", server=server):
        told = client.post(path("servers", server, "adopt"), body, wait_s=120)
    _tell_adopted(told["items"], as_json=as_json)
    if any(one["result"] not in DONE for one in told["items"]):
        raise typer.Exit(FAILED)


def _list_instances(found: list[Document], *, as_json: bool) -> None:
    if as_json:
        output.data({"items": found, "next": None})
        return
    heads = [texts.say(f"head.{name}") for name in ("instance", "phone", "state", "session")]
    rows: list[list[output.Span]] = [
        [
            ("head", one["name"]),
            ("", one.get("phone") or "-"),
            ("", str(one.get("state") or "-")),
            ("good" if one.get("session") else "dim", one.get("session") or "-"),
        ]
        for one in found
    ]
    output.table(heads, rows)


def _tell_adopted(items: list[Document], *, as_json: bool) -> None:
    if as_json:
        output.data({"items": items})
        return
    heads = [texts.say(f"head.{name}") for name in ("instance", "session", "result", "webhook", "reason")]
    output.table(heads, [_adopted_row(one) for one in items])


def _adopted_row(one: Document) -> list[output.Span]:
    stood = one.get("replaced_webhook") or {}
    result = one["result"]
    style: output.Style = "good" if result in WELL else "dim" if result in DONE else "bad"
    return [
        ("head", one["instance"]),
        ("", one.get("session") or "-"),
        (style, texts.say(f"adopt.{result}") if output.to_person() else result),
        ("", stood.get("url") or "-"),
        ("warn", str((one.get("problem") or one.get("reason") or {}).get("detail") or "")),
    ]
