"""What the command line says of its own, in pt-BR and en, and in which of them.

Sentences about sessions and messages are the gateway's; these are about the way to it, and the labels around its
answers. The texts are data (`texts_pt`, `texts_en`). Help texts stand at the verbs, their Portuguese in
`help_texts_pt`.
Never lives here: a decision, printing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from esteio.cli import texts_en as texts_en_module
from esteio.cli import texts_pt as texts_pt_module

PORTUGUESE, ENGLISH = "pt-BR", "en"
TEXTS: Mapping[str, Mapping[str, str]] = {PORTUGUESE: texts_pt_module.TEXTS, ENGLISH: texts_en_module.TEXTS}
NO_LANGUAGE = ("", "C", "POSIX")


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
    """A sentence of ours in the language of this process."""
    return TEXTS[spoken()][key].format(**values)


def count(key: str, number: int) -> str:
    """`key.one` or `key.many`, with `{n}`."""
    return say(f"{key}.one" if number == 1 else f"{key}.many", n=number)


def code(word: str | None) -> str:
    """A reason code or a kind of evidence as a sentence of the core; what it does not know stays as it is."""
    from esteio.core.model.state import Reason  # noqa: PLC0415
    from esteio.core.views import texts_en  # noqa: PLC0415 - most verbs never need the core's texts
    from esteio.core.views.sentences import sentence, timeline_text  # noqa: PLC0415

    if not word:
        return ""
    if word in texts_en.REASONS:
        return sentence(Reason(word), spoken()).text
    return timeline_text(word, {}, spoken()) if word in texts_en.TIMELINE else word


def named(group: str, word: str) -> str:
    """A word of the product (`state`, `rung`) as people read it."""
    from esteio.core.views import texts_en, texts_pt  # noqa: PLC0415

    texts = texts_pt.WORDS if spoken() == PORTUGUESE else texts_en.WORDS
    return texts.get(group, {}).get(word, word)


def duration(seconds: float) -> str:
    """A length of time: `45 s`, `3 min`, `2 h 5 min`."""
    from esteio.core.views.sentences import duration as told  # noqa: PLC0415

    return told(seconds)
