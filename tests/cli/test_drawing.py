"""What is drawn in a terminal: columns that fit, codes that a phone reads."""

from __future__ import annotations

import io
import sys

import pytest
import segno

from esteio.cli import output
from esteio.cli.errors import Failed
from esteio.cli.remote import qr_picture as qr

ROWS: list[list[tuple[output.Style, str]]] = [
    [("", "a-session-with-a-long-name"), ("", "connected"), ("", "a reason that goes on and on and on")]
]
HEADS = ("NAME", "STATE", "REASON")


@pytest.mark.parametrize(("width", "columns"), [(120, 3), (60, 3), (52, 2), (40, 2), (30, 1), (10, 1)])
def test_columns_are_dropped_from_the_right_and_the_first_never(width: int, columns: int) -> None:
    assert output.fitting(HEADS, ROWS, width) == columns


def test_only_the_last_column_gives_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(output, "to_person", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    output.table(HEADS, [[*ROWS[0][:2], ("", "word " * 40)]])
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == [*HEADS]
    assert row.startswith("a-session-with-a-long-name  connected  word word")
    assert row.endswith("…")
    assert len(row) == 60


@pytest.mark.parametrize("text", ["2@short", "2@" + "abcDEF123+/=," * 18])
@pytest.mark.parametrize(("scale", "border"), [(1, 4), (3, 0), (7, 2)])
def test_a_code_known_only_as_a_picture_is_drawn_from_its_own_modules(text: str, scale: int, border: int) -> None:
    made = segno.make(text, micro=False)
    picture = io.BytesIO()
    made.save(picture, kind="png", scale=scale, border=border)
    assert qr.of_picture(picture.getvalue()) == [[bool(cell) for cell in row] for row in made.matrix]


@pytest.mark.parametrize("picture", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_picture_that_is_none_is_said_in_words(picture: bytes) -> None:
    with pytest.raises(Failed):
        qr.of_picture(picture)


def test_a_code_is_black_on_white_whatever_the_terminals_colours_are() -> None:
    lines = qr.drawn([[True] * 21 for _ in range(21)])
    assert len(lines) == 13
    assert all(line.startswith(qr.INK) and line.endswith(qr.RESET) for line in lines)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("person", [True, False])
def test_work_that_takes_time_is_told_on_a_terminal_and_never_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, person: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", written := _Terminal() if person else io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    with output.progress("simulate.begun", 2) as step:
        step("the first is done")
    told = written.getvalue()
    assert ("Simulating" in told) == ("1/2" in told) == ("the first is done" in told) == person
    assert told.endswith(("\x1b[2K", "\x1b[?25h")) or not person, "it is gone when it is done"
