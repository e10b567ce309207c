"""`doctor`: what is wrong with this installation, line by line, with what to do about it.

It only reads: the gateway's public documents, its readiness, and the settings as they are found here. Never lives here:
a repair, a judgement of a session (the gateway's reason and action are told as they are).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from esteio.cli import output, texts
from esteio.cli.errors import FAILED, Failed, Refused
from esteio.cli.local import doctor_database
from esteio.cli.local.doctor_findings import Finding, Result
from esteio.cli.local.settings_file import ConfigFile, found_file
from esteio.cli.remote.client import Client, Document, connect, path
from esteio.cli.remote.look import PAGE, Json
from esteio.cli.texts import say
from esteio.texts import catalogue

if TYPE_CHECKING:
    from esteio.config import Settings

ORDER: tuple[Result, ...] = ("ok", "warn", "fail")
STYLES: dict[Result, output.Style] = {"ok": "good", "warn": "warn", "fail": "bad"}
SKEW_S = 5.0
"""Two clocks further apart than this are worth a word; `Date` has whole seconds and the road takes some."""
HEALTH: dict[str, Result] = {
    "up": "ok",
    "slow": "warn",
    "booting": "warn",
    "unknown": "warn",
    "down": "fail",
    "wall": "fail",
    "refused": "fail",
    "wrong-kind": "fail",
}
STATE: dict[str, Result] = {
    "connected": "ok",
    "connecting": "warn",
    "degraded": "warn",
    "awaiting_qr": "warn",
    "paused": "warn",
    "disconnected": "fail",
    "error": "fail",
}


def doctor(config: ConfigFile = None, as_json: Json = False) -> None:
    """Check a running gateway and the settings found here. Exit code 1 when something failed.

    In a pipe: tab-separated result, check, what was seen, what to do, details.
    """
    # What failed comes last: there a person looks first.
    findings = sorted(examine(connect(), config), key=lambda finding: ORDER.index(finding.result))
    for finding in () if as_json else findings:
        _print(finding)
    fails = sum(1 for finding in findings if finding.result == "fail")
    warns = sum(1 for finding in findings if finding.result == "warn")
    if as_json:
        output.data({"items": [finding._asdict() for finding in findings], "next": None})
    elif output.to_person():
        output.line(("head", say("doctor.sum", fails=fails, warns=warns) if fails or warns else say("doctor.sum-ok")))
    if fails:
        raise typer.Exit(FAILED)


def _print(finding: Finding) -> None:
    if not output.to_person():
        cells = (finding.result, finding.check, finding.text, finding.do, ",".join(finding.details))
        output.table((), [[("", cell) for cell in cells]])
        return
    result = f"{say(f'doctor.result.{finding.result}'):<6}"
    output.line(
        (STYLES[finding.result], result), ("head", output.clean(finding.check)), ("", "  " + output.clean(finding.text))
    )
    if finding.do:
        output.line(("", output.clean(finding.do)), indent=6)


def examine(client: Client, config: Path | None) -> Iterator[Finding]:
    """Every finding, the most general first; what hangs on a failed one is left out."""
    yield _settings(config)
    try:
        servers = list(client.items(path("servers")))
    except Refused as error:
        yield Finding(say("doctor.reach"), "ok", say("doctor.reach-ok", url=client.url))
        yield Finding(say("doctor.key"), "fail", f"{error.text} ({error.code})", say("doctor.key-bad-do"))
        return
    except Failed as error:
        yield Finding(say("doctor.reach"), "fail", say(error.key, **error.values))
        return
    yield Finding(say("doctor.reach"), "ok", say("doctor.reach-ok", url=client.url))
    yield _key(client)
    yield _ready(client)
    yield from _clock(client)
    yield from _servers(servers)
    yield from _gateway(client, servers)
    yield from _vault(client)
    yield from _sessions(client)
    yield from _approvals(client)


def _settings(config: Path | None) -> Finding:
    from esteio.config import SettingsError, load  # noqa: PLC0415 - the other verbs start without it

    check, file = say("doctor.settings"), found_file(config)
    try:
        settings = load(file, os.environ)
    except SettingsError as error:
        return Finding(check, "fail", texts.reason(error), say("doctor.settings-do"))
    if (number := _bad_target(settings)) is not None:
        return Finding(check, "fail", say("notify-target", number=number), say("doctor.settings-do"))
    source = str(file) if file else say("doctor.settings-none")
    return Finding(check, "ok", say("doctor.settings-ok", source=source))


def _bad_target(settings: Settings) -> int | None:
    """The first target of notices that Apprise does not know."""
    if not settings.notify.targets:
        return None
    from esteio.engine.delivery.notices import AppriseNotifier, BadTarget  # noqa: PLC0415 - heavy, and rarely needed

    try:
        AppriseNotifier(settings.notify.targets, catalogue(settings.language))
    except BadTarget as error:
        return error.number
    return None


def _key(client: Client) -> Finding:
    """The only role that can be told from outside by reading is admin: only it may list the keys."""
    check = say("doctor.key")
    try:
        client.get(path("keys"))
    except Refused as error:
        text = say("doctor.key-partly", role=say("doctor.key-limited"))
        if error.status == 403:
            return Finding(check, "ok", text, say("doctor.key-do"))
        return Finding(check, "fail", f"{error.text} ({error.code})")
    return Finding(check, "ok", say("doctor.key-ok", role="admin"))


def _ready(client: Client) -> Finding:
    check = say("doctor.ready")
    answer = client.ask("GET", "/readyz", any_status=True)
    if answer.status == 200:
        return Finding(check, "ok", say("doctor.ready-ok"))
    why = f"{answer.status} {answer.body[:200].decode('utf-8', 'replace')}"
    return Finding(check, "fail", say("doctor.ready-fail", why=why), say("doctor.ready-do"))


def _clock(client: Client) -> Iterator[Finding]:
    from esteio.clock import SystemClock  # noqa: PLC0415

    client.ask("GET", "/livez")
    if client.at is None:
        return
    apart = abs(SystemClock().now() - client.at)
    if apart > SKEW_S:
        text = say("doctor.clock-off", seconds=round(apart))
        yield Finding(say("doctor.clock"), "warn", text, say("doctor.clock-do"))
    else:
        yield Finding(say("doctor.clock"), "ok", say("doctor.clock-ok"))


def _servers(servers: list[Document]) -> Iterator[Finding]:
    if not servers:
        yield Finding(say("doctor.servers"), "warn", say("doctor.servers-none"), say("doctor.servers-none-do"))
    for server in servers:
        yield _server(server)


def _server(server: Document) -> Finding:
    health = server["health"]
    result = HEALTH.get(health["state"], "warn")
    because = texts.code(health["because"]) if result != "ok" else ""
    text = say(
        "doctor.server-because" if because else "doctor.server-told",
        kind=server["kind"],
        version=server["version"] or say("doctor.version-unknown"),
        state=texts.named("state", health["state"]),
        because=because,
    )
    names = tuple(str(quirk["name"]) for quirk in server["quirks"])
    if names:
        text = text.removesuffix(".") + "; " + texts.count("doctor.quirks", len(names))
    usual = say("doctor.server-wall-do" if health["state"] == "wall" else "doctor.server-do")
    do = "" if result == "ok" else health.get("action") or usual
    return Finding(say("doctor.server", name=server["name"]), result, text, do, names)


def _gateway(client: Client, servers: list[Document]) -> Iterator[Finding]:
    """What the gateway says of itself; this shell's settings may be others."""
    try:
        told = client.get(path("gateway"))
    except Refused as error:
        yield Finding(say("doctor.webhooks"), "warn", say("doctor.unseen", why=error.code), say("doctor.key-do"))
        return
    yield from _database(client, told["public_url"])
    yield from _webhooks(told["public_url"], servers)
    if told["notice_targets"]:
        yield Finding(say("doctor.notices"), "ok", texts.count("doctor.notices-ok", told["notice_targets"]))
    else:
        yield Finding(say("doctor.notices"), "warn", say("doctor.notices-none"), say("doctor.notices-do"))


def _database(client: Client, public_url: str) -> Iterator[Finding]:
    """What the database and the nodes say; a gateway of before has no such route."""
    try:
        yield from doctor_database.findings(client.get(path("gateway", "checks")), public_url)
    except Refused as error:
        if error.status != 404:
            raise


def _webhooks(url: str, servers: list[Document]) -> Iterator[Finding]:
    """Whether providers can reach the address that the gateway gives them."""
    check = say("doctor.webhooks")
    host = urlsplit(url).hostname or ""
    elsewhere = [server["name"] for server in servers if not loopback(urlsplit(server["base_url"]).hostname or "")]
    if _unspecified(host):
        yield Finding(check, "warn", say("doctor.webhooks-any", url=url), say("doctor.webhooks-do"))
    elif loopback(host) and elsewhere:
        text = say("doctor.webhooks-loopback", url=url, servers=", ".join(elsewhere))
        yield Finding(check, "warn", text, say("doctor.webhooks-do"))
    else:
        yield Finding(check, "ok", say("doctor.webhooks-ok", url=url))


def loopback(host: str) -> bool:
    """Whether only this machine reaches that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _sessions(client: Client) -> Iterator[Finding]:
    number, troubled = 0, 0
    for session in client.items(path("sessions"), limit=PAGE):
        number += 1
        unreachable = session["reason"]["code"] == "webhook-unreachable"
        result: Result = "fail" if unreachable else STATE.get(session["state"], "warn")
        if result != "ok":
            troubled += 1
            yield _session(session, result, client.at)
    if not troubled:
        text = say("doctor.sessions-ok", n=number) if number else say("doctor.sessions-none")
        yield Finding(say("doctor.sessions"), "ok", text)


def _session(session: Document, result: Result, now: float | None) -> Finding:
    since = output.seconds(session["since"])
    text = say(
        "doctor.session-told",
        state=texts.named("state", session["state"]),
        ago=texts.duration((now or since) - since),
        text=session["reason"]["text"],
    )
    do = session["reason"]["action"] or say("doctor.session-wait", name=session["name"])
    return Finding(say("doctor.session", name=session["name"]), result, text, do)


def _vault(client: Client) -> Iterator[Finding]:
    """Which key seals secrets, and so which backups it opens; nothing for a key that may not ask."""
    try:
        told = client.get(path("vault"))
    except Refused as error:
        if error.status not in (403, 404):
            raise
        return
    check, others = say("doctor.vault"), ", ".join(told["others"])
    if told["left"]:
        text = say("doctor.vault-left", key=told["key"], left=told["left"])
        yield Finding(check, "warn", text, say("doctor.vault-do"))
    elif others:
        yield Finding(check, "ok", say("doctor.vault-others", key=told["key"], others=others))
    else:
        yield Finding(check, "ok", say("doctor.vault-ok", key=told["key"]))


def _approvals(client: Client) -> Iterator[Finding]:
    try:
        waiting = list(client.items(path("approvals")))
    except Refused as error:
        if error.status != 403:
            raise
        return
    for one in waiting:
        rung = texts.named("rung", one["rung"])
        text = say("doctor.approval-told", session=one["session"], rung=rung, cost=one["cost"])
        do = say("doctor.approval-do", session=one["session"], id=one["id"])
        yield Finding(say("doctor.approval", id=one["id"]), "warn", text, do)
