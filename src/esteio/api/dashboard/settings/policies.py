"""The policies, to be read: each knob's value and sentence. They are changed in the settings file alone.

Never lives here: what is done with a knob (`core.judge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from esteio.api.dashboard.page import Visit
from esteio.api.dashboard.route import PageRoute
from esteio.api.http.request import ApiResponse
from esteio.core.model.policy import DEFAULT, KNOBS, Policy


class Knob(NamedTuple):
    """One knob of a policy; `usual`: the value of `default` as it ships, where this one differs, else ""."""

    name: str
    value: str
    text: str
    usual: str


async def shown(visit: Visit) -> ApiResponse:
    """The policy that is asked for, else `default`."""
    policies: Mapping[str, Policy] = visit.api.settings.policies
    name = visit.request.query_word("policy")
    chosen = name if name in policies else "default"
    policy = policies[chosen]
    return visit.drawn(
        "policies.html",
        names=list(policies),
        chosen=chosen,
        knobs=[_knob(visit, one, getattr(policy, one)) for one in KNOBS],
    )


def _knob(visit: Visit, name: str, value: object) -> Knob:
    usual = getattr(DEFAULT, name)
    same = value == usual
    return Knob(name, _said(visit, value), visit.texts.word("knob", name), "" if same else _said(visit, usual))


def _said(visit: Visit, value: object) -> str:
    if isinstance(value, bool):
        return visit.say("yes" if value else "no")
    return visit.number(value) if isinstance(value, int | float) else str(value)


ROUTES = (PageRoute("GET", "/settings/policies", shown, "read"),)
