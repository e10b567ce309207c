"""How a view is drawn: its picture, its sentence, the time that is left; for the page and for each frame of its stream.

Never lives here: what is the case (`view`), a form's handler.
"""

from __future__ import annotations

import base64
import hashlib
import math
from typing import Any

from esteio.api.dashboard import approvals
from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.pairing.view import By, View, masked, spaced
from esteio.api.http import qr_image
from esteio.core.views.sentences import sentence
from esteio.store.base import Qr

SAID = frozenset({"server", "trouble", "refused", "reconnecting", "approval", "asked", "none"})
"""Kinds beside which the session's own reason is told to those who run the gateway."""
LINKED = "linked"
"""What is told on the session's page, where the pairing page leads after success."""
TROUBLE = frozenset({"approval", "paused", "server", "refused", "trouble"})
"""Kinds that the phone's owner is told in one sentence: they can do nothing about any of them."""


def operators(visit: Visit, name: str, by: By, seen: View) -> dict[str, Any]:
    """What the templates need for the operator's page."""
    told = sentence(seen.reason, visit.texts)
    args = seen.reason.args
    only_qr = seen.kind == "none" and by == "code" and not seen.typeable
    approval = seen.approval
    waiting = None
    if approval is not None:
        because = sentence(seen.reason, visit.texts).text
        cost = sentence(approval.cost, visit.texts).text
        waiting = approvals.Waiting(approval, because, cost, visit.moment(approval.created_at))
    return {
        **_common(visit, by, seen),
        "name": name,
        "owner": False,
        "said": visit.say("pair.told.only-qr")
        if only_qr
        else visit.say(f"pair.told.{seen.kind}", seen=args.get("seen", "?"), phone=args.get("phone", "?")),
        "reason": told if seen.kind in SAID and told.text and not (seen.kind == "none" and by == "code") else None,
        "typed_phone": seen.phone,
        "errors": {},
        "seen": args.get("seen", ""),
        "phone": seen.phone,
        "waiting": waiting,
        "ask": f"/sessions/{name}/pair",
        "then": f"/sessions/{name}?done={LINKED}",
    }


def owners(visit: Visit, token: str, by: By, seen: View) -> dict[str, Any]:
    """The same for the phone's owner, of whose number the last digits are shown, and no reason."""
    kind = "trouble" if seen.kind in TROUBLE else seen.kind
    return {
        **_common(visit, by, seen),
        "token": token,
        "owner": True,
        "said": visit.say(f"owner.told.{kind}", phone=masked(seen.phone)),
        "phone": masked(seen.phone),
        "ask": f"/pair/{token}",
    }


def frame(visit: Visit, drawn: dict[str, Any]) -> dict[str, Any]:
    """A frame of the stream."""
    html = visit.part("pairing/view.html", **drawn)
    return {
        "kind": drawn["view"].kind,
        "said": drawn["said"],
        "left": drawn["exactly"],
        "tag": drawn["tag"],
        "html": html,
    }


def _common(visit: Visit, by: By, seen: View) -> dict[str, Any]:
    now = visit.api.clock.now()
    left = max(0.0, seen.qr.expires_at - now) if seen.qr is not None else 0.0
    return {
        "view": seen,
        "by": by,
        "tag": hashlib.sha256(f"{visit.texts.language} {seen!r}".encode()).hexdigest()[:16],
        "picture": _picture(seen.qr) if seen.kind == "scan" and seen.qr is not None else "",
        "typed": spaced(seen.qr.pairing_code or "") if seen.kind == "type" and seen.qr is not None else "",
        "exactly": round(left, 2),
        "left": math.ceil(left),
        "lasts": math.ceil(seen.qr.expires_at - seen.qr.seen_at) if seen.qr is not None else 0,
    }


def _picture(qr: Qr) -> str:
    picture = qr_image.png(qr.code) if qr.code else qr_image.provided(qr.png_base64)
    return "" if picture is None else "data:image/png;base64," + base64.b64encode(picture).decode()
