"""Secrets in bodies that come in pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from esteio.providers.stream_redaction import StreamRedaction

SECRET = "abcab/cX"


def through(secrets: Sequence[str], pieces: Iterable[bytes]) -> bytes:
    one = StreamRedaction(secrets)
    return b"".join(one.feed(piece) for piece in pieces) + one.rest()


def cut(text: bytes, places: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(borders)]


@given(st.text("abcX/", max_size=60), st.lists(st.integers(0, 200), max_size=12))
def test_wherever_the_pieces_are_cut_the_result_is_that_of_the_whole_and_as_long(text: str, places: list[int]) -> None:
    whole = (text + SECRET + text).encode()
    got = through([SECRET], cut(whole, places))
    assert got == whole.replace(SECRET.encode(), b"*" * len(SECRET))
    assert SECRET.encode() not in got
    assert len(got) == len(whole)


def test_it_is_found_as_it_is_written_in_an_address_and_in_json() -> None:
    text = b'{"a":"q%22 z/1","b":"q%2522%20z%2F1","c":"say \\"hi\\"!"}'
    assert through(["q%22 z/1", 'say "hi"!'], [text]) == (
        b'{"a":"' + b"*" * 8 + b'","b":"' + b"*" * 14 + b'","c":"' + b"*" * 11 + b'"}'
    )


def test_only_what_may_be_the_beginning_of_a_secret_is_held_back() -> None:
    one = StreamRedaction(["secret-1"])
    assert one.feed(b"hello se") == b"hello "
    assert one.feed(b"lf") == b"self"
    assert (one.feed(b"secret-"), one.rest()) == (b"", b"secret-")


def test_without_secrets_and_for_words_too_short_to_be_one_nothing_changes() -> None:
    assert through([], [b"abc", b""]) == b"abc"
    assert through(["", "abc"], [b"abc"]) == b"abc"
