"""`sandbox`: the simulated providers alone, by real HTTP, for people who integrate.

Never lives here: what a provider answers (`sim`).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Annotated

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed, Misused
from esteio.cli.remote.look import Json

if TYPE_CHECKING:
    from esteio.sim.sandbox.servers import Sandbox

CONTROL = "127.0.0.1:8710"
USUAL = {"evolution": "127.0.0.1:8711", "baileys": "127.0.0.1:8712", "wapi": "127.0.0.1:8713"}
MAKE = {
    "evolution": (
        "apikey: ",
        "/instance/create",
        '{"instanceName": "store", "integration": "WHATSAPP-BAILEYS", "qrcode": true}',
    ),
    "baileys": ("x-api-key: ", "/sessions", '{"name": "store"}'),
    "wapi": ("Authorization: Bearer ", "/integrator/create-instance", '{"instanceName": "store"}'),
}
"""How an instance is made at each kind: the key's header, the address, the body."""


def sandbox(
    evolution: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help=f"An Evolution API 2.3.7. [{USUAL['evolution']}]")
    ] = None,
    baileys: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help=f"A Baileys REST server. [{USUAL['baileys']}]")
    ] = None,
    wapi: Annotated[str | None, typer.Option(metavar="HOST:PORT", help=f"A W-API account. [{USUAL['wapi']}]")] = None,
    control: Annotated[str, typer.Option(metavar="HOST:PORT", help="The control page and /_sandbox.")] = CONTROL,
    as_json: Json = False,
) -> None:
    """Run simulated providers until Ctrl-C. Without an address all three run; otherwise the named ones."""
    named = {"evolution": evolution, "baileys": baileys, "wapi": wapi}
    homes = {kind: address for kind, address in named.items() if address} or dict(USUAL)
    for address in (*homes.values(), control):
        check_address(address)
    import uvloop  # noqa: PLC0415 - what only this verb needs is loaded by it alone

    uvloop.run(run(homes, control, as_json=as_json))


def check_address(address: str) -> None:
    """Raises `Misused` when it is no HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Misused("bad-address", address=repr(address))


async def run(homes: dict[str, str], control: str, *, as_json: bool = False) -> None:
    """Says where the sandbox is, and serves it until a signal asks for the end. Raises `Failed` when it cannot
    listen."""
    from esteio.cli.listen import stop_asked  # noqa: PLC0415
    from esteio.sim.sandbox.servers import serve_sandbox  # noqa: PLC0415

    asked = stop_asked()
    try:
        box = await serve_sandbox(
            evolution=homes.get("evolution"), baileys=homes.get("baileys"), wapi=homes.get("wapi"), control=control
        )
    except OSError as error:
        listen = ", ".join((*homes.values(), control))
        key = "port-in-use" if error.errno == errno.EADDRINUSE else "cannot-listen"
        raise Failed(key, listen=listen, why=error.strerror or error) from error
    try:
        _greet(box, homes, as_json=as_json)
        await asked.wait()
    finally:
        await box.aclose()


def _greet(box: Sandbox, homes: dict[str, str], *, as_json: bool) -> None:
    """Where everything is, and the key; in a pipe one line each: name, tab, value."""
    from esteio.sim.sandbox.servers import DEFAULT_KEY  # noqa: PLC0415

    if as_json:
        output.data({"key": DEFAULT_KEY, "urls": box.urls})
        return
    if not output.to_person():
        print(f"key\t{DEFAULT_KEY}", flush=True)
        for name, url in box.urls.items():
            print(f"{name}\t{url}", flush=True)
        return
    output.line(("head", texts.say("sandbox-ready")))
    for name, url in box.urls.items():
        label = texts.say("sandbox-page") if name == "control" else name
        output.line(("", f"{label}: {url}" + ("/_sandbox/" if name == "control" else "")), indent=2)
    output.line(("", texts.say("sandbox-key", key=DEFAULT_KEY)), indent=2)
    output.line(("head", texts.say("sandbox-try")))
    for example in examples(box.urls, next(iter(homes)), DEFAULT_KEY):
        print(f"  {example}", flush=True)


def examples(urls: dict[str, str], kind: str, key: str) -> tuple[str, ...]:
    """Three lines to paste: an instance is made, its code is scanned, its socket dies while its server says open."""
    auth, where, body = MAKE[kind]
    json = "-H 'Content-Type: application/json'"
    control = f"{urls['control']}/_sandbox"
    session = "store" if kind != "wapi" else "INSTANCE-ID"
    return (
        f"curl -X POST {urls[kind]}{where} -H '{auth}{key}' {json} -d '{body}'",
        f'curl -X POST {control}/scan -d \'{{"server": "{kind}", "session": "{session}"}}\'',
        f'curl -X POST {control}/fault -d \'{{"kind": "ghost", "server": "{kind}", "session": "{session}"}}\'',
    )
