"""Settings: one frozen tree, a sentence and a unit under each field; read from `esteio.toml` and the environment.

The environment goes before the file. An unknown key is an error that names the nearest known one, so that a misspelt
option never passes silently. Never lives here: what is done with a setting, a default that depends on the machine.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from esteio.core.model.address import REGIONS
from esteio.core.model.policy import BUILT_IN, KNOBS, Policy, PolicyError, build
from esteio.core.model.server import Limits

Language = Literal["pt-BR", "en"]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
SHORTEST_KEY = 16
T = TypeVar("T")


class SettingsError(ValueError):
    """Settings that cannot be used; the message names the key and, where there is one, the nearest known."""


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where notices to people go."""

    targets: tuple[str, ...] = ()
    """Apprise URLs; none means that notices are only shown."""


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Evolution-shaped door."""

    server: str = ""
    """The server on which `create` makes instances; empty: the only one there is."""
    listen: str = ""
    """HOST:PORT that offers the door alone at its root; empty: none."""
    wait_s: Seconds = 2.0
    """How long a send waits for the provider's own fields before it is answered, in seconds."""
    dedupe_s: Seconds = 0.0
    """The same body to the same chat, by the same key, within so many seconds is a repeat and sent once, a second
    genuine message of the same words too; 0: never."""


class Drain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it ends when it is told to (SIGTERM)."""

    unready_s: Seconds = 0.0
    """How long it goes on working while `/readyz` says 503 already, so that a load balancer turns to another node, in
    seconds."""
    calls_s: Seconds = 4.0
    """How long calls under way may take to end once nothing new is accepted, in seconds; a send that takes longer is in
    doubt, and looked for."""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long what people wrote is kept, in seconds; 0 keeps it until it is erased."""

    bodies_s: Seconds = 180 * 86_400
    """Texts and media of settled messages; the record that they existed, with time, recipient and outcome, stays."""
    messages_s: Seconds = 400 * 86_400
    """That record too, once nothing is left to do for it; 31 days at least."""
    timeline_s: Seconds = 90 * 86_400
    """Timelines of sessions and servers, and the attempts at settled messages; what an open outage or message needs
    stays; 7 days at least."""
    dedupe_s: Annotated[float, Meta(ge=14 * 86_400)] = 30 * 86_400
    """The keys by which an event of a provider that comes again is known; 14 days at least."""
    media_s: Seconds = 30 * 86_400
    """Files of media, from when they were last needed."""
    webhooks_s: Annotated[float, Meta(ge=3600)] = 3 * 86_400
    """Provider webhooks as they came, after they were read; an hour at least."""
    unreadable_s: Seconds = 90 * 86_400
    """Provider webhooks that could not be read."""
    history_s: Annotated[float, Meta(ge=90 * 86_400)] = 400 * 86_400
    """Outages that are over, and when sessions changed their state; 90 days at least."""
    audit_s: Seconds = 730 * 86_400
    """Rows of the audit log; a row says which are gone, and the chain of those that stay still holds."""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """`auto`: coloured lines on a terminal, JSON lines elsewhere."""


class Otel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Traces, by OpenTelemetry; where they go is said by the standard OTEL_* variables."""

    traces: bool = False
    """Whether spans are recorded and sent, by OTLP over HTTP; needs `esteio[otel]`."""
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """How many of the traces that begin here are recorded, 0 to 1; what a caller's `traceparent` says is kept."""
    to_providers: bool = False
    """Whether requests to providers carry `traceparent`: a provider is a stranger."""


class DeclaredLimits(Limits, frozen=True, forbid_unknown_fields=True):
    """A declared server's own limits."""


class DeclaredServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[servers]]` of the file, as `POST /v1/servers` takes it."""

    name: str
    kind: str
    base_url: str
    credentials: dict[str, str] = {}
    limits: DeclaredLimits = DeclaredLimits()


class DeclaredSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[sessions]]` of the file, as `POST /v1/sessions` takes it."""

    name: str
    server: str
    phone: str | None = None
    ref: dict[str, str] = {}
    policy: str | None = None
    adopt: bool = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All settings of one gateway."""

    listen: str = "127.0.0.1:8700"
    """HOST:PORT of the API and of the webhooks in."""
    metrics_listen: str = ""
    """HOST:PORT of a listener of its own for `/metrics`, `/livez` and `/readyz`, without keys; empty: none."""
    data: str = "esteio-data"
    """Directory of the SQLite database, the media and `secret.key`."""
    node: Annotated[str, Meta(max_length=64, pattern="^[^\\s:/]*$")] = ""
    """How this process is called among several on one PostgreSQL, over its restarts and like no other; empty: by its
    host's name."""
    database: str = ""
    """`postgresql://…`, or empty for SQLite inside `data`."""
    public_url: str = ""
    """How providers reach this gateway; empty: http:// and `listen`."""
    language: Language = "pt-BR"
    """Language of sentences when a caller names none."""
    phone_region: str = "BR"
    """Country (two letters) of phone numbers without a country code; empty: only such with a country code are read."""
    admin_key: str = ""
    """An API key with the role `admin`, 16 characters or more; empty: the first start makes one."""
    secret_key: str = ""
    """Seals credentials at rest, 16 characters or more; empty: `data`/secret.key."""
    other_secret_keys: tuple[str, ...] = ()
    """Keys that open what they sealed and seal nothing themselves: the one of before, and the next one."""
    allow_targets: tuple[str, ...] = ()
    """Private or loopback networks that webhooks and media URLs may point into, e.g. `10.0.0.0/8`."""
    max_body_bytes: Count = 1_048_576
    """Largest request body without media, in bytes."""
    max_media_bytes: Count = 104_857_600
    """Largest media, in bytes; a body that carries it in base64 may be 1.4 times as large."""
    webhook_bytes_per_hour: Annotated[int, Meta(ge=0)] = 2_147_483_648
    """How many bytes of webhooks one session may be sent within an hour; beyond, 429. 0: any number."""
    media_url_for_s: Annotated[float, Meta(ge=1)] = 3600
    """How long an address that hands out a media is good, in seconds; each reading and each delivery signs it anew."""
    idempotency_for_s: Seconds = 86_400
    """How long an `Idempotency-Key` is remembered, in seconds."""
    notify: Notify = Notify()
    door: Door = Door()
    drain: Drain = Drain()
    retention: Retention = Retention()
    log: Log = Log()
    otel: Otel = Otel()
    policy: dict[str, dict[str, Any]] = {}
    """`[policy.NAME]`: `inherits` and the knobs that differ."""
    servers: tuple[DeclaredServer, ...] = ()
    """Servers that shall exist; applied on start."""
    sessions: tuple[DeclaredSession, ...] = ()
    """Sessions that shall exist; applied on start."""

    def __repr__(self) -> str:
        return f"Settings(listen={self.listen!r}, data={self.data!r})"

    @cached_property
    def policies(self) -> Mapping[str, Policy]:
        """Every policy by name, the built-in ones included."""
        return build(self.policy)

    def policy_of(self, name: str) -> Policy:
        """The policy that a session names; `default` when the settings no longer know it."""
        return self.policies.get(name) or self.policies["default"]

    @cached_property
    def allowed_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(text, strict=False) for text in self.allow_targets)

    @property
    def longest_send_s(self) -> float:
        """The longest that a send may take by any policy, in seconds."""
        return max(policy.send_timeout_s for policy in self.policies.values())

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def base_url(self) -> str:
        """How providers reach this gateway, without a slash at the end."""
        return (self.public_url or f"http://{self.listen}").rstrip("/")

    @property
    def max_carried_bytes(self) -> int:
        """Largest body that carries media in base64: a third more than the media, and room for the rest."""
        return max(self.max_body_bytes, self.max_media_bytes * 7 // 5)


ENVIRONMENT: Mapping[str, tuple[str, ...]] = {
    "ESTEIO_LISTEN": ("listen",),
    "ESTEIO_METRICS_LISTEN": ("metrics_listen",),
    "ESTEIO_DATA": ("data",),
    "ESTEIO_DATABASE": ("database",),
    "ESTEIO_NODE": ("node",),
    "ESTEIO_PUBLIC_URL": ("public_url",),
    "ESTEIO_LANGUAGE": ("language",),
    "ESTEIO_PHONE_REGION": ("phone_region",),
    "ESTEIO_ADMIN_KEY": ("admin_key",),
    "ESTEIO_SECRET_KEY": ("secret_key",),
    "ESTEIO_OTHER_SECRET_KEYS": ("other_secret_keys",),
    "ESTEIO_ALLOW_TARGETS": ("allow_targets",),
    "ESTEIO_MAX_BODY_BYTES": ("max_body_bytes",),
    "ESTEIO_MAX_MEDIA_BYTES": ("max_media_bytes",),
    "ESTEIO_WEBHOOK_BYTES_PER_HOUR": ("webhook_bytes_per_hour",),
    "ESTEIO_MEDIA_URL_FOR_S": ("media_url_for_s",),
    "ESTEIO_IDEMPOTENCY_FOR_S": ("idempotency_for_s",),
    "ESTEIO_NOTIFY": ("notify", "targets"),
    "ESTEIO_DOOR_SERVER": ("door", "server"),
    "ESTEIO_DOOR_LISTEN": ("door", "listen"),
    "ESTEIO_DOOR_WAIT_S": ("door", "wait_s"),
    "ESTEIO_DOOR_DEDUPE_S": ("door", "dedupe_s"),
    "ESTEIO_DRAIN_UNREADY_S": ("drain", "unready_s"),
    "ESTEIO_DRAIN_CALLS_S": ("drain", "calls_s"),
    "ESTEIO_LOG_LEVEL": ("log", "level"),
    "ESTEIO_LOG_FORMAT": ("log", "format"),
    "ESTEIO_OTEL_TRACES": ("otel", "traces"),
    "ESTEIO_OTEL_SAMPLE_RATIO": ("otel", "sample_ratio"),
    "ESTEIO_OTEL_TO_PROVIDERS": ("otel", "to_providers"),
}
LISTS = frozenset({"ESTEIO_ALLOW_TARGETS", "ESTEIO_NOTIFY", "ESTEIO_OTHER_SECRET_KEYS"})
"""Variables that hold several words, parted by commas or white space."""
NOT_OURS = re.compile(r"ESTEIO_(URL|KEY|SERVER_APIKEY|CONFIG|SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_\w+)")
"""The command line's own, and what Kubernetes sets beside a service that is called esteio."""


def load(file: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from a file, the environment and the command line, the later before the earlier.

    `overrides` holds field names with values; None in it means not given. Raises `SettingsError`.
    """
    tree = _read(file) if file is not None else {}
    _refuse_unknown(tree, file)
    for name, text in environ.items():
        if name.startswith("ESTEIO_") and not NOT_OURS.fullmatch(name):
            _place(tree, name, text)
    tree.update({key: value for key, value in (overrides or {}).items() if value is not None})
    return checked(_convert(tree))


def checked(settings: Settings) -> Settings:
    """The same settings, when they can be used together. Raises `SettingsError`."""
    _check_listen("listen", settings.listen)
    if settings.door.listen:
        _check_listen("door.listen", settings.door.listen)
    if settings.metrics_listen:
        _check_listen("metrics_listen", settings.metrics_listen)
    if any(len(word) < SHORTEST_KEY for word in settings.other_secret_keys):
        raise SettingsError(f"each of other_secret_keys needs {SHORTEST_KEY} characters or more")
    for name in ("admin_key", "secret_key"):
        if 0 < len(getattr(settings, name)) < SHORTEST_KEY:
            raise SettingsError(f"{name} needs {SHORTEST_KEY} characters or more")
    if settings.public_url and not re.match(r"https?://[^/\s]+", settings.public_url):
        raise SettingsError("public_url must begin with http:// or https:// and name a host")
    try:
        _ = settings.allowed_networks
    except ValueError as error:
        raise SettingsError(f"allow_targets: {error}") from error
    if settings.phone_region and settings.phone_region not in REGIONS:
        near = nearest(settings.phone_region.upper(), REGIONS)
        raise SettingsError(
            f"phone_region must be a country's two letters, such as BR, or empty, not {settings.phone_region!r}"
            + (f"; did you mean {near!r}?" if near else "")
        )
    _check_retention(settings.retention)
    _check_policies(settings)
    _check_declared(settings)
    return settings


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no TOML: {error}") from error


def _unknown(what: str, known: Iterable[str]) -> SettingsError:
    near = nearest(what, known)
    return SettingsError(f"unknown setting {what!r}" + (f"; did you mean {near!r}?" if near else ""))


def _refuse_unknown(tree: Mapping[str, Any], file: Path | None) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    inner: dict[str, Any] = {"servers": DeclaredServer, "sessions": DeclaredSession}
    for key, value in tree.items():
        if key not in known:
            error = _unknown(key, known)
            raise SettingsError(f"{file}: {error}")
        shape = inner.get(key, known[key])
        for table in value if isinstance(value, list) else [value]:
            if isinstance(table, dict) and isinstance(shape, type) and issubclass(shape, msgspec.Struct):
                names = shape.__struct_fields__
                for name in table:
                    if name not in names:
                        raise SettingsError(f"{file}: {_unknown(f'{key}.{name}', [f'{key}.{n}' for n in names])}")


def _place(tree: dict[str, Any], name: str, text: str) -> None:
    """One variable into the tree. Numbers stay text: the conversion is lax."""
    if name not in ENVIRONMENT:
        raise _unknown(name, ENVIRONMENT)
    *path, last = ENVIRONMENT[name]
    for step in path:
        tree = tree.setdefault(step, {})
    tree[last] = [word for word in re.split(r"[,\s]+", text) if word] if name in LISTS else text


def _convert(tree: Mapping[str, Any]) -> Settings:
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error).replace("`$.", "`")) from error


def _check_listen(name: str, text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{name} must read HOST:PORT, not {text!r}")


def _check_retention(keep: Retention) -> None:
    """Nobody asks for longer ago than that: whether a chat is warm (30 days), what a gap brings (7 days)."""
    for name, days in (("messages_s", 31), ("timeline_s", 7)):
        if 0 < getattr(keep, name) < days * 86_400:
            raise SettingsError(f"retention.{name} must be 0 or {days * 86_400} ({days} days) at least")


def _check_policies(settings: Settings) -> None:
    for name, table in settings.policy.items():
        for knob in table:
            if knob not in {*KNOBS, "inherits"}:
                raise _unknown(f"policy.{name}.{knob}", [f"policy.{name}.{known}" for known in KNOBS])
    try:
        _ = settings.policies
    except PolicyError as error:
        raise SettingsError(str(error)) from error


def _check_declared(settings: Settings) -> None:
    for session in settings.sessions:
        if session.policy is not None and session.policy not in settings.policies:
            near = nearest(session.policy, {*BUILT_IN, *settings.policy})
            raise SettingsError(
                f"session {session.name!r}: unknown policy {session.policy!r}"
                + (f"; did you mean {near!r}?" if near else "")
            )
