"""Policies are data: inherited, overridden, and refused in words that name policy and knob."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esteio.core.model import policy
from esteio.core.model.policy import BUILT_IN, DEFAULT, KNOBS, SEEDS, PolicyError, build


def test_without_tables_there_are_the_two_built_in() -> None:
    assert build({}) == {"default": DEFAULT, "seeds": SEEDS}
    assert BUILT_IN == {"default": DEFAULT, "seeds": SEEDS}


@pytest.mark.parametrize(
    ("knob", "default", "seeds"),
    [
        ("on_down", "hold", "fail"),
        ("destructive", "ask", "auto"),
        ("any_webhook_proves_life", False, True),
        ("restart_cooldown_s", 60, 1800),
        ("closed_retry_after_s", 3, 3),
        ("connect_attempts", 3, 3),
        ("logout_at_most_every_s", 120, 120),
        ("create_wait_s", 8, 8),
    ],
)
def test_the_two_differ_where_letter_and_facts_part(knob: str, default: str | int, seeds: str | int) -> None:
    assert (getattr(DEFAULT, knob), getattr(SEEDS, knob)) == (default, seeds)


def test_the_letter_of_the_seeds_is_no_knob_and_goes_with_their_policy() -> None:
    made = build({"mine": {"inherits": "seeds"}, "calm": {}})
    assert (made["mine"].letter, made["calm"].letter) == (SEEDS.letter, DEFAULT.letter)
    assert (SEEDS.letter.ghost_cure, DEFAULT.letter.ghost_cure) == ("logout", "restart")
    for name, value in (("ghost_cure", "logout"), ("preflight", True), ("letter", {})):
        with pytest.raises(PolicyError, match="unknown knob"):
            build({"mine": {name: value}})


def test_every_knob_has_its_sentence() -> None:
    source = Path(policy.__file__).read_text(encoding="utf-8")
    bare = [knob for knob in KNOBS if not re.search(rf'^    {knob}: .*\n    """', source, re.MULTILINE)]
    assert not bare


def test_a_policy_inherits_from_default_unless_it_says_otherwise() -> None:
    made = build({"calm": {"probe_idle_s": 60}, "letter": {"inherits": "seeds", "hold_for_s": 0.5}})
    assert (made["calm"].probe_idle_s, made["calm"].on_down, made["calm"].name) == (60, "hold", "calm")
    assert (made["letter"].hold_for_s, made["letter"].on_down) == (0.5, "fail")


def test_a_policy_may_inherit_from_one_written_later() -> None:
    made = build({"a": {"inherits": "b"}, "b": {"ramp_s": 7}})
    assert made["a"].ramp_s == 7


def test_the_built_in_ones_may_be_overridden_and_hand_it_on() -> None:
    made = build({"default": {"ramp_s": 9}, "a": {}})
    assert (made["default"].ramp_s, made["a"].ramp_s, made["seeds"].ramp_s) == (9, 9, 60)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"a": {"probe_idel_s": 1}}, "policy 'a': unknown knob 'probe_idel_s'"),
        ({"a": {"name": "b"}}, "unknown knob 'name'"),
        ({"a": {"inherits": "b"}}, "'a' inherits from 'b', which does not exist"),
        ({"a": {"inherits": 3}}, "'a' inherits from 3"),
        ({"a": {"inherits": "b"}, "b": {"inherits": "a"}}, "inherits from itself (a > b > a)"),
        ({"a": {"on_down": "drop"}}, "policy 'a': Invalid enum value"),
        ({"a": {"ramp_s": "soon"}}, "policy 'a': Expected `float`"),
        ({"a": {"ramp_s": -1}}, "policy 'a': ramp_s may not be negative"),
        ({"a": {"connect_attempts": -1}}, "connect_attempts may not be negative"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(tables: dict[str, dict[str, int | str]], words: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(words)):
        build(tables)
