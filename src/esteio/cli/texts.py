"""What the command line says of its own, and in which language.

Sentences about sessions and messages are the gateway's; these are about the way to it, and the labels around its
answers. The texts are in `locales/*/cli.po`; the help's are at the verbs, their translations in `help.po`. Never lives
here: a text, a decision, printing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from esteio.core.views.catalogue import Catalogue, fill
from esteio.texts import LANGUAGES, catalogue

PORTUGUESE, ENGLISH = LANGUAGES
NO_LANGUAGE = ("", "C", "POSIX")
SENTENCES = ("sessions", "servers", "messages", "timeline", "words")
"""The subjects of the gateway's own sentences."""


def language(environ: Mapping[str, str]) -> str:
    """`ESTEIO_LANGUAGE`, else the locale's; a locale that names none gives the product's default, pt-BR."""
    for name in ("ESTEIO_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        said = environ.get(name, "").partition(".")[0].strip()
        if said not in NO_LANGUAGE:
            return PORTUGUESE if said.lower().startswith("pt") else ENGLISH
    return PORTUGUESE


def spoken() -> str:
    """The language of this process."""
    return language(os.environ)


def say(key: str, /, **values: object) -> str:
    """A sentence of ours in the language of this process, filled. Raises KeyError for a key that there is not."""
    return _said(key, 1, values)


def count(key: str, number: int) -> str:
    """The sentence in its form for this number, which is its value `{n}`. Raises as `say`."""
    return _said(key, number, {"n": number})


def code(word: str | None) -> str:
    """A reason code or a kind of evidence as a sentence of the core; what it does not know stays as it is."""
    from esteio.core.model.state import Reason  # noqa: PLC0415
    from esteio.core.views.sentences import sentence, timeline_text  # noqa: PLC0415 - most verbs need none of these

    if not word:
        return ""
    texts = sentences()
    if ("reason", word) in texts:
        return sentence(Reason(word), texts).text
    return timeline_text(word, {}, texts) if ("timeline", word) in texts else word


def named(group: str, word: str) -> str:
    """A word of the product (`state`, `rung`) as people read it."""
    return sentences().word(group, word)


def sentences() -> Catalogue:
    """The texts of the gateway's own sentences, in the language of this process."""
    return catalogue(spoken(), *SENTENCES)


def reason(error: Exception) -> str:
    """Why settings or the key of the secrets cannot be used, in the language of this process: our code says it in
    English, and msgspec with the place at the end."""
    from esteio.api.http import complaints  # noqa: PLC0415 - heavy, and only for what fails

    texts = catalogue(spoken())
    why, _, place = str(error).partition(" - at `")
    if place:
        return f"{place.removesuffix('`')}: {complaints.told(why, texts)}"
    return texts.translated("setting in English", why)


def duration(seconds: float) -> str:
    """A length of time: `45 s`, `3 min`, `2 h 5 min`."""
    from esteio.core.views.sentences import duration as told  # noqa: PLC0415

    return told(seconds)


def _said(key: str, number: int, values: Mapping[str, object]) -> str:
    text = catalogue(spoken(), "cli").find("cli", key, number)
    if text is None:
        raise KeyError(key)
    return fill(text, {name: str(value) for name, value in values.items()})
