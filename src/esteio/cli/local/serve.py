"""`serve`: the gateway as a process. It opens in order, serves until it is told to end, and closes in reverse.

What keeps it from starting becomes one sentence. Never lives here: what the gateway does (`gateway`).
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from esteio.cli import output, texts
from esteio.cli.errors import Failed, Misused
from esteio.cli.local.settings_file import ConfigFile, environment, read, with_door
from esteio.texts import catalogue

if TYPE_CHECKING:
    from esteio.config import Settings
    from esteio.gateway import Gateway

Listener = Literal["api", "metrics", "door"]
"""What has an address of its own."""
GC_AFTER = 10_000
"""New containers between two young collections: a request under way holds many, and few of them are circular."""
SWITCH_S = 0.001
"""Beside the store's writer thread: the loop gets the interpreter back after so long."""


def serve(
    *,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The API and the incoming webhooks. [127.0.0.1:8700]"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of the database and secret.key; default: esteio-data.")
    ] = None,
    database: Annotated[str | None, typer.Option(metavar="URL", help="postgresql://…; empty: SQLite in DIR.")] = None,
    door_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The Evolution door alone, at the root of its own address.")
    ] = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON where it serves, and the first key.")] = False,
) -> None:
    """Run the gateway. The first start prints an admin key, unless ESTEIO_ADMIN_KEY gives one."""
    overrides = {"listen": listen, "data": data, "database": database}
    settings = read(config, with_door(environment(), door_listen), overrides)
    import uvloop  # noqa: PLC0415 - what only `serve` needs is loaded by it alone

    from esteio.cli.connections import BoundedProtocol, raise_file_limit  # noqa: PLC0415
    from esteio.cli.listen import bind  # noqa: PLC0415
    from esteio.log import set_up  # noqa: PLC0415

    set_up(settings.log.level, settings.log.format, for_good=True)
    if settings.database:
        _check_database(settings.database)
    addresses: dict[Listener, str] = {
        "api": settings.listen,
        "metrics": settings.metrics_listen,
        "door": settings.door.listen,
    }
    sockets: dict[Listener, socket.socket] = {name: bind(address) for name, address in addresses.items() if address}
    BoundedProtocol.most = raise_file_limit()
    sys.setswitchinterval(SWITCH_S)
    try:
        uvloop.run(run(settings, sockets, as_json=as_json))
    finally:
        for bound in sockets.values():
            bound.close()


def _check_database(address: str) -> None:
    """Raises `Misused`."""
    from esteio.store.base import BadAddress  # noqa: PLC0415

    if find_spec("psycopg") is None:
        raise Misused("no-postgres-driver")
    from esteio.store.postgres.address import address_of  # noqa: PLC0415 - only where its driver is installed

    try:
        address_of(address)
    except BadAddress as error:
        raise Misused("database-address", why=texts.reason(error)) from error


async def run(settings: Settings, sockets: Mapping[Listener, socket.socket], *, as_json: bool = False) -> None:
    """Open, serve, close. `sockets`: what listens, the API at least. Raises `Failed` when it cannot start or has to
    give up."""
    from esteio.cli.freed_memory import give_back, trimmer  # noqa: PLC0415
    from esteio.cli.listen import stop_asked, url_of  # noqa: PLC0415
    from esteio.log import logger  # noqa: PLC0415

    log = logger("serve")
    asked = stop_asked()
    gateway = await opened(settings)
    # What stands now stands to the end: the collector need not walk it again (a pause of 30 ms at every full round).
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_AFTER)
    giving_back = asyncio.create_task(give_back(trimmer()))
    try:
        await _greet(gateway, sockets, as_json=as_json)
        log.info("gateway.started", listen=url_of(sockets["api"]))
        await _until(gateway, sockets, asked)
        log.info("gateway.stopping")
    finally:
        giving_back.cancel()
        await gateway.aclose()
    log.info("gateway.stopped")


async def opened(settings: Settings) -> Gateway:
    """A gateway that runs. Raises `Failed` with the sentence that says why not, `Misused` where the settings are
    wrong."""
    from esteio.core.audit.entry import Actor  # noqa: PLC0415
    from esteio.engine.audit.acting import acting  # noqa: PLC0415
    from esteio.engine.errors import CommandError  # noqa: PLC0415
    from esteio.vault import VaultError  # noqa: PLC0415

    used = _used_before(settings)
    _warn_of_modes(settings)
    gateway = await _started(settings)
    try:
        await _check_key(gateway)
        if used and gateway.lifecycle.new_database:
            output.failure(texts.say("empty-beside-key", data=settings.data))
        with acting(Actor("settings")):
            await gateway.audit.note_settings("policy.changed", settings.policies)
            await gateway.commands.declared.apply(settings.servers, settings.sessions, left_out=_left_out)
    except BaseException as error:
        await gateway.aclose()
        if isinstance(error, VaultError):
            raise Failed("vault", why=texts.reason(error)) from error
        if isinstance(error, CommandError):
            raise Misused("settings", why=_reason(error)) from error
        raise
    return gateway


async def _started(settings: Settings) -> Gateway:
    """Raises `Failed`, `Misused`: why its database or its key cannot be used."""
    from esteio.store.base import Damaged, Locked, NewerDatabase, NodeTaken, StoreFull, UnfinishedCopy  # noqa: PLC0415
    from esteio.vault import VaultError  # noqa: PLC0415

    try:
        gateway = _made(settings)
        await gateway.start()
    except Locked as error:
        raise Failed("data-locked", data=settings.data) from error
    except NodeTaken as error:
        raise Misused("node-taken", address=error.address) from error
    except UnfinishedCopy as error:
        raise Failed("migrate.unfinished") from error
    except NewerDatabase as error:
        where = "PostgreSQL" if settings.database else settings.data
        raise Failed("newer-database", data=where, found=error.found, known=error.known) from error
    except Damaged as error:
        raise Failed("damaged-database", data=settings.data, why=error) from error
    except StoreFull as error:
        key = "database-unavailable" if error.trouble == "unavailable" else "store-full"
        raise Failed(key, data=settings.data, why=error) from error
    except VaultError as error:
        raise Failed("vault", why=texts.reason(error)) from error
    except OSError as error:
        raise Failed("data-unusable", data=settings.data, why=error.strerror or error) from error
    return gateway


def _made(settings: Settings) -> Gateway:
    """Raises `Misused` for settings that name what is not there, and what the vault and the disk raise."""
    from esteio.engine.delivery.notices import BadTarget  # noqa: PLC0415
    from esteio.gateway import Gateway  # noqa: PLC0415
    from esteio.tracing.open import OtelMissing  # noqa: PLC0415

    try:
        return Gateway.from_settings(settings)
    except BadTarget as error:
        raise Misused("notify-target", number=error.number) from error
    except OtelMissing as error:
        raise Misused("no-otel") from error


def _warn_of_modes(settings: Settings) -> None:
    """The key opens the providers' credentials, the database holds people's messages: they are their owner's alone."""
    for path in (Path(settings.data) / name for name in ("secret.key", "esteio.db")):
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                output.failure(texts.say("readable-by-others", path=path))


def _used_before(settings: Settings) -> bool:
    """Whether the folder shows that a gateway ran here before: its key, or media."""
    data = Path(settings.data)
    media = data / "media"
    return (data / "secret.key").exists() or (media.is_dir() and any(media.iterdir()))


async def _check_key(gateway: Gateway) -> None:
    """Better now, in one sentence, than at every call to every provider. Raises `WrongKey`."""
    from esteio.engine.runtime import sealed_for  # noqa: PLC0415

    for stored in await gateway.store.servers.all():
        gateway.vault.unseal(stored.sealed, sealed_for.server(stored.server.name))
    for session in (await gateway.store.sessions.page(limit=1)).items:
        sealed = (await gateway.store.sessions.secrets(session.id))[1]
        gateway.vault.unseal(sealed, sealed_for.session(session, "encrypted"))


def _reason(error: object) -> str:
    from esteio.api.http.problems import of_command_error  # noqa: PLC0415
    from esteio.engine.errors import CommandError  # noqa: PLC0415

    if not isinstance(error, CommandError):
        return str(error)
    return f"{of_command_error(error, catalogue(texts.spoken())).detail} ({error.code})"


def _left_out(session: str, error: object) -> None:
    output.failure(texts.say("declared-left-out", name=session, why=_reason(error)))


async def _greet(gateway: Gateway, sockets: Mapping[Listener, socket.socket], *, as_json: bool) -> None:
    from esteio.api.ops import program_version  # noqa: PLC0415
    from esteio.cli.listen import url_of  # noqa: PLC0415

    key = await gateway.commands.keys.ensure_admin()
    front = (gateway.settings.public_url or url_of(sockets["api"])).rstrip("/")
    link = None if key is None else front + (await gateway.api.short_lived_tokens.login_link(key))[0]
    if as_json:
        urls = {name: url_of(bound) for name, bound in sockets.items()}
        output.data({"version": program_version(), "urls": urls, "admin_key": key, "login_url": link})
    elif key is not None:
        print(texts.say("login-link"), link, flush=True)
        print(texts.say("admin-key", key=key), flush=True)
    if key is None and not await gateway.commands.keys.has_admin():
        output.failure(texts.say("no-admin"))
    if output.to_person() and not as_json:
        print(texts.say("serving", version=program_version(), url=url_of(sockets["api"])), flush=True)
        if "door" in sockets:
            print(texts.say("door-at", url=url_of(sockets["door"])), flush=True)


async def _until(gateway: Gateway, sockets: Mapping[Listener, socket.socket], asked: asyncio.Event) -> None:
    """Serve until the end is asked for, or a part of the gateway is given up."""
    from esteio.api.app import Operations  # noqa: PLC0415
    from esteio.cli.listen import server  # noqa: PLC0415
    from esteio.engine.runtime.supervisor import GaveUp  # noqa: PLC0415
    from esteio.log import logger  # noqa: PLC0415

    apps = {"api": gateway.app, "metrics": Operations(gateway.api), "door": gateway.door}
    servers = [server(apps[name]) for name in sockets]
    waits = [asyncio.create_task(asked.wait()), asyncio.create_task(gateway.supervisor.failed())]
    serving = [asyncio.create_task(one.serve([bound])) for one, bound in zip(servers, sockets.values(), strict=True)]
    try:
        await asyncio.wait([*waits, *serving], return_when=asyncio.FIRST_COMPLETED)
        if asked.is_set() and (unready_s := gateway.settings.drain.unready_s):
            gateway.step_aside()
            logger("serve").info("gateway.unready")
            await asyncio.wait([waits[1], *serving], timeout=unready_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gateway.drain()
        for one in servers:
            one.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)
        waits[0].cancel()
        waits[1].cancel()
    for task in (*serving, waits[1]):
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, GaveUp):
                logger("serve").error("gateway.failed", error=str(error))
                raise Failed("gave-up", why=error) from error
            raise error
