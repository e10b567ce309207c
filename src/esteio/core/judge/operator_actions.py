"""News that changes more than facts: a person's words, and the answers of our own acts.

Each word takes effect at once, on the draft. Never lives here: what is done about it (`ladder`, `recovery`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esteio.core.judge import attempt, pacing
from esteio.core.model.decision import Draft
from esteio.core.model.evidence import Evidence
from esteio.core.model.recovery import Attempt, Recovery
from esteio.core.model.session import Facts


def is_operator_action(evidence: Evidence) -> bool:
    """Whether this changes more than facts."""
    return evidence.kind in _WORDS


def apply_action(draft: Draft, evidence: Evidence) -> None:
    """Let this word take effect."""
    _WORDS[evidence.kind](draft, evidence)


def _paused(draft: Draft, _: Evidence) -> None:
    draft.change(paused=True)
    draft.recovery(then=(), approved=None)
    draft.drop_control = True


def _resumed(draft: Draft, _: Evidence) -> None:
    draft.change(paused=False)
    _person(draft)


def _recover(draft: Draft, _: Evidence) -> None:
    _person(draft)


def _person(draft: Draft) -> None:
    """A person's word clears counters, cool-downs and quarantine; an act that is under way goes on."""
    kept = draft.session.recovery
    draft.change(
        recovery=Recovery(open=kept.open, last=kept.last, then=kept.then, awaiting=kept.awaiting, asked_by_person=True)
    )


def _pair(draft: Draft, evidence: Evidence) -> None:
    _person(draft)
    draft.recovery(pair_phone=evidence.data.get("phone_number"))


def _recreate(draft: Draft, _: Evidence) -> None:
    _person(draft)
    draft.recovery(approved="recreate", then=())


def _approved(draft: Draft, evidence: Evidence) -> None:
    # An approval is bound to its reason; only an outright wish (`operator_recreate`) is carried out on the living.
    draft.recovery(approved=evidence.data.get("rung"), awaiting=None, quarantine_until=0.0, asked_by_person=False)


def _rejected(draft: Draft, _: Evidence) -> None:
    draft.recovery(awaiting=None, rejected=True)


def _logged_out(draft: Draft, _: Evidence) -> None:
    """A person's own logout is no fall: nobody is told."""
    draft.change(linked=False)
    if draft.session.outage is not None:
        draft.change(outage=None)


def _created(draft: Draft, evidence: Evidence) -> None:
    """The row came with its first work; that is this session's first attempt."""
    act = evidence.data.get("attempt")
    if act and draft.session.recovery.open is None:
        until = evidence.happened_at + draft.policy.effect_within_s
        opened = Attempt(id=act, rung="create", number=1, opened_at=evidence.happened_at, until=until)
        draft.recovery(open=opened)
        # It is not spaced, for a person waits for it, but it counts.
        draft.server = pacing.take_slot(draft.server, draft.session.id, opened, draft.now)
    draft.recovery(asked_by_person=True)


def _changed(draft: Draft, evidence: Evidence) -> None:
    """Another instance at the provider: what was seen of the one before says nothing of it. And a number that was put
    right was never a fall, which something would have to be done about."""
    outage = draft.session.outage
    if outage is not None and outage.because == "wrong-identity":
        draft.change(outage=None)
    if evidence.data.get("instance"):
        fresh = Facts(adopted_at=evidence.happened_at)
        draft.change(facts=fresh, linked=False, outage=None, last_outage=None, recovery=Recovery())
        draft.drop_control = True


_WORDS: Mapping[str, Callable[[Draft, Evidence], None]] = {
    "act_answered": attempt.answered,
    "act_interrupted": attempt.interrupted,
    "operator_paused": _paused,
    "operator_resumed": _resumed,
    "operator_recover": _recover,
    "operator_pair": _pair,
    "operator_recreate": _recreate,
    "operator_approved": _approved,
    "operator_rejected": _rejected,
    "operator_logout": _logged_out,
    "operator_changed": _changed,
    "created": _created,
}
