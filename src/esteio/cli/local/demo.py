"""`demo`: what Esteio does, shown without a WhatsApp account, on a terminal or as plain output.

Never lives here: what is played (`sim.demo`).
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Failed
from esteio.cli.local.sandbox import check_address

if TYPE_CHECKING:
    from esteio.sim.demo.run import Plan

USUAL, USUAL_CONTROL, ANY = "127.0.0.1:8700", "127.0.0.1:8710", "127.0.0.1:0"


def demo(
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="Play the script once, print the summary, and end.")
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the simulated world: the same number gives the same run.")
    ] = 7,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help=f"The gateway's API. [{USUAL}, or any free port]")
    ] = None,
    language: Annotated[
        Literal["pt-BR", "en"] | None, typer.Option(help="Instead of ESTEIO_LANGUAGE or the locale's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As --headless, with the summary as one document.")] = False,
    sabotage: Annotated[list[str] | None, typer.Option(hidden=True, help="Break this story's world.")] = None,
) -> None:
    """Simulated providers, the gateway in front of them, five incidents by script; then it serves until Ctrl-C.

    Without a terminal, or with --headless, exit code 0 means: every session recovered as it should, and no message
    was lost or doubled.
    """
    if language:
        os.environ["ESTEIO_LANGUAGE"] = language
    person = output.to_person() and not (headless or as_json)
    import uvloop  # noqa: PLC0415 - what only this verb needs is loaded by it alone

    from esteio.sim.demo.run import PATIENCE_S, SABOTAGED_PATIENCE_S, Plan  # noqa: PLC0415

    broken = tuple(sabotage or ())
    plan = Plan(seed, texts.spoken(), sabotage=broken, patience_s=SABOTAGED_PATIENCE_S if broken else PATIENCE_S)
    bound = _bound(listen, person)
    try:
        with bound:
            good = uvloop.run(_run(plan, bound, person, as_json=as_json))
    except OSError as error:
        raise Failed("cannot-listen", listen=USUAL_CONTROL, why=error.strerror or error) from error
    if not good:
        raise typer.Exit(FAILED)


def _bound(listen: str | None, person: bool) -> socket.socket:
    """Where the gateway listens: as told, else the usual address when a person looks and it is free, else any."""
    from esteio.cli.listen import bind  # noqa: PLC0415

    if listen is not None:
        check_address(listen)
        return bind(listen)
    if not person:
        return bind(ANY)
    try:
        return bind(USUAL)
    except Failed:
        return bind(ANY)


async def _run(plan: Plan, bound: socket.socket, person: bool, *, as_json: bool) -> bool:
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from esteio.cli.listen import stop_asked, url_of  # noqa: PLC0415
    from esteio.sim.demo import live, summary  # noqa: PLC0415

    console, url, asked = Console(highlight=False), url_of(bound), stop_asked()
    if not person:
        tell = (lambda run: output.data(summary.document(run))) if as_json else None
        return await live.once(plan, bound, url, console, asked, tell=tell)
    try:
        usual = msgspec.structs.replace(plan, control=USUAL_CONTROL)
        return await live.watched(usual, bound, url, console, asked)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return await live.watched(plan, bound, url, console, asked)
