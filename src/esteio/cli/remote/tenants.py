"""The verbs `tenants create`, `list`, `change` and `remove`: the customers of one gateway. Never lives here: a rule."""

from __future__ import annotations

from typing import Annotated

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Misused
from esteio.cli.remote.client import Document, connect, path
from esteio.cli.remote.look import Json

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name: a-z, 0-9 and -.", show_default=False)]
Sessions = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most so many sessions.")]
MessagesPerDay = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most so many messages out a day.")]
Webhooks = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most so many webhooks.")]


def _quotas(sessions: int | None, messages_per_day: int | None, webhooks: int | None) -> dict[str, int]:
    """Those that were given."""
    given = {"sessions": sessions, "messages_per_day": messages_per_day, "webhooks": webhooks}
    return {name: most for name, most in given.items() if most is not None}


@app.command("create")
def create(
    name: Name,
    *,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="How people call it; default: its name.")] = None,
    sessions: Sessions = None,
    messages_per_day: MessagesPerDay = None,
    webhooks: Webhooks = None,
    as_json: Json = False,
) -> None:
    """Create a tenant. Its keys are made with `esteio keys create --tenant NAME`."""
    body = {"name": name, "title": title or name, "quotas": _quotas(sessions, messages_per_day, webhooks)}
    told = connect().post(path("tenants"), body)
    _say("tenant-made", name, told, as_json=as_json)


@app.command("list")
def listed(as_json: Json = False) -> None:
    """List the tenants with what they hold. In a pipe: tab-separated name, title, enabled, sessions, messages_today,
    webhooks, keys; a bound stands behind a slash."""
    found = list(connect().items(path("tenants")))
    if as_json:
        output.data({"items": found, "next": None})
        return
    words = ("name", "title", "enabled", "sessions", "messages-today", "webhooks", "keys")
    output.table([texts.say(f"head.{word}") for word in words], [[("", cell) for cell in _cells(one)] for one in found])


def _cells(tenant: Document) -> list[str]:
    usage, quotas = tenant["usage"], tenant["quotas"]

    def held(name: str, most: int | None) -> str:
        return str(usage[name]) if most is None else f"{usage[name]}/{most}"

    return [
        str(tenant["name"]),
        str(tenant["title"]),
        texts.say("answer.yes" if tenant["enabled"] else "answer.no"),
        held("sessions", quotas["sessions"]),
        held("messages_today", quotas["messages_per_day"]),
        held("webhooks", quotas["webhooks"]),
        str(usage["keys"]),
    ]


@app.command("change")
def change(
    name: Name,
    *,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="How people call it.")] = None,
    sessions: Sessions = None,
    messages_per_day: MessagesPerDay = None,
    webhooks: Webhooks = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enable/--suspend", help="Whether its keys open anything; its sessions stay linked."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a tenant's title or quotas, suspend or resume it."""
    quotas = _quotas(sessions, messages_per_day, webhooks)
    given = {"title": title, "quotas": quotas or None, "enabled": enabled}
    body = {word: value for word, value in given.items() if value is not None}
    if not body:
        raise Misused("nothing-to-change")
    _say("tenant-changed", name, connect().patch(path("tenants", name), body), as_json=as_json)


@app.command("remove")
def remove(name: Name, as_json: Json = False) -> None:
    """Delete a tenant that holds nothing any more."""
    connect().delete(path("tenants", name))
    _say("tenant-removed", name, {"removed": name}, as_json=as_json)


def _say(key: str, name: str, told: Document, *, as_json: bool) -> None:
    if as_json:
        output.data(told)
    elif output.to_person():
        output.line(("good", texts.say(key, name=output.clean(name))))
