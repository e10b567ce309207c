"""Versions and the lies they tell."""

import pytest

from esteio.providers.quirks import QUIRKS, covers, has, known, parse
from esteio.texts import LANGUAGES, catalogue


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("restart-ended-socket-noop", ["2.3.7", "v2.3.7"], ["2.3.6", "2.4.0-rc2", None, "nonsense"]),
        ("logout-deafens", ["2.3.1", "2.3.6"], ["2.3.0", "2.3.7", "2.2.3"]),
        ("408-deletes-credentials", ["2.4.0-rc2", "2.4.0"], ["2.4.1", "2.3.7"]),
        ("licence-wall", ["2.4.0", "2.4.0-rc1", "2.5.1"], ["2.3.7", "2.3.9"]),
        ("connect-after-logout-unpairable", ["2.4.0-rc1", "2.4.0"], ["2.4.1", "2.3.7"]),
        ("no-backoff-reconnect", ["2.2.3", "2.3.7"], ["2.4.0-rc2"]),
        ("restart-by-put-is-404", ["2.2.0", "2.3.7", "2.4.0-rc1"], ["2.1.2", "1.8.0", None]),
        ("date-time-false-z", ["2.3.7", "1.0.0", None, "nonsense"], []),
    ],
)
def test_a_quirk_belongs_to_its_versions(name: str, yes: list[str | None], no: list[str | None]) -> None:
    assert [version for version in yes if not has(name, "evolution", version)] == []
    assert [version for version in no if has(name, "evolution", version)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", QUIRKS)
def test_every_quirk_has_its_sentence_and_every_sentence_its_quirk(kind: str, language: str) -> None:
    texts = catalogue(language)
    assert set(texts.keys(f"quirk {kind}")) == {quirk.name for quirk in QUIRKS[kind]}
    assert all(texts.word(f"quirk {kind}", quirk.name).endswith(".") for quirk in QUIRKS[kind])


def test_names_are_unique_and_specifiers_can_be_read() -> None:
    for quirks in QUIRKS.values():
        assert len({quirk.name for quirk in quirks}) == len(quirks)
        for quirk in quirks:
            assert quirk.source
            assert not quirk.versions or any(covers(quirk.versions, f"2.{a}.{b}{rc}") for a in range(2, 5)
                                             for b in range(8) for rc in ("", "-rc1", "-rc2"))  # fmt: skip


def test_an_unknown_quirk_is_our_mistake_and_an_unknown_version_has_only_what_all_have() -> None:
    with pytest.raises(KeyError):
        has("never-heard-of", "evolution", "2.3.7")
    assert all(not quirk.versions for quirk in known("evolution", None))
    assert len(known("evolution", "2.3.7")) > len(known("evolution", None)) > 0
    assert known("somebody-else", "1.0") == ()
    assert parse("") is None
    assert not covers("not a specifier", "2.3.7")
