"""One instance inside Evolution: what its code does with Baileys' events, its database row, its webhooks.

Faithful to 2.3.7 (and by `Rules` to its neighbours), harmful habits included: no `close` webhook for ordinary drops,
clean-up after an awaited webhook, a QR that stays in memory, reconnection without end. Never lives here: HTTP.
"""

# ruff: noqa: ARG002 - handlers share their signatures
from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from esteio.sim.providers.evolution.payloads import (
    BLANK_PNG,
    EVENTS,
    Rules,
    disconnection,
    inbound_message,
    iso,
    jid_of,
    jwt,
)
from esteio.sim.world.instance import Instance, Socket
from esteio.sim.world.ledger import Emission, Unlink
from esteio.sim.world.server import SimServer
from esteio.sim.world.webhooks import QueuedWebhook
from esteio.sim.world.whatsapp import Link, Stanza

Json = Any
QR_LIMIT = 30
LIMIT_TEXT = "QR code limit reached, please login again"
STORED_MAX = 5_000


class WebhookRow(msgspec.Struct):
    """The `Webhook` row of one instance."""

    url: str
    events: tuple[str, ...] = tuple(EVENTS)
    enabled: bool = True
    headers: Mapping[str, str] | None = None
    by_events: bool = False
    base64: bool = False
    updated_at: float = 0.0


class StoredMessage(msgspec.Struct):
    """A row of `Message` with its `MessageUpdate`s."""

    id: str
    key: dict[str, Json]
    message: Json
    kind: str
    at: float
    push_name: str
    context: Json = None
    updates: list[str] = []
    deleted: bool = False
    source: str = "web"


class EvolutionInstance(Instance):
    """An Evolution instance. `state` is memory's word, `db_state` the database's; neither is the truth."""

    server: SimServer

    def __init__(self, server: SimServer, name: str, rules: Rules, token: str = "") -> None:
        super().__init__(server, name)
        dice = self.world.dice
        self.rules = rules
        self.stall_scope = "all" if rules.serial_queue else "inbound"
        self.instance_id = _uuid(dice.getrandbits(128))
        self.token = token or _uuid(dice.getrandbits(128)).upper()
        self.number: str | None = None
        self.db_state = "close"
        self.owner_jid: str | None = None
        self.profile_name: str | None = None
        self.gone_code: int | None = None
        self.gone_object: str | None = None
        self.gone_at: float | None = None
        self.created_at = self.updated_at = self.world.now()
        self.settings: dict[str, Json] = {
            "rejectCall": False, "msgCall": "", "groupsIgnore": False, "alwaysOnline": False, "readMessages": False,
            "readStatus": False, "syncFullHistory": False, "wavoipToken": "",
        }  # fmt: skip
        self.configured: dict[str, Json] = {}
        """What was set and is only kept: event sinks, proxy, Chatwoot."""
        self.hook: WebhookRow | None = None
        self.qr: dict[str, Json] = {"count": 0}
        self.qr_count = 0
        self.pair_number: str | None = None
        self._coded: Socket | None = None
        """The socket that the pairing code in `qr` belongs to."""
        self.wuid: str | None = None
        self.ended_session = False
        self.process_deaf = False
        self.old_logout_works = False
        """A ghost of the older kind: logout answers SUCCESS, closes it in memory and keeps the credentials."""
        self.drops_in_sends: list[str] = []
        """The next sends meet a drop, with these close codes."""
        self.unstored: list[str] = []
        """What keeps the next sends out of the table after they went out: `adapter`, `prisma`, `died`."""
        self.messages: dict[str, StoredMessage] = {}
        self.contacts: set[str] = set()
        self.removed = False

    # -- faults of its own -----------------------------------------------------------------------------------------

    def drop_in_sends(self, params: dict[str, Any]) -> None:
        self.drops_in_sends = [str(params.get("code", 1006))] * params.get("count", 1)

    def store_nothing(self, params: dict[str, Any]) -> None:
        self.unstored = [params.setdefault("variant", "adapter")] * params.get("count", 1)

    def mend_sends(self) -> None:
        self.drops_in_sends, self.unstored = [], []

    def haunt(self, variant: str) -> None:
        self.old_logout_works = variant == "old_logout_works"

    def forget_webhook(self, variant: str) -> None:
        if variant == "gone" or self.hook is None:
            self.hook = None
        elif variant == "events":
            self.hook.events = ()
        elif variant == "disabled":
            self.hook.enabled = False
        else:
            self.hook.url = "http://old-receiver.sim/hook"

    # -- webhooks -------------------------------------------------------------------------------------------------

    def tell(self, event: str, data: Json, *, provider_id: str | None = None) -> asyncio.Task[bool] | None:
        """Emit a webhook if the row asks for it; the task ends when the series of attempts is over."""
        hook = self.hook
        if hook is None or not hook.enabled or not hook.url:
            return None
        if event.replace(".", "_").replace("-", "_").upper() not in hook.events:
            return None
        now = self.world.now()
        body: dict[str, Json] = {
            "event": event,
            "instance": self.name,
            "data": data,
            "destination": hook.url,
            "date_time": iso(now + self.server.tz_offset_s),
            "server_url": self.server.base_url,
            "apikey": self.token,
        }
        if self.wuid:
            body["sender"] = self.wuid
        url = f"{hook.url}/{event.replace('.', '-')}" if hook.by_events else hook.url
        letter = QueuedWebhook(self.name, event, url, self._headers(hook, event, now), msgspec.json.encode(body))
        if provider_id and (truth := self.world.ledger.inbound_by_id(provider_id)):
            letter.emission = Emission(now, self.server.name, self.name)
            truth.emitted.append(letter.emission)
        return self.server.post(letter)

    def _headers(self, hook: WebhookRow, event: str, now: float) -> Mapping[str, str]:
        headers = {"content-type": "application/json", "user-agent": "axios/1.13.2"}
        for key, value in (hook.headers or {}).items():
            if key == "jwt_key":
                headers["Authorization"] = f"Bearer {jwt(value, now)}"
            else:
                headers[key] = value
        if self.rules.rich_headers:
            headers |= {"X-Instance-Name": self.name, "X-Event-Type": event}
        return headers

    def tell_connection(self, state: str, reason: int, **more: Json) -> None:
        """Posts `connection.update` with this state and Baileys' status code."""
        self.tell("connection.update", {"instance": self.name, **more, "state": state, "statusReason": reason})

    # -- Baileys' events ------------------------------------------------------------------------------------------

    def on_connecting(self, sock: Socket) -> None:
        if not self.ended_session:
            self.state = "connecting"
            self.tell_connection("connecting", 200)

    def on_qr(self, sock: Socket, code: str) -> None:
        if self.ended_session:
            return
        if self.qr_count >= QR_LIMIT:
            self._refuse(sock)
            return
        self.qr_count += 1
        pairing = self.qr.get("pairingCode") if self._coded is sock else None
        if self.pair_number and pairing is None:
            pairing, self._coded = self.world.new_pairing_code(sock), sock
        picture = self.world.draw_qr(code) if self.world.draw_qr else BLANK_PNG
        self.qr = {"pairingCode": pairing, "code": code, "base64": picture, "count": self.qr_count}
        self.db_state = "connecting"
        told = {"instance": self.name, "pairingCode": pairing, "code": code, "base64": picture}
        self.tell("qrcode.updated", {"qrcode": told})

    def _refuse(self, sock: Socket) -> None:
        """The thirtieth QR was not used: it gives up until someone calls connect."""
        self.tell("qrcode.updated", {"message": LIMIT_TEXT, "statusCode": 500})
        self.tell_connection("refused", 428)
        self.ended_session = True
        self.state = "close"
        self.qr, self.qr_count, self.pair_number = {"count": 0}, 0, None
        self.lose(sock, 401, "qr limit")

    @property
    def login_named(self) -> bool:
        """Whether the login has a push name, without which Baileys sends no presence."""
        return self.link is None or bool(self.world.phone(self.link.number).name)

    def on_paired(self, link: Link) -> None:
        self.wuid = jid_of(link.number)
        self.pair_number = None

    def on_open(self, sock: Socket) -> None:
        if self.removed or self.ended_session or sock.link is None:
            return
        if self.link is None:
            self.link = sock.link
        number = sock.link.number
        self.state = self.db_state = "open"
        self.wuid = self.owner_jid = jid_of(number)
        self.profile_name = self.world.phone(number).name or None
        self.updated_at = self.world.now()
        self.tell_connection("open", 200, wuid=self.wuid, profileName=self.profile_name, profilePictureUrl=None)

    def on_close(self, sock: Socket, code: int, why: str) -> None:
        if self.removed or self.ended_session:
            return
        if code in self.rules.terminal:
            self._terminal(code, why)
            return
        self.state = "close"
        first_ever = self.rules.reconnect_s > 0 and not self.wuid and self.qr_count == 0
        if not first_ever:
            self.prepare(self.rules.reconnect_s)

    def _terminal(self, code: int, why: str) -> None:
        """No reconnection: row closed, three webhooks, and after `logout.instance` the credentials are deleted."""
        now = self.world.now()
        self.state = self.db_state = "close"
        self.gone_code, self.gone_at, self.updated_at = code, now, now
        self.gone_object = disconnection(code, self.name, now, ours=why in ("logout", "delete"))
        status = {
            "instance": self.name,
            "status": "closed",
            "disconnectionAt": iso(now),
            "disconnectionReasonCode": code,
            "disconnectionObject": self.gone_object,
        }
        self.tell("status.instance", status)
        series = self.tell("logout.instance", None)
        self.tell_connection("close", code)
        cause = {402: "temp_banned", 403: "forbidden", 406: "banned", 408: "block_408"}.get(code, why)
        if why in ("logout", "delete"):
            self._forget_link(self.link, cause)
        self._after(series, self._clean_up, self.link, cause)

    def _after(self, series: asyncio.Task[bool] | None, fn: Any, *args: Any) -> None:
        """Go on when the awaited webhook's attempts are over; a process that died never does."""
        if series is None:
            fn(*args)
            return
        epoch = self.server.epoch

        def gone_on(task: asyncio.Task[bool]) -> None:
            if not task.cancelled() and epoch == self.server.epoch:
                fn(*args)

        series.add_done_callback(gone_on)

    def _clean_up(self, meant: Link | None, cause: str) -> None:
        """`cleaningUp`: whatever session row is there is deleted, even one that was paired meanwhile."""
        self.db_state = "close"
        self._forget_link(self.link, cause if self.link is meant else "late_cleanup")

    def _forget_link(self, link: Link | None, cause: str) -> None:
        if link is None:
            return
        self.link = None
        if link.linked:
            self.world.ledger.unlinks.append(Unlink(self.world.now(), self.server.name, self.name, link.number, cause))

    # -- stanzas --------------------------------------------------------------------------------------------------

    def on_stanza(self, stanza: Stanza) -> None:
        if self.removed:
            return
        if stanza.what == "message":
            self._came_in(stanza)
        elif stanza.what == "receipt":
            self._receipt(stanza)
        else:
            self._changed(stanza)

    def _came_in(self, stanza: Stanza) -> None:
        if self.process_deaf:
            self.swallowed(stanza)
            return
        jid = jid_of(stanza.peer)
        lid = stanza.extra.get("lid")
        key: dict[str, Json] = {"remoteJid": jid, "fromMe": stanza.from_me, "id": stanza.provider_id}
        key |= {"participant": "", "addressingMode": "lid" if lid else "pn"}
        if lid:
            key["remoteJidAlt"] = jid
        message, kind = inbound_message(stanza.kind, stanza.text, stanza.extra, jid)
        name = "Você" if stanza.from_me else stanza.push_name
        row = self.store(key, message, kind, at=stanza.at, push_name=name)
        data = {
            "key": key,
            "pushName": row.push_name,
            "status": "DELIVERY_ACK",
            "message": message | self._base64(stanza.provider_id),
            "messageType": kind,
            "messageTimestamp": int(stanza.at),
            "instanceId": self.instance_id,
            "source": "web",
        }
        if quoted := stanza.extra.get("quoted"):
            data["contextInfo"] = {"stanzaId": quoted, "participant": self.wuid, "mentionedJid": []}
        if truth := self.world.ledger.inbound_by_id(stanza.provider_id):
            truth.stored.append(f"{self.server.name}/{self.name}")
        self.tell("messages.upsert", data, provider_id=stanza.provider_id)
        self._contact(jid, row.push_name)

    def _base64(self, provider_id: str) -> dict[str, Json]:
        """A media's bytes, where the webhook asks for them; they are not kept in the table."""
        data = self.world.media_of(provider_id) if self.hook is not None and self.hook.base64 else None
        return {} if data is None else {"base64": base64.b64encode(data).decode()}

    def _contact(self, jid: str, name: str) -> None:
        data = {"remoteJid": jid, "pushName": name, "profilePicUrl": None, "instanceId": self.instance_id}
        self.tell("contacts.update" if jid in self.contacts else "contacts.upsert", data)
        self.tell("chats.update", [{"remoteJid": jid, "instanceId": self.instance_id}])
        self.contacts.add(jid)

    def _receipt(self, stanza: Stanza) -> None:
        """A plain server ack makes no webhook; an update of a message that is not in the table neither."""
        row = self.messages.get(stanza.provider_id)
        if row is None or stanza.status == "SERVER_ACK":
            return
        row.updates.append(stanza.status)
        self._update(row, stanza.status)

    def _update(self, row: StoredMessage, status: str, **more: Json) -> None:
        data = {"keyId": row.key["id"], "remoteJid": row.key["remoteJid"], "fromMe": row.key["fromMe"]}
        if not row.key["fromMe"]:
            data["participant"] = ""
        self.tell(
            "messages.update",
            data | {"status": status, "instanceId": self.instance_id, **more, "messageId": row.id},
        )

    def _changed(self, stanza: Stanza) -> None:
        """An edit or a revoke: `messages.edited` is awaited inside the queue, retries and all."""
        key = {"remoteJid": jid_of(stanza.peer), "fromMe": stanza.from_me, "id": stanza.provider_id}
        row = self.messages.get(stanza.provider_id)
        if stanza.what == "edit":
            edited = {"conversation": stanza.text}
            data = {"key": key, "type": "MESSAGE_EDIT", "editedMessage": edited, "timestampMs": "1"}
            series = self.tell("messages.edited", data)
        else:
            series = self.tell("messages.edited", {"key": key, "type": "REVOKE"})
        if series is not None and self.rules.serial_queue:
            self.stall()
            self._after(series, self.unstall)
        if stanza.what == "edit" and row is not None:
            self._update(row, "SERVER_ACK", message={"editedMessage": {"message": {"conversation": stanza.text}}})
        elif row is not None:
            row.deleted = True
            self.tell("messages.delete", row.key | {"status": "DELETED"})

    def store(
        self, key: dict[str, Json], message: Json, kind: str, *, at: float, push_name: str, context: Json = None
    ) -> StoredMessage:
        """Keep a message in the table; a redelivered id keeps its first row."""
        if (row := self.messages.get(key["id"])) is None:
            row = StoredMessage(f"c{self.world.dice.getrandbits(96):024x}", key, message, kind, at, push_name, context)
            self.messages[key["id"]] = row
            if len(self.messages) > STORED_MAX:
                del self.messages[next(iter(self.messages))]
        return row

    # -- ends and beginnings -------------------------------------------------------------------------------------

    def forget_credentials(self, cause: str) -> None:
        """2.4.0's logout of a dead socket: the instance closes, the credentials go, WhatsApp never hears of it."""
        self.die_quietly(ended=True)
        self._terminal(401, cause)

    def remove_after(self, series: asyncio.Task[bool] | None) -> None:
        """The rows go when the `remove.instance` webhook's attempts are over."""
        self._after(series, self._remove)

    def _remove(self) -> None:
        self._forget_link(self.link, "delete")
        self.removed = True
        self.life += 1
        for sock in list(self.sockets):
            self.discard(sock, "deleted")
        if self.server.lines.get(self.name) is self:
            del self.server.lines[self.name]

    def wake_paired(self, number: str) -> None:
        """Be paired with `number` and open at once, without a word to anybody."""
        self.link = self.world.whatsapp.pair(self.world.phone(number), self.server.name, self.name)
        self.raise_socket(self.link)
        self.state = self.db_state = "open"
        self.wuid = self.owner_jid = jid_of(number)
        self.profile_name = self.world.phone(number).name or None

    # -- the process ----------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        super().power_off()
        self.qr, self.qr_count, self.pair_number = {"count": 0}, 0, None
        self.ended_session = self.process_deaf = self.old_logout_works = False

    def boot(self) -> None:
        self.tell("application.startup", {"message": "Application startup"})
        if self.rules.boots_all or self.db_state in ("open", "connecting"):
            self.state = "connecting"
            self.prepare()

    @property
    def registry(self) -> str:
        return self.db_state


def _uuid(bits: int) -> str:
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
