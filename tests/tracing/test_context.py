"""What may stand in a `traceparent` and a `tracestate`, by the grammar of W3C Trace Context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteio.tracing.context import LONGEST_STATE, context_of, headers_of, received

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_a_context_is_kept_as_one_text_and_read_back() -> None:
    text = received(PARENT, "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7")
    assert text == f"{PARENT} congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"
    read = context_of(text)
    assert read is not None
    assert (read.trace_id, read.span_id, read.sampled) == (TRACE, SPAN, True)
    assert read.text == text
    assert headers_of(text) == {"traceparent": PARENT, "tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}


def test_who_began_it_says_whether_it_is_recorded() -> None:
    read = context_of(received(PARENT.removesuffix("01") + "00"))
    assert read is not None
    assert not read.sampled
    assert read.traceparent.endswith("-00")


def test_flags_that_nobody_knows_go_no_further() -> None:
    assert received(PARENT.removesuffix("01") + "ff") == PARENT.removesuffix("01") + "03"


@pytest.mark.parametrize("later", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what.the-future.brings"])
def test_a_later_version_is_read_as_far_as_it_is_known(later: str) -> None:
    assert received(later) == PARENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"cc-{TRACE}-{SPAN}-01.more",
        f" {PARENT}",
        f"{PARENT},{PARENT}",
        PARENT.replace("a", "\u0661"),
    ],
)
def test_what_breaks_the_grammar_is_as_good_as_not_sent(text: str) -> None:
    assert received(text) is None


@pytest.mark.parametrize(
    "state",
    [
        "a=" + "b" * 257,
        ",".join(f"k{i}={'v' * 100}" for i in range(LONGEST_STATE // 100)),
        "A=b",
        "a",
        "a=",
        "a=b=c",
        "a=b,a=c",
        "a=b\x7f",
        "a=\u00e9",
        ",".join(f"k{i}=v" for i in range(33)),
    ],
)
def test_a_hostile_state_is_left_out_and_the_trace_goes_on(state: str) -> None:
    assert received(PARENT, state) == PARENT


@pytest.mark.parametrize("state", ["", " , ,", "a=b", "tenant@system=x y", ",".join(f"k{i}=v" for i in range(32))])
def test_a_state_by_the_grammar_is_kept(state: str) -> None:
    text = received(PARENT, state)
    assert text is not None
    assert headers_of(text).get("tracestate", "") == state.strip(" ,")


@given(st.text(max_size=80), st.text(max_size=600))
def test_whatever_is_sent_what_is_kept_can_be_read_and_sent(parent: str, state: str) -> None:
    kept = received(parent, state) or received(PARENT, state)
    read = context_of(kept)
    assert read is not None
    assert read.text == kept
    assert "".join(headers_of(kept).values()).isascii()


def test_of_no_trace_nothing_is_sent() -> None:
    assert headers_of(None) == {}
    assert context_of(None) is None
