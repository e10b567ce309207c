"""Reads the product's texts, `locales/<language>/<subject>.po`, once, and gives them as values to those who use them.

gettext's text format, read by polib as it stands, so that a change of a file shows at the next start and nothing has to
be compiled. The way to add a sentence or a language is in docs/how-to/translating.md. Never lives here: a text, how one
is filled (`core.views.catalogue`), which language a person reads (`api.http.request`, `cli.texts`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polib

from esteio.core.views.catalogue import Catalogue, Translations

FOLDER = Path(__file__).parent / "locales"
LANGUAGES = ("pt-BR", "en")
"""The first one answers whoever asks for a language that there is none of."""


class TextsError(Exception):
    """A file of texts is missing, cannot be read, or says the same thing twice: the installation is damaged."""


def known(language: str) -> str:
    """The language of ours that serves this tag (`pt`, `en-GB`, `EN`, `pt_BR`): by its first part, else the first."""
    start = language.lower().replace("_", "-").partition("-")[0]
    return next((one for one in LANGUAGES if one.lower().partition("-")[0] == start), LANGUAGES[0])


def catalogue(language: str, *subjects: str) -> Catalogue:
    """The texts of these subjects (names of files; none: all) in the language that serves this tag. Raises `TextsError`
    when a file cannot be used."""
    return _catalogue(known(language), subjects)


def translations(language: str) -> Translations:
    """Every language, with the one that serves this tag as the default. Raises `TextsError`."""
    every = {one: _catalogue(one, ()) for one in LANGUAGES}
    return Translations(every[known(language)], every)


@cache
def _catalogue(language: str, subjects: tuple[str, ...]) -> Catalogue:
    folder = FOLDER / language.replace("-", "_")
    files = [folder / f"{subject}.po" for subject in subjects] or sorted(folder.glob("*.po"))
    texts: dict[tuple[str, str], str] = {}
    plurals: dict[tuple[str, str], str] = {}
    for file in files:
        for entry in _entries(file):
            place = (entry.msgctxt or "", entry.msgid)
            if place in texts:
                raise TextsError(f"{file}: {place} is there twice")
            if entry.msgid_plural:
                texts[place], plurals[place] = entry.msgstr_plural[0], entry.msgstr_plural[1]
            else:
                texts[place] = entry.msgstr
    if not texts:
        raise TextsError(f"{folder} holds no texts")
    return Catalogue(language, texts, plurals)


def _entries(file: Path) -> list[polib.POEntry]:
    # polib takes a name that is no file for the text itself.
    try:
        return [entry for entry in polib.pofile(file.read_text("utf-8")) if not entry.obsolete]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise TextsError(f"{file}: {error}") from error
