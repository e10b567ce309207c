"""Sessions: their rows, their view for the judge, QR codes, the timeline, and approvals.

Never lives here: the commit of a decision (`decisions`), messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import ServerName, SessionId, SessionName
from esteio.core.model.session import Session
from esteio.core.model.state import SessionState
from esteio.core.model.tenant import ALL, Reach
from esteio.core.webhooks.evolution_names import instance_id, instance_name
from esteio.store.base import ApiKey, EventRow, Exists, InstanceTaken, JournalEntry, KeyTaken, Page, Work
from esteio.store.delivery import Endpoint
from esteio.store.sql import journal, rows
from esteio.store.sql.base import SqlSubject
from esteio.store.sql.db import Db
from esteio.store.sql.delivery.webhook_endpoints import add_endpoint
from esteio.store.sql.locks import lock_session
from esteio.store.sql.quotas import check_room

_FORGET = (
    "session_forget_send_lanes",
    "session_forget_media",
    "session_forget_attempts",
    "session_forget_messages",
    "session_forget_idempotency",
    "session_forget_provider_webhooks",
    "session_forget_inbound_dedupe",
    "session_forget_pending_receipts",
    "session_forget_contact_lids",
    "session_forget_phones",
    "session_forget_history_gap",
    "session_forget_body_retention",
    "session_forget_outages",
    "session_forget_states",
    "session_forget_status_pages",
    "session_forget_approvals",
    "session_forget_qr",
    "session_forget_pair_link",
    "session_forget_journal",
    "session_forget_work",
    "session_forget_keys",
    "session_forget_owner",
    "session_delete",
)


class SqlSessions(SqlSubject):
    """The sessions of this database; rows that were read are remembered until a commit touches them."""

    async def add(
        self,
        session: Session,
        token: str,
        sealed: bytes,
        now: float,
        journal: Sequence[JournalEntry],
        work: Sequence[Work],
        *,
        instance: str | None = None,
        replaced: bytes | None = None,
        news: Sequence[Evidence] = (),
        settings: bytes | None = None,
        endpoints: Sequence[Endpoint] = (),
        keys: Sequence[tuple[ApiKey, bytes]] = (),
    ) -> Session:
        """Journal lines, news and work without a session get the new id."""
        more = {"token": token, "encrypted": sealed, "instance": instance, "replaced": replaced, "settings": settings}

        async def operation(db: Db) -> Session:
            added = await _add_session(db, session, more, journal, work)
            await _add_news(db, added, news)
            for endpoint in endpoints:
                await add_endpoint(db, endpoint)
            for key, secret_hash in keys:
                if not await db.run("api_key_add", rows.key_params(key, secret_hash, added.id)):
                    raise KeyTaken(key.id)
            return added

        return await self._write(operation)

    async def instance_owner(self, server: ServerName, instance: str) -> SessionName | None:
        """The session that this instance belongs to."""
        name: SessionName | None = await self._reader.value(
            "session_of_instance", {"server": server, "instance": instance}
        )
        return name

    async def by_instance(self, instance: str) -> Sequence[Session]:
        return [rows.session_of(row) for row in await self._reader.rows("sessions_of_instance", {"instance": instance})]

    async def settings(self, session_id: SessionId) -> bytes | None:
        """What was kept, sealed; None when nothing was."""
        settings: bytes | None = await self._reader.value("session_settings", {"id": session_id})
        return settings

    async def keep_settings(self, session_id: SessionId, settings: bytes) -> None:
        """On disk when it returns."""
        await self._write(lambda db: db.run("session_keep_settings", {"id": session_id, "settings": settings}))

    async def replaced_webhook(self, session_id: SessionId) -> bytes | None:
        """What was kept, sealed; None when nothing was."""
        replaced: bytes | None = await self._reader.value("session_replaced", {"id": session_id})
        return replaced

    async def keep_replaced_webhook(self, session_id: SessionId, replaced: bytes) -> None:
        """On disk when it returns."""
        await self._write(lambda db: db.run("session_replace", {"id": session_id, "replaced": replaced}))

    async def move(self, session: Session, tenant: str) -> bool:
        """A judgement under way about it starts again. Raises `QuotaExceeded`, `LookupError` for a tenant that is
        gone."""

        async def operation(db: Db) -> bool:
            await check_room(db, tenant, "sessions")
            if not await db.run("session_move", {"id": session.id, "tenant": tenant}):
                return False
            await db.put("session_forget_status_pages", {"id": session.id})
            await db.put("session_move_keys", {"id": session.id, "tenant": tenant})
            await db.put("session_move_webhook", {"name": session.name, "tenant": tenant})
            past = {"name": session.name, "before": session.tenant, "since": session.created_at, "tenant": tenant}
            await db.put("session_move_events", past)
            return True

        return await self._write(operation)

    async def chatwoot(self, session_id: SessionId) -> bytes | None:
        sealed: bytes | None = await self._reader.value("session_chatwoot", {"id": session_id})
        return sealed

    async def keep_chatwoot(self, session_id: SessionId, sealed: bytes) -> None:
        await self._write(lambda db: db.run("session_keep_chatwoot", {"id": session_id, "chatwoot": sealed}))

    async def amend(
        self, session: Session, sealed: bytes, instance: str | None, evidence: Evidence, *, moved: bool
    ) -> bool:
        """Phone, policy, ref and its secrets; a judgement under way starts again. Raises `InstanceTaken`."""
        params = {
            "id": session.id,
            "phone": session.phone,
            "phones": rows.phones_of(session),
            "policy": session.policy,
            "ref": rows.to_text(session.ref),
            "encrypted": sealed,
            "instance": instance,
            "moved": int(moved),
        }

        async def operation(db: Db) -> bool:
            await lock_session(db, session.id)
            await _check_instance(db, session, instance)
            if not await db.run("session_amend", params):
                return False
            await journal.add_news(db, session.id, session.server, [evidence])
            return True

        return await self._write(operation)

    async def by_name(self, name: SessionName) -> Session | None:
        return await self._database.session("session_by_name", name)

    async def by_id(self, session_id: SessionId) -> Session | None:
        return await self._database.session("session_by_id", session_id)

    async def by_token(self, token: str) -> Session | None:
        return await self._database.session("session_by_token", token)

    async def secrets(self, session_id: SessionId) -> tuple[str, bytes]:
        """Raises `LookupError` when the session is gone."""
        row = await self._reader.row("session_secrets", {"id": session_id})
        if row is None:
            raise LookupError(f"no session {session_id}")
        return row.token, row.encrypted

    async def page(
        self,
        *,
        reach: Reach = ALL,
        state: SessionState | None = None,
        server: ServerName | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """By name; the cursor is the last name seen."""
        params = {"after": after or "", "state": state, "server": server, "limit": limit + 1, "tenant": reach.tenant}
        statement = "sessions_page" if reach.tenant is None else "sessions_page_of_tenant"
        found = [rows.session_of(row) for row in await self._reader.rows(statement, params)]
        return Page(tuple(found[:limit]), found[limit - 1].name if len(found) > limit else None)

    async def change(
        self,
        session_id: SessionId,
        now: float,
        *,
        ref: Mapping[str, str] | None = None,
        sealed: bytes | None = None,
    ) -> None:
        """What is None stays. The version does not grow: no judgement rests on these."""
        params = {"id": session_id, "ref": rows.text_or_none(ref), "encrypted": sealed, "token": None}
        await self._write(lambda db: db.run("session_change", params))

    async def delete(self, session_id: SessionId, now: float) -> bool:
        """Everything of it goes, public events stay; its control work is dropped."""

        async def operation(db: Db) -> bool:
            await lock_session(db, session_id)
            db.briefs.pop(session_id, None)
            await _tell_deleted(db, session_id, now)
            return [await db.run(name, {"id": session_id, "now": now}) for name in _FORGET][-1] > 0

        return await self._write(operation)


async def server_of_session(db: Db, session_id: SessionId) -> ServerName | None:
    """The server that a session lives on, None when the session is gone."""
    row = await db.row("session_brief", {"id": session_id})
    return None if row is None else row.server


async def known_session(db: Db, session_id: SessionId | None) -> SessionId | None:
    """The id, unless its session is gone."""
    return session_id if session_id is not None and await server_of_session(db, session_id) is not None else None


async def _tell_deleted(db: Db, session_id: SessionId, now: float) -> None:
    """The last event of a session; its webhook at the Evolution door ends with it."""
    row = await db.row("session_by_id", {"word": session_id})
    if row is None:
        return
    session = rows.session_of(row)
    named = {"name": session.name, "instance": instance_name(session), "instance_id": instance_id(session)}
    told = EventRow("session.deleted", now, named, session.name, tenant=session.tenant)
    await db.put("event_add", rows.event_params(told))
    await db.put("webhook_endpoint_ends", {"id": session_id})


async def _check_instance(db: Db, session: Session, instance: str | None) -> None:
    holder = await db.value("session_of_instance", {"server": session.server, "instance": instance})
    if holder is not None and holder != session.name:
        raise InstanceTaken(instance)


async def _add_news(db: Db, session: Session, news: Sequence[Evidence]) -> None:
    if news:
        await journal.add_news(db, session.id, session.server, news)


async def _add_session(
    db: Db, session: Session, more: rows.Params, entries: Sequence[JournalEntry], work: Sequence[Work]
) -> Session:
    await check_room(db, session.tenant, "sessions")
    await _check_instance(db, session, more["instance"])
    given = await db.value("session_add", {**rows.session_params(session), **more})
    if given is None:
        raise Exists(session.name)
    session_id = SessionId(given)
    await db.put("session_owner_add", {"id": session_id})
    await journal.add_entries(db, entries, session_id, session.server)
    for item in work:
        about = item if item.session_id is not None else msgspec.structs.replace(item, session_id=session_id)
        await db.put("work_add", rows.work_params(about))
    return msgspec.structs.replace(session, id=session_id)
