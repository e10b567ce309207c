"""`python -m benchmarks …`: the verbs, their options, and the one JSON line at the end.

Progress goes to stderr, and only when a person reads it. What measures is imported by the verb that needs it, so that
`esteio --help` answers at once. Never lives here: how anything is measured.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

app = typer.Typer(
    no_args_is_help=True, help="Measure, and print one JSON line at the end (docs/explanation/benchmarks.md)."
)
T = TypeVar("T")
Run = Callable[[T, Path, Callable[[str], None], Path | None], Awaitable[dict[str, Any]]]

Chats = Annotated[int, typer.Option(min=1, help="How many different chats.")]
Sessions = Annotated[int, typer.Option(min=1, max=1000, help="How many sessions they belong to.")]
Connections = Annotated[int, typer.Option(min=1, max=1000, help="Keep-alive connections of the load.")]
Rounds = Annotated[int, typer.Option(min=1, max=20, help="How many rounds; the figure is the median.")]
Seconds = Annotated[float, typer.Option(min=0.1, max=60, help="How long each offered rate is held.")]
Messages = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many messages in a round.")]
DelayMs = Annotated[float, typer.Option(min=0, max=100, help="Added to every round trip to PostgreSQL, once more.")]
Profile = Annotated[
    Path | None, typer.Option(help="Run the gateway under cProfile and write it here; the figures mean nothing then.")
]
Trace = Annotated[
    Path | None, typer.Option(help="Note each request's steps and write where their time went; the rates mean less.")
]


@app.command("deliver")
def deliver_verb(
    *,
    messages: Messages = 20_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    rounds: Rounds = 3,
    profile: Profile = None,
) -> None:
    """From a POST to a settled message, on SQLite, beside the bare loop."""
    from benchmarks import deliver  # noqa: PLC0415

    ask = deliver.Deliver(messages, chats, sessions, connections, 1 if profile else rounds)
    _measure(deliver.run, ask, profile)


@app.command("deliver-postgres")
def deliver_postgres_verb(
    *,
    messages: Messages = 20_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    rounds: Rounds = 3,
    delay_ms: DelayMs = 0.0,
    nodes: Annotated[int, typer.Option(min=0, max=8, help="Up to how many nodes; 0: the bare loop alone.")] = 2,
    profile: Profile = None,
) -> None:
    """The same on a PostgreSQL started for it, with one node and with two (needs the packages of `make test`)."""
    from benchmarks.postgres import deliver  # noqa: PLC0415

    size = (messages, chats, sessions, connections, 1 if profile else rounds)
    _measure(deliver.run, deliver.DeliverPostgres(*size, delay_ms, nodes), profile)


@app.command("accept")
def accept_verb(
    *,
    messages: Messages = 20_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    seconds: Seconds = 5.0,
    rounds: Rounds = 3,
    profile: Profile = None,
    trace: Trace = None,
) -> None:
    """Messages handed in, each on disk before its 202, beside a bare durable POST."""
    from benchmarks import accept  # noqa: PLC0415

    ask = accept.Accept(messages, chats, sessions, connections, seconds, 1 if profile or trace else rounds)
    _measure(partial(accept.run, trace=trace and trace.resolve()), ask, profile)


@app.command("inbound")
def inbound_verb(
    *,
    webhooks: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many webhooks in a round.")] = 10_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    rate: Annotated[float, typer.Option(min=1, help="Webhooks a second while the subscriber is away.")] = 1000.0,
    through_rate: Annotated[float, typer.Option(min=1, help="Webhooks a second once it is there.")] = 500.0,
    seconds: Seconds = 10.0,
    rounds: Rounds = 3,
    profile: Profile = None,
    trace: Trace = None,
) -> None:
    """Provider webhooks, each on disk before its 200, and on to a subscriber, beside a bare durable POST."""
    from benchmarks import inbound  # noqa: PLC0415

    paces = (rate, through_rate, seconds)
    ask = inbound.Inbound(webhooks, chats, sessions, connections, *paces, 1 if profile or trace else rounds)
    _measure(partial(inbound.run, trace=trace and trace.resolve()), ask, profile)


@app.command("supervise")
def supervise_verb(
    *,
    sessions: Annotated[int, typer.Option(min=1, max=200_000, help="How many idle sessions.")] = 10_000,
    servers: Annotated[int, typer.Option(min=1, max=100, help="On how many stub servers.")] = 20,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long it is measured.")] = 300.0,
    period_s: Annotated[float, typer.Option(min=0.1, help="How often each is probed.")] = 30.0,
    profile: Profile = None,
) -> None:
    """What it costs to watch many sessions that are well, in real time."""
    from benchmarks.watching import supervise  # noqa: PLC0415

    _measure(supervise.run, supervise.Supervise(sessions, servers, seconds, period_s), profile)


@app.command("supervise-nodes")
def supervise_nodes_verb(
    *,
    sessions: Annotated[int, typer.Option(min=1, max=200_000, help="How many sessions.")] = 100_000,
    servers: Annotated[int, typer.Option(min=1, max=100, help="On how many stub servers.")] = 100,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long it is measured.")] = 300.0,
    period_s: Annotated[float, typer.Option(min=0.1, help="How often each is probed.")] = 30.0,
    nodes: Annotated[int, typer.Option(min=1, max=8, help="How many nodes share them.")] = 2,
    faults: Annotated[float, typer.Option(min=0, max=0.5, help="Which share of answers and of sockets fails.")] = 0.01,
    settle_s: Annotated[float | None, typer.Option(min=0, help="After the first looks; a period by default.")] = None,
    profile: Profile = None,
) -> None:
    """The same by several nodes on a PostgreSQL started for it, with faults (needs the packages of `make test`)."""
    from benchmarks.watching import nodes as watching  # noqa: PLC0415

    size = (sessions, servers, seconds, period_s)
    _measure(watching.run, watching.SuperviseNodes(*size, nodes, faults, settle_s), profile)


@app.command("soak")
def soak_verb(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long the load is held.")] = 600.0,
    rate: Annotated[float, typer.Option(min=0, help="Messages a second, and as many webhooks; 0: half the peak.")] = 0,
    burst: Annotated[int, typer.Option(min=1, max=100_000, help="How many of each the peak is found with.")] = 10_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    profile: Profile = None,
) -> None:
    """Minutes of load at half the peak rate: whether memory, tasks or open files grow."""
    from benchmarks import soak  # noqa: PLC0415

    ask = soak.Soak(seconds, rate, burst, chats, sessions, connections)
    _measure(soak.run, ask, profile)


@app.command("passed")
def passed_verb(
    *,
    rate: Annotated[float, typer.Option(min=1, help="Calls a second, offered at an even pace.")] = 100.0,
    seconds: Seconds = 10.0,
    sessions: Sessions = 20,
    connections: Connections = 16,
    rounds: Rounds = 3,
    profile: Profile = None,
) -> None:
    """What the Evolution door adds to a call that it hands through, beside the same call at the provider."""
    from benchmarks import passed  # noqa: PLC0415

    _measure(passed.run, passed.Passed(rate, seconds, sessions, connections, 1 if profile else rounds), profile)


@app.command("door")
def door_verb(
    *,
    messages: Messages = 20_000,
    chats: Chats = 500,
    sessions: Sessions = 20,
    connections: Connections = 64,
    rounds: Rounds = 3,
    profile: Profile = None,
) -> None:
    """Sends by Evolution's own API at the door, beside the native route."""
    from benchmarks import door  # noqa: PLC0415

    _measure(door.run, door.Door(messages, chats, sessions, connections, 1 if profile else rounds), profile)


@app.command("pages")
def pages_verb(
    *,
    sessions: Annotated[int, typer.Option(min=1, max=200_000, help="How many sessions.")] = 10_000,
    servers: Annotated[int, typer.Option(min=1, max=100, help="On how many stub servers.")] = 20,
    rounds: Rounds = 10,
    viewers: Annotated[int, typer.Option(min=1, max=1000, help="How many open pages.")] = 100,
    burst: Annotated[int, typer.Option(min=1, max=10_000, help="How many sessions change at once.")] = 1000,
    profile: Profile = None,
) -> None:
    """The dashboard with a large fleet, in Chromium and with many open pages (needs the packages of `make test`)."""
    from benchmarks.pages import measured  # noqa: PLC0415

    _measure(measured.run, measured.Pages(sessions, servers, rounds, viewers, burst), profile)


@app.command("requests")
def requests_verb(
    *,
    requests: Annotated[int, typer.Option(min=1, max=100_000, help="How many of each kind in a round.")] = 2000,
    rounds: Rounds = 5,
) -> None:
    """What the HTTP API costs by itself, without a socket."""
    from benchmarks import requests as measured  # noqa: PLC0415

    _measure(measured.run, measured.Requests(requests, rounds), None)


@app.command("store")
def store_verb(
    *,
    sessions: Sessions = 100,
    messages: Annotated[int, typer.Option(min=1, max=1000, help="How many messages in each session.")] = 40,
    rounds: Rounds = 5,
) -> None:
    """What the store's busy operations cost by themselves, in memory."""
    from benchmarks import store  # noqa: PLC0415

    _measure(store.run, store.StoreCosts(sessions, messages, rounds), None)


@app.command("store-postgres")
def store_postgres_verb(
    *,
    messages: Messages = 20_000,
    producers: Annotated[int, typer.Option(min=1, max=1000, help="How many hand in at once.")] = 64,
    rounds: Rounds = 3,
    delay_ms: DelayMs = 0.0,
    profile: Profile = None,
) -> None:
    """The store alone on PostgreSQL, beside PgQueuer (needs the packages of `make test`)."""
    from benchmarks.postgres import store  # noqa: PLC0415

    ask = store.StorePostgres(messages, producers, 1 if profile else rounds, delay_ms)
    _measure(store.run, ask, profile)


@app.command("drivers")
def drivers_verb(
    *,
    seconds: Annotated[float, typer.Option(min=0.05, max=60, help="How long each driver works at each work.")] = 0.7,
    rounds: Rounds = 3,
    delay_ms: DelayMs = 1.0,
) -> None:
    """PostgreSQL's drivers at the work of the store: psycopg 3 against asyncpg (needs the packages of `make test`)."""
    from benchmarks.postgres import drivers  # noqa: PLC0415

    _measure(drivers.run, drivers.Drivers(seconds, rounds, delay_ms), None)


@app.command("sizes")
def sizes_verb(
    *,
    messages: Annotated[int, typer.Option(min=1, max=100_000, help="How many messages out, and in.")] = 1000,
    postgres: Annotated[bool, typer.Option("--postgres", help="On a PostgreSQL, with the growth of its log.")] = False,
) -> None:
    """How many bytes a message leaves in the database, by table: counted, the same on any machine."""
    from benchmarks.capacity import sizes  # noqa: PLC0415

    _measure(sizes.run, sizes.Sizes(messages, postgres), None)


@app.command("qr")
def qr_verb(*, codes: Annotated[int, typer.Option(min=1, max=1000, help="How many codes.")] = 50) -> None:
    """From a webhook with a new code to its picture on the pairing page, in Chromium."""
    from benchmarks.pages import qr  # noqa: PLC0415
    from benchmarks.processes import Failed  # noqa: PLC0415

    try:
        with tempfile.TemporaryDirectory(prefix="esteio-bench-") as directory:
            line = qr.run(codes, Path(directory))
    except Failed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(msgspec.json.encode(line).decode())


def _measure(run: Run[T], ask: T, profile: Path | None) -> None:
    from benchmarks.processes import Failed  # noqa: PLC0415

    try:
        with tempfile.TemporaryDirectory(prefix="esteio-bench-") as directory:
            line = asyncio.run(_run(run, ask, Path(directory), profile and profile.resolve()))
    except Failed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(msgspec.json.encode(line).decode())


async def _run(run: Run[T], ask: T, directory: Path, profile: Path | None) -> dict[str, Any]:
    return await run(ask, directory, _say, profile)


def _say(step: str) -> None:
    if sys.stderr.isatty():
        typer.echo(step, err=True)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
