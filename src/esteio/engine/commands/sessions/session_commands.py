"""Sessions: made, adopted, bound anew, changed.

The row comes first; a new session's first act is a work row, and everything else that is asked for is evidence and a
wake-up. Never lives here: a change of a session's state, a delete (`removal`), a code (`pairing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

import msgspec
from msgspec import UnsetType

from esteio.clock import Clock
from esteio.config import Settings
from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.core.model.tenant import name_on_shared
from esteio.engine.audit.audit_log import AuditLog
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.checks import known_policy, plain_name
from esteio.engine.commands.keys import key_shown
from esteio.engine.commands.lookup import Lookup
from esteio.engine.commands.requests import SessionChange, SessionRequest
from esteio.engine.commands.sessions.bindings import Bindings, already_adopted
from esteio.engine.commands.sessions.operator_evidence import OperatorEvidence
from esteio.engine.commands.sessions.pairing import PairingCommands, PairingResult
from esteio.engine.commands.sessions.provider_acts import ProviderActs
from esteio.engine.commands.sessions.replaced_webhook import ReplacedWebhooks, Taken
from esteio.engine.commands.webhooks import endpoint_shown
from esteio.engine.errors import CommandError, invalid, unknown, unknown_tenant, used_up
from esteio.engine.key_scope import EVERYTHING, Scope
from esteio.engine.runtime import sealed_for
from esteio.engine.runtime.ports import Wakeups
from esteio.engine.supervision.endpoints import Endpoints, packed
from esteio.log import logger
from esteio.providers.base import InstanceSettings, StandingWebhook
from esteio.store.base import ApiKey, Exists, InstanceTaken, KeyTaken, QuotaExceeded, StoredServer, Work
from esteio.store.delivery import Endpoint
from esteio.store.ports.sessions import Sessions
from esteio.vault import Vault

log = logger("commands")


class WithSession(msgspec.Struct, frozen=True):
    """What is written in the commit that a new session begins with: subscriptions, API keys with the hash of their
    secret, and what a client sets of the instance at its provider."""

    endpoints: tuple[Endpoint, ...] = ()
    keys: tuple[tuple[ApiKey, bytes], ...] = ()
    settings: InstanceSettings | None = None


ALONE = WithSession()


class SessionCommands:
    """Makes, adopts and changes sessions."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        *,
        settings: Settings,
        lookup: Lookup,
        addressing: Addressing,
        bindings: Bindings,
        replaced: ReplacedWebhooks,
        pairing: PairingCommands,
        acts: ProviderActs,
        evidence: OperatorEvidence,
        vault: Vault,
        audit: AuditLog,
        addresses: Endpoints,
        wakeups: Wakeups,
    ) -> None:
        self._sessions, self._clock, self._settings = sessions, clock, settings
        self._lookup, self._addressing, self._bindings = lookup, addressing, bindings
        self._replaced, self._pairing, self._acts = replaced, pairing, acts
        self._evidence, self._vault, self._audit = evidence, vault, audit
        self._addresses, self._wakeups = addresses, wakeups

    async def create(
        self,
        request: SessionRequest,
        who: str,
        *,
        read_first: bool = True,
        pair_phone: str | None = None,
        typed: bool = False,
        beside: WithSession = ALONE,
        scope: Scope = EVERYTHING,
    ) -> PairingResult:
        """The row first, then the provider, awaited at most `wait_s`. Raises `CommandError`: session-out-of-reach,
        ref-out-of-reach, unknown-tenant, quota-sessions, quota-webhooks, name-taken, unknown-server, invalid-phone,
        ambiguous-phone, invalid-value, unknown-field, already-adopted, key-taken, and as `ReplacedWebhooks.taken`.
        Without `read_first` an adoption asks the provider nothing; what stands there is then kept by the act that sets
        ours. `pair_phone`: digits, for a code to type; `typed`: one for the session's own `phone`; `beside`: of a
        session that is not adopted."""
        stored, ref, instance, home = await self.binding(request, scope)
        declared, token, now = self._bindings.declared(stored.server.kind), self._clock.token(), self._clock.now()
        taken = None
        if request.adopt and read_first:
            taken = await self._replaced.taken(stored, request.name, ref, token, forward=request.forward)
            now = self._clock.now()
        new = Session(
            id=SessionId(0),
            name=SessionName(plain_name("name", request.name)),
            server=stored.server.name,
            kind=stored.server.kind,
            created_at=now,
            phone=None if request.phone is None else await self._addressing.phone_number(request.phone, "phone"),
            ref=declared.public(ref),
            policy=known_policy(request.policy, self._settings.policies),
            since=now,
            gate_since=now,
            # Should the process die before the evidence below is written, the judge looks all the same.
            wake_at=now,
            tenant=home,
        )
        sealed = self._vault.seal(declared.secret(ref), sealed_for.session(new, "encrypted"))
        if request.adopt:
            news = _adopted(now, who, taken)
            session = await self._add_adopted(new, token, sealed, instance, news, taken=taken)
        else:
            pair_phone = new.phone if typed else pair_phone
            session = await self._add_created(new, token, sealed, instance, who, pair_phone=pair_phone, beside=beside)
        log.info("session.created", session=session.name, server=session.server, adopted=request.adopt)
        wait_s = self._settings.policy_of(session.policy).create_wait_s if request.wait_s is None else request.wait_s
        found = await self._pairing.wait_for_code(session, wait_s, now, first=True)
        found = _slow(found) if wait_s > 0 else found
        return found if taken is None else msgspec.structs.replace(found, stood=taken.stands)

    async def binding(
        self, request: SessionRequest, scope: Scope
    ) -> tuple[StoredServer, dict[str, str], str | None, str]:
        """The server, the whole ref, the instance and the tenant that a new session is bound to, inside the caller's
        scope, checked and free. Raises `CommandError`."""
        scope.check_name(request.name)
        stored, home = await self._placed(request, scope)
        if request.ref:
            scope.check_ref(request.ref, self._bindings.declared(stored.server.kind), stored.server.tenant)
        own = request.name if stored.server.tenant is not None else name_on_shared(home, request.name)
        ref = self._bindings.ref_of(stored.server.kind, own, request.ref)
        for field, said in (("forward", request.forward), ("dry_run", request.dry_run)):
            if said and not request.adopt:
                raise invalid(field, "goes with adopt: true")
        if request.phone is not None:
            await self._addressing.phone_number(request.phone, "phone")
        known_policy(request.policy, self._settings.policies)
        if await self._sessions.by_name(SessionName(request.name)) is not None:
            raise CommandError("name-taken", field="name", in_body=True, name=request.name)
        instance = self._bindings.instance_of(stored.server.kind, ref)
        await self._bindings.check_free(stored, instance, request.name)
        return stored, ref, instance, home

    async def _placed(self, request: SessionRequest, scope: Scope) -> tuple[StoredServer, str]:
        """The server, and whose the new session is: that tenant's server, or one that all share."""
        stored = await self._lookup.server(request.server, scope, in_body=True)
        named = scope.named_tenant(request.tenant)
        home = named or stored.server.tenant or scope.home
        if not Scope(home).owns(stored.server.tenant or home):
            raise unknown("server", request.server, in_body=True, field="server")
        return stored, home

    async def replaced_webhook(self, session: Session) -> StandingWebhook | None:
        """Somebody else's webhook that stood there before ours, as it was kept; None when there was none."""
        return await self._replaced.kept(session)

    async def move(self, session: Session, tenant: str) -> Session:
        """To another tenant, its past, its own key and its webhook at the Evolution door with it; on a server of the
        tenant before it cannot stay. Raises `CommandError`: unknown-tenant, unknown-session, quota-sessions,
        tenant-server."""
        if tenant == session.tenant:
            return session
        stored = await self._lookup.server(session.server, EVERYTHING)
        if stored.server.tenant not in (None, tenant):
            raise CommandError("tenant-server", field="tenant", in_body=True, server=session.server)
        was, shown = {"tenant": session.tenant}, {"tenant": tenant}
        try:
            gone = self._audit.entry(
                "session.changed", session=session.name, before=was, after=shown, tenant=session.tenant
            )
            with self._audit.records("session.changed", session=session.name, before=was, after=shown, more=(gone,)):
                moved = await self._sessions.move(session, tenant)
        except LookupError as error:
            raise unknown_tenant(tenant) from error
        except QuotaExceeded as error:
            raise used_up(error.what, error.most) from error
        if not moved:
            raise unknown("session", session.name)
        log.info("session.moved", session=session.name, tenant=tenant)
        self._wakeups.session(session.id)
        return await self._lookup.session_now(session.id, session.name)

    async def change(self, name: str, change: SessionChange, who: str, *, scope: Scope = EVERYTHING) -> Session:
        """Phone, policy, ref. Raises `CommandError`: unknown-session, invalid-phone, invalid-value, unknown-field,
        already-adopted, provider-refused (another instance, and the old one's webhook could not be put back)."""
        session = await self._lookup.session(name, scope)
        if not isinstance(change.tenant, UnsetType):
            session = await self.move(session, scope.named_tenant(change.tenant) or session.tenant)
        phone, policy = session.phone, session.policy
        if not isinstance(change.phone, UnsetType):
            own = (session.phone, session.facts.phone_seen)
            phone = (
                None if change.phone is None else await self._addressing.phone_number(change.phone, "phone", own=own)
            )
        if not isinstance(change.policy, UnsetType):
            policy = known_policy(change.policy, self._settings.policies)
        _, sealed = await self._sessions.secrets(session.id)
        secrets = self._vault.unseal(sealed, sealed_for.session(session, "encrypted"))
        changed = msgspec.structs.replace(session, phone=phone, policy=policy)
        if isinstance(change.ref, UnsetType):
            return await self._amended(session, changed, secrets, secrets, who)
        before = {**session.ref, **secrets}
        declared = self._bindings.declared(session.kind)
        stored = await self._lookup.server(session.server, EVERYTHING)
        scope.check_ref(change.ref, declared, stored.server.tenant)
        said = {key: word for key, word in before.items() if key in declared.ref_names}
        ref = self._bindings.ref_of(session.kind, name, {**said, **change.ref})
        changed = msgspec.structs.replace(changed, ref=declared.public(ref))
        moved = self._bindings.instance_of(session.kind, ref) != self._bindings.instance_of(session.kind, before)
        if moved and isinstance(change.phone, UnsetType):
            # The number of the instance before says nothing of this one.
            changed = msgspec.structs.replace(changed, phone=None)
        learned = {} if moved else {key: word for key, word in secrets.items() if key not in declared.ref_names}
        return await self._amended(session, changed, secrets, {**learned, **declared.secret(ref)}, who, moved=moved)

    async def _amended(
        self,
        before: Session,
        after: Session,
        old_secrets: Mapping[str, str],
        secrets: Mapping[str, str],
        who: str,
        *,
        moved: bool = False,
    ) -> Session:
        what = [field for field in ("phone", "policy", "ref") if getattr(before, field) != getattr(after, field)]
        if secrets != old_secrets and "ref" not in what:
            what.append("ref")
        if not what:
            return before
        instance = self._bindings.instance_of(after.kind, {**after.ref, **secrets})
        stored = await self._lookup.server(after.server, EVERYTHING)
        await self._bindings.check_free(stored, instance, after.name)
        with self._addresses.leaving(before.id) if moved else nullcontext():
            if moved and not await self._acts.webhook_put_back(before, who):
                raise CommandError("provider-unanswered", server=after.server)
            now = self._clock.now()
            words = {"who": who, "what": ", ".join(what), **({"instance": "yes"} if moved else {})}
            evidence = Evidence("operator_changed", now, now, "operator", words)
            shown = _shown(after) | ({"secrets": "set"} if secrets != old_secrets else {})
            sealed = self._vault.seal(secrets, sealed_for.session(after, "encrypted"))
            record = self._audit.records(
                "session.changed", session=after.name, server=after.server, before=_shown(before), after=shown
            )
            try:
                with record:
                    kept = await self._sessions.amend(after, sealed, instance, evidence, moved=moved)
            except InstanceTaken as error:
                raise already_adopted(after.server, str(instance)) from error
        if not kept:
            raise unknown("session", after.name)
        self._addresses.forget(after.id)
        log.info("session.changed", session=after.name, server=after.server, changed=what)
        self._wakeups.session(after.id)
        return await self._evidence.judged(before, lambda s: s.row_version > before.row_version + 1)

    def _created(
        self,
        new: Session,
        endpoints: Sequence[Endpoint] = (),
        keys: Sequence[tuple[ApiKey, bytes]] = (),
        *,
        adopted: bool = False,
    ) -> AbstractContextManager[None]:
        """Around the write that makes the session, and what comes with it."""
        entry, name = self._audit.entry, new.name
        hooks = [entry("webhook.created", session=name, target=one.id, after=endpoint_shown(one)) for one in endpoints]
        made = [entry("key.created", session=name, target=key.id, after=key_shown(key)) for key, _ in keys]
        shown = _shown(new) | {"adopted": adopted}
        return self._audit.records(
            "session.created", session=name, server=new.server, after=shown, more=(*hooks, *made)
        )

    async def _add_created(
        self,
        new: Session,
        token: str,
        sealed: bytes,
        instance: str | None,
        who: str,
        *,
        pair_phone: str | None,
        beside: WithSession,
    ) -> Session:
        now = new.created_at
        attempt = self._clock.new_id("att")
        # A lane of its own, because the row's id is not known yet; nothing else is done before this attempt is over.
        create = Work(
            id=attempt,
            lane=f"create:{attempt}",
            kind="control",
            payload={"rung": "create", "attempt": attempt, "because": "operator", "pair_phone": pair_phone},
            due_at=now,
            created_at=now,
            server=new.server,
            dedupe=f"create:{attempt}",
        )
        try:
            with self._created(new, beside.endpoints, beside.keys):
                session = await self._sessions.add(
                    new,
                    token,
                    sealed,
                    now,
                    (),
                    (create,),
                    instance=instance,
                    settings=None if beside.settings is None else self._addresses.sealed_settings(new, beside.settings),
                    endpoints=_owned(beside.endpoints, new),
                    keys=[(msgspec.structs.replace(key, tenant=new.tenant), secret) for key, secret in beside.keys],
                )
        except QuotaExceeded as error:
            raise used_up(error.what, error.most) from error
        except KeyTaken as error:
            raise CommandError("key-taken") from error
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=new.name) from error
        except InstanceTaken as error:
            raise already_adopted(new.server, str(instance)) from error
        except LookupError as error:
            raise unknown_tenant(new.tenant) from error
        await self._evidence.add(session, "created", {"who": who, "attempt": attempt})
        self._wakeups.work()
        return session

    async def _add_adopted(
        self, new: Session, token: str, sealed: bytes, instance: str | None, news: Evidence, *, taken: Taken | None
    ) -> Session:
        """One transaction: the session, what stood at the provider, and what goes on in its place."""
        now, replaced = new.created_at, None
        if taken is not None and taken.stands.found in ("foreign", "none"):
            replaced = packed(self._vault, taken.stands, new)
        endpoints = () if taken is None else taken.endpoints
        try:
            with self._created(new, endpoints, adopted=True):
                session = await self._sessions.add(
                    new,
                    token,
                    sealed,
                    now,
                    (),
                    (),
                    instance=instance,
                    replaced=replaced,
                    news=(news,),
                    endpoints=_owned(endpoints, new),
                )
        except QuotaExceeded as error:
            raise used_up(error.what, error.most) from error
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=new.name) from error
        except InstanceTaken as error:
            raise already_adopted(new.server, str(instance)) from error
        except LookupError as error:
            raise unknown_tenant(new.tenant) from error
        self._wakeups.session(session.id)
        return session


def _shown(session: Session) -> dict[str, object]:
    """What the audit log holds of it."""
    return {"phone": session.phone, "policy": session.policy, "ref": dict(session.ref)}


def _owned(endpoints: Sequence[Endpoint], session: Session) -> list[Endpoint]:
    return [msgspec.structs.replace(one, tenant=session.tenant) for one in endpoints]


def _adopted(now: float, who: str, taken: Taken | None) -> Evidence:
    words = {"who": who}
    if taken is not None and taken.stands.found in ("foreign", "none", "ours"):
        words["stands"] = taken.stands.found
        if taken.stands.found == "foreign":
            words["host"] = urlsplit(taken.stands.url).netloc.rpartition("@")[2]
    return Evidence("adopted", now, now, "operator", words)


def _slow(found: PairingResult) -> PairingResult:
    """No answer in time: the judge will say so in a moment; this answer says so already."""
    session = found.session
    if session.state != "connecting" or session.reason.code not in {"created", "connecting"}:
        return found
    shown = msgspec.structs.replace(session, reason=Reason("provider-slow"))
    return msgspec.structs.replace(found, session=shown)
