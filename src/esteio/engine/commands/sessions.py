"""Sessions: made, adopted, forgotten, and what a person may wish of them.

A wish is evidence (`operator_…`) and a nudge; what becomes of it is the judge's. Only a new session's first act and a
logout or delete at the provider are work rows from here. Never lives here: a change of a session's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UnsetType

from esteio.core.model.evidence import Evidence
from esteio.core.model.ids import SessionId, SessionName
from esteio.core.model.recovery import Approval
from esteio.core.model.session import Session
from esteio.core.model.state import Reason
from esteio.engine.commands.addressing import Addressing
from esteio.engine.commands.base import plain_name
from esteio.engine.commands.replaced_webhook import Adoption, Taken, already_adopted
from esteio.engine.commands.requests import AtProvider, PairRequest, SessionChange, SessionRequest, WaitRequest
from esteio.engine.errors import CommandError, invalid, unknown
from esteio.engine.runtime.ports import NotFound
from esteio.engine.supervision.endpoints import packed
from esteio.log import logger
from esteio.providers.base import StandingWebhook
from esteio.store.adoption import InstanceTaken
from esteio.store.base import Exists, Qr, StoredServer, Work

SETTLE_S = 5.0
"""How long pause, resume and recover wait for the judge to have heard, so that the answer shows it."""
AT_PROVIDER_S = 30.0
"""How long a delete waits for the provider's answer."""
NO_CODE = frozenset(
    {
        "banned",
        "ghost-needs-server-restart",
        "instance-missing",
        "not-loaded",
        "outdated",
        "server-wall",
        "temp-banned",
    }
)
"""Reasons beside which no code will come: who asks for one is told at once."""
GONE_THERE = frozenset({"ok", "missing", "noop"})
PersonsRung = Literal["logout", "delete", "put_back_webhook"]
log = logger("commands")


class PairingResult(msgspec.Struct, frozen=True):
    """What a create, pair or recreate came to: `settled` when there is something to show or nothing to wait for.
    `stood`: what an adoption found at the provider."""

    session: Session
    qr: Qr | None = None
    approval: Approval | None = None
    settled: bool = False
    stood: StandingWebhook | None = None


class SessionCommands(Adoption, Addressing):
    """What a caller may ask about sessions."""

    _asked_rows: dict[tuple[int, str], str]

    async def create_session(self, ask: SessionRequest, who: str, *, read_first: bool = True) -> PairingResult:
        """The row first, then the provider, awaited at most `wait_s`. Raises `CommandError`: name-taken,
        unknown-server, invalid-phone, ambiguous-phone, invalid-value, unknown-field, already-adopted, and as
        `Adoption.taken`. Without `read_first` an adoption asks the provider nothing; what stands there is then kept by
        the act that sets ours."""
        stored, ref, instance = await self.binding(ask)
        declared, token, now = self.declared(stored.server.kind), self.clock.token(), self.clock.now()
        taken = None
        if ask.adopt and read_first:
            taken = await self.taken(stored, ask.name, ref, token, forward=ask.forward)
            now = self.clock.now()
        new = Session(
            id=SessionId(0),
            name=SessionName(plain_name("name", ask.name)),
            server=stored.server.name,
            kind=stored.server.kind,
            created_at=now,
            phone=None if ask.phone is None else await self.phone_number(ask.phone, "phone"),
            ref=declared.public(ref),
            policy=self.known_policy(ask.policy),
            since=now,
            gate_since=now,
            # Should the process die before the wish below is written, the judge looks all the same.
            wake_at=now,
        )
        sealed = self.vault.seal(declared.secret(ref))
        if ask.adopt:
            news = _adopted(now, who, taken)
            session = await self._add_adopted(new, token, sealed, instance, news, taken=taken)
        else:
            session = await self._add_created(new, token, sealed, instance, who)
        log.info("session.created", session=session.name, server=session.server, adopted=ask.adopt)
        wait_s = self.policy(session.policy).create_wait_s if ask.wait_s is None else ask.wait_s
        opened = await self._wait_open(session, wait_s, now, first=True)
        opened = _slow(opened) if wait_s > 0 else opened
        return opened if taken is None else msgspec.structs.replace(opened, stood=taken.stands)

    async def binding(self, ask: SessionRequest) -> tuple[StoredServer, dict[str, str], str | None]:
        """The server, the whole ref and the instance that a new session is bound to, checked and free. Raises
        `CommandError`."""
        stored = await self.server(ask.server, in_body=True)
        ref = self.ref_of(stored.server.kind, ask.name, ask.ref)
        for field, said in (("forward", ask.forward), ("dry_run", ask.dry_run)):
            if said and not ask.adopt:
                raise invalid(field, "goes with adopt: true")
        if ask.phone is not None:
            await self.phone_number(ask.phone, "phone")
        self.known_policy(ask.policy)
        if await self.store.session(SessionName(ask.name)) is not None:
            raise CommandError("name-taken", field="name", in_body=True, name=ask.name)
        instance = self.instance_of(stored.server.kind, ref)
        await self.check_free(stored, instance, ask.name)
        return stored, ref, instance

    async def change_session(self, name: str, change: SessionChange, who: str) -> Session:
        """Phone, policy, ref. Raises `CommandError`: unknown-session, invalid-phone, invalid-value, unknown-field,
        already-adopted, provider-refused (another instance, and the old one's webhook could not be put back)."""
        session = await self.session(name)
        phone, policy = session.phone, session.policy
        if not isinstance(change.phone, UnsetType):
            own = (session.phone, session.facts.phone_seen)
            phone = None if change.phone is None else await self.phone_number(change.phone, "phone", own=own)
        if not isinstance(change.policy, UnsetType):
            policy = self.known_policy(change.policy)
        _, sealed = await self.store.session_secrets(session.id)
        secrets = self.vault.unseal(sealed)
        changed = msgspec.structs.replace(session, phone=phone, policy=policy)
        if isinstance(change.ref, UnsetType):
            return await self._amended(session, changed, secrets, secrets, who)
        before = {**session.ref, **secrets}
        declared = self.declared(session.kind)
        said = {key: word for key, word in before.items() if key in declared.ref_names}
        ref = self.ref_of(session.kind, name, {**said, **change.ref})
        changed = msgspec.structs.replace(changed, ref=declared.public(ref))
        moved = self.instance_of(session.kind, ref) != self.instance_of(session.kind, before)
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
        instance = self.instance_of(after.kind, {**after.ref, **secrets})
        stored = await self.server(after.server)
        await self.check_free(stored, instance, after.name)
        with self.addresses.leaving(before.id) if moved else nullcontext():
            if moved and not await self._put_back(before, who):
                raise CommandError("provider-unanswered", server=after.server)
            now = self.clock.now()
            words = {"who": who, "what": ", ".join(what), **({"instance": "yes"} if moved else {})}
            evidence = Evidence("operator_changed", now, now, "operator", words)
            try:
                kept = await self.store.amend_session(after, self.vault.seal(secrets), instance, evidence, moved=moved)
            except InstanceTaken as error:
                raise already_adopted(after.server, str(instance)) from error
        if not kept:
            raise unknown("session", after.name)
        self.addresses.forget(after.id)
        log.info("session.changed", session=after.name, server=after.server, changed=what)
        self.wakeups.session(after.id)
        return await self._heard(before, lambda s: s.row_version > before.row_version + 1)

    async def pair(self, name: str, ask: PairRequest, who: str) -> PairingResult:
        """A code to scan or type, at most `wait_s` later. Raises `CommandError`: unknown-session, session-paused,
        invalid-phone, ambiguous-phone, pairing-code-unsupported, not-while-a-qr-is-shown."""
        session = await self._unpaused(name)
        own = (session.phone, session.facts.phone_seen)
        phone = ask.phone_number and await self.phone_number(ask.phone_number, "phone_number", own=own)
        qr = await self.current_qr(session)
        if session.state == "connected" or (qr is not None and phone is None):
            return PairingResult(session, qr, settled=True)
        if phone is not None:
            self._may_be_typed(session, qr)
        now = self.clock.now()
        words = {"who": who} if phone is None else {"who": who, "phone_number": phone}
        await self._wish(session, "operator_pair", words)
        log.info("session.pair_requested", session=name, server=session.server)
        wait_s = self._wait_s(session, ask.wait_s)
        opened = await self._wait_open(session, wait_s, now, pairing=True, pairing_code=phone is not None)
        if phone is not None and opened.qr is None and opened.approval is None:
            self._may_be_typed(opened.session, await self.current_qr(opened.session))
        return opened

    def _may_be_typed(self, session: Session, qr: Qr | None) -> None:
        """Whether the provider can give a code to type now."""
        can = self.providers[session.kind].capabilities
        if not can.pairing_code:
            raise CommandError("pairing-code-unsupported", kind=session.kind)
        if qr is not None and not qr.pairing_code and not can.pairing_beside_qr:
            raise CommandError("not-while-a-qr-is-shown", name=session.name)

    async def recreate(self, name: str, ask: WaitRequest, who: str) -> PairingResult:
        """The destructive way, outright. Raises `CommandError`: unknown-session, session-paused."""
        session = await self._unpaused(name)
        now = self.clock.now()
        await self._wish(session, "operator_recreate", {"who": who})
        log.info("session.recreate_requested", session=name, server=session.server)
        return await self._wait_open(session, self._wait_s(session, ask.wait_s), now)

    async def recover(self, name: str, who: str) -> Session:
        """Look now, and start the ladder from its first rung. Raises `CommandError`: unknown-session,
        session-paused."""
        session = await self._unpaused(name)
        await self._wish(session, "operator_recover", {"who": who})
        log.info("session.recover_requested", session=name, server=session.server)
        return await self._heard(session, lambda s: s.row_version > session.row_version)

    async def pause(self, name: str, who: str) -> Session:
        """Watched, but never acted on. Raises `CommandError("unknown-session")`."""
        session = await self.session(name)
        if not session.paused:
            await self._wish(session, "operator_paused", {"who": who})
            log.info("session.paused", session=name, server=session.server)
        return await self._heard(session, lambda s: s.paused)

    async def resume(self, name: str, who: str) -> Session:
        """Acted on again. Raises `CommandError("unknown-session")`."""
        session = await self.session(name)
        if session.paused:
            await self._wish(session, "operator_resumed", {"who": who})
            log.info("session.resumed", session=name, server=session.server)
        return await self._heard(session, lambda s: not s.paused)

    async def delete_session(
        self, name: str, at_provider: AtProvider, who: str, *, put_back: bool = True
    ) -> Session | None:
        """Forget it; with `logout` or `delete` only after the provider has said so. With `keep` the webhook that stood
        there before ours is put back first, unless `put_back` says otherwise.

        None: it is gone. The session: the provider has not answered yet, ask again. Raises `CommandError`:
        unknown-session, provider-refused.
        """
        session = await self.session(name)
        with self.addresses.leaving(session.id):
            if at_provider == "keep":
                if put_back and not await self._put_back(session, who):
                    return await self.session_now(session.id, name)
            elif not await self._gone_there(session, at_provider, who):
                return await self.session_now(session.id, name)
            files, asked_at = await self.store.media_of_session(session.id), self.clock.now()
            await self.store.delete_session(session.id, asked_at)
        await self.shelf.drop(await self.store.unused_media(files), asked_at)
        self.addresses.forget(session.id)
        for key in [key for key in self._asked() if key[0] == session.id]:
            del self._asked()[key]
        log.info("session.deleted", session=name, server=session.server, at_provider=at_provider)
        self.wakeups.session(session.id)
        self.wakeups.server(session.server)
        return None

    async def decide_approval(self, approval_id: str, decision: Literal["approved", "rejected"], who: str) -> Approval:
        """A person's word about a destructive rung. Raises `CommandError`: unknown-approval, approval-decided."""
        approval = await self.store.approval(approval_id)
        if approval is None:
            raise unknown("approval", approval_id)
        now = self.clock.now()
        kind = "operator_approved" if decision == "approved" else "operator_rejected"
        words = {"approval": approval.id, "rung": approval.rung, "who": who}
        if not await self.store.decide_approval(
            approval_id, decision, now, Evidence(kind, now, now, "operator", words)
        ):
            after = await self.store.approval(approval_id)
            raise CommandError("approval-decided", state=after.state if after else "stale")
        log.info(
            "approval.decided", session=approval.session, approval=approval_id, rung=approval.rung, decision=decision
        )
        self.wakeups.session(approval.session_id)
        return await self.store.approval(approval_id) or approval

    # -- the steps ------------------------------------------------------------------------------------------------

    async def _add_created(self, new: Session, token: str, sealed: bytes, instance: str | None, who: str) -> Session:
        now = new.created_at
        attempt = self.clock.new_id("att")
        # A lane of its own, because the row's id is not known yet; nothing else is done before this attempt is over.
        create = Work(
            id=attempt,
            lane=f"create:{attempt}",
            kind="control",
            payload={"rung": "create", "attempt": attempt, "because": "operator", "pair_phone": None},
            due_at=now,
            created_at=now,
            server=new.server,
            dedupe=f"create:{attempt}",
        )
        try:
            session = await self.store.add_session(new, token, sealed, now, (), (create,), instance=instance)
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=new.name) from error
        except InstanceTaken as error:
            raise already_adopted(new.server, str(instance)) from error
        await self._wish(session, "created", {"who": who, "attempt": attempt})
        self.wakeups.work()
        return session

    async def _add_adopted(
        self, new: Session, token: str, sealed: bytes, instance: str | None, news: Evidence, *, taken: Taken | None
    ) -> Session:
        """One transaction: the session, what stood at the provider, and what goes on in its place."""
        now, replaced = new.created_at, None
        if taken is not None and taken.stands.found in ("foreign", "none"):
            replaced = packed(self.vault, taken.stands)
        try:
            session = await self.store.add_session(
                new,
                token,
                sealed,
                now,
                (),
                (),
                instance=instance,
                replaced=replaced,
                news=(news,),
                endpoints=() if taken is None else taken.endpoints,
            )
        except Exists as error:
            raise CommandError("name-taken", field="name", in_body=True, name=new.name) from error
        except InstanceTaken as error:
            raise already_adopted(new.server, str(instance)) from error
        self.wakeups.session(session.id)
        return session

    async def _wish(self, session: Session, kind: str, words: Mapping[str, str]) -> None:
        now = self.clock.now()
        try:
            await self.store.add_evidence(
                session.id, session.server, [Evidence(kind, now, now, "operator", words)], now
            )
        except LookupError as error:
            raise unknown("session", session.name) from error
        self.wakeups.session(session.id)

    async def _unpaused(self, name: str) -> Session:
        session = await self.session(name)
        if session.paused:
            raise CommandError("session-paused", name=name)
        return session

    def _wait_s(self, session: Session, asked: float | None) -> float:
        return self.policy(session.policy).create_wait_s if asked is None else asked

    async def _heard(self, session: Session, done: Callable[[Session], bool]) -> Session:
        try:
            return await self.waiter.wait_session(session.id, done, SETTLE_S)
        except NotFound as error:
            raise unknown("session", session.name) from error

    async def _wait_open(
        self,
        before: Session,
        wait_s: float,
        asked_at: float,
        *,
        first: bool = False,
        pairing: bool = False,
        pairing_code: bool = False,
    ) -> PairingResult:
        """Until there is a code, a link, a refusal or an approval to decide: each of it younger than the wish."""
        found = PairingResult(before)

        async def look() -> bool:
            nonlocal found
            session = await self.session_now(before.id, before.name)
            qr = await self.current_qr(session)
            # guard: qr-newer-than-connect
            fresh = qr is not None and (first or qr.seen_at >= asked_at) and (bool(qr.pairing_code) or not pairing_code)
            approval = await self._approval_of(session)
            ended = (
                session.row_version > before.row_version and session.since >= asked_at and session.recovery.open is None
            )
            over = session.state in ("connected", "degraded", "error") and (ended or first)
            shown = fresh and session.state == "awaiting_qr"
            found = PairingResult(session, qr if fresh else None, approval, settled=shown or over)
            heard = pairing and session.facts.pair_at >= asked_at
            in_vain = heard and session.reason.code in NO_CODE and session.recovery.open is None
            return found.settled or approval is not None or in_vain

        await self.waiter.wait_look(before.id, look, wait_s)
        return _with_code(found)

    async def _approval_of(self, session: Session) -> Approval | None:
        if session.recovery.awaiting is None:
            return None
        approval = await self.store.approval(session.recovery.awaiting)
        return approval if approval is not None and approval.state == "open" else None

    async def _put_back(self, session: Session, who: str) -> bool:
        """Whether the webhook that stood there is there again, where one was kept; as `_gone_there`."""
        if await self.addresses.kept_webhook(session.id) is None:
            return True
        return await self._gone_there(session, "put_back_webhook", who)

    async def _gone_there(self, session: Session, rung: PersonsRung, who: str) -> bool:
        """Whether the provider has done it; False while it has not answered. Raises
        `CommandError("provider-refused")`."""
        work_id = await self._asked_before(session, rung) or await self._ask_provider(session, rung, who)
        outcome = ""

        async def look() -> bool:
            nonlocal outcome
            outcome = await self._outcome(work_id)
            return bool(outcome)

        if not await self.waiter.wait_look(session.id, look, AT_PROVIDER_S):
            return False
        answer, _, detail = outcome.partition(": ")
        del self._asked()[int(session.id), rung]
        if answer not in GONE_THERE:
            raise CommandError("provider-refused", detail=detail or answer)
        return True

    async def _asked_before(self, session: Session, rung: str) -> str | None:
        """The row of an earlier request that is still under way, or came to a good end meanwhile."""
        work_id = self._asked().get((int(session.id), rung))
        outcome = "" if work_id is None else await self._outcome(work_id)
        return work_id if not outcome or outcome.partition(": ")[0] in GONE_THERE else None

    async def _ask_provider(self, session: Session, rung: PersonsRung, who: str) -> str:
        if rung != "put_back_webhook":
            await self._wish(session, "operator_logout", {"who": who})
        now = self.clock.now()
        work = Work(
            id=self.clock.new_id("wrk"),
            lane=f"s{session.id}:control",
            kind="control",
            payload={"rung": rung, "attempt": "", "because": "operator", "by_person": True},
            due_at=now,
            created_at=now,
            session_id=session.id,
            server=session.server,
        )
        await self.store.add_work([work])
        self._asked()[int(session.id), rung] = work.id
        self.wakeups.work()
        return work.id

    async def _outcome(self, work_id: str) -> str:
        """What became of a work row; "" while it is under way."""
        row = await self.store.work(work_id)
        if row is None:
            return "unanswered"
        return (row.outcome or "unanswered") if row.state in ("done", "dropped") else ""

    def _asked(self) -> dict[tuple[int, str], str]:
        """Rows of deletes that were not answered in time, so that asking again does not act again."""
        if not hasattr(self, "_asked_rows"):
            self._asked_rows = {}
        return self._asked_rows


def _adopted(now: float, who: str, taken: Taken | None) -> Evidence:
    words = {"who": who}
    if taken is not None and taken.stands.found in ("foreign", "none", "ours"):
        words["stands"] = taken.stands.found
        if taken.stands.found == "foreign":
            words["host"] = urlsplit(taken.stands.url).netloc.rpartition("@")[2]
    return Evidence("adopted", now, now, "operator", words)


def _with_code(opened: PairingResult) -> PairingResult:
    """A code that is shown is waited for: the judge will say so in a moment; this answer says so already."""
    if opened.qr is None or opened.session.state not in ("connecting", "disconnected"):
        return opened
    shown = msgspec.structs.replace(opened.session, state="awaiting_qr", reason=Reason("awaiting-qr"))
    return msgspec.structs.replace(opened, session=shown, settled=True)


def _slow(opened: PairingResult) -> PairingResult:
    """No answer in time: the judge will say so in a moment; this answer says so already."""
    session = opened.session
    if session.state != "connecting" or session.reason.code not in {"created", "connecting"}:
        return opened
    shown = msgspec.structs.replace(session, reason=Reason("provider-slow"))
    return msgspec.structs.replace(opened, session=shown)
