"""What `esteio simulate` says beside its table."""

import sys
from pathlib import Path

import pytest

from esteio.cli.local.simulate import simulate


@pytest.mark.parametrize(("language", "sentence"), [("en", "has no charts"), ("pt-BR", "ficou sem gráficos")])
def test_who_has_no_library_for_charts_is_told_how_to_get_it(
    language: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESTEIO_LANGUAGE", language)
    monkeypatch.setitem(sys.modules, "pygal", None)
    simulate(sessions=1, hours=0.1, policy=["default"], out=tmp_path, jobs=1)
    told = capsys.readouterr()
    assert "| availability" in told.out
    assert sentence in told.err
    assert "pip install 'esteio[charts]'" in told.err
    assert len(told.err.splitlines()) == 1


def test_who_has_it_gets_charts_and_no_word_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(sessions=1, hours=0.1, policy=["default"], out=tmp_path, jobs=1)
    assert capsys.readouterr().err == ""
    assert (tmp_path / "availability.svg").exists()
