"""The texts: complete in every language, with the same values and marks, each used, and nothing else in the files.

That a reason, a problem, a quirk or a help has its text is tested where those are; here is what holds for all.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import polib
import pytest

import esteio
from esteio import texts as reading
from esteio.cli import texts as texts_module
from esteio.config import Language
from esteio.core.model.state import Reason
from esteio.core.views.catalogue import _form
from esteio.core.views.sentences import sentence
from esteio.engine.delivery.notices import KINDS as PHASES
from esteio.engine.outbox.performers import NO_TARGET
from esteio.providers.classify import TOO_LARGE
from esteio.providers.driver import _REASONS, CROWDED, NOT_ALLOWED
from esteio.sim.demo.texts import Words
from esteio.texts import FOLDER, LANGUAGES, TextsError, catalogue, known, translations
from esteio.vault import WrongKey

SOURCE = Path(esteio.__file__).parent
FILES = sorted(FOLDER.rglob("*.po"))
OWN_ENGLISH = {"help", "help frame", "complaint in English", "detail in English", "setting in English"}
"""Contexts whose key is the English that stands in the code, so that the English files have none of them."""
UNFILLED = {"help", "help frame"}
"""Contexts whose texts are shown as they are, as those of quirks are."""
MARK = re.compile(r"\{(\w+)(:[^{}]*\|[^{}]*)?\}")


def entries(language: str) -> dict[tuple[str, str], polib.POEntry]:
    folder = FOLDER / language.replace("-", "_")
    return {(one.msgctxt, one.msgid): one for file in sorted(folder.glob("*.po")) for one in polib.pofile(str(file))}


def forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def values(entry: polib.POEntry) -> set[str]:
    return {name for form in forms(entry) for name, _ in MARK.findall(form)}


def test_the_settings_and_the_folders_know_the_same_languages() -> None:
    assert get_args(Language) == LANGUAGES
    assert {one.name for one in FOLDER.iterdir()} == {one.replace("-", "_") for one in LANGUAGES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_file_says_its_language_and_holds_no_text_that_is_empty_doubtful_or_marked_wrongly(file: Path) -> None:
    found = polib.pofile(str(file), check_for_duplicates=True)
    assert found.metadata["Language"] == file.parent.name
    assert found.metadata["Plural-Forms"] == "nplurals=2; plural=(n != 1);", "the two forms that `find` knows"
    assert not found.obsolete_entries()
    for entry in found:
        assert not entry.fuzzy, entry.msgid
        for form in forms(entry):
            assert form.strip() == form, form
            assert form, entry.msgid
            if entry.msgctxt not in UNFILLED and not entry.msgctxt.startswith("quirk"):
                left = MARK.sub("", form).replace('{"count":0}', "")
                assert not set("{}") & set(left), f"{entry.msgid}: a mark that is none"
                assert form.count("[") == form.count("]"), entry.msgid


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_language_has_every_text_with_the_same_values_and_the_same_forms(language: str) -> None:
    english, other = entries("en"), entries(language)
    translated = {place for place in other if place[0] not in OWN_ENGLISH}
    assert translated - set(english) == set()
    assert set(english) - translated == set()
    for place in translated:
        assert values(other[place]) == values(english[place]), place
        assert bool(other[place].msgid_plural) == bool(english[place].msgid_plural), place
    for (context, key), entry in other.items():
        if context in OWN_ENGLISH:
            assert values(entry) <= {name for name, _ in MARK.findall(key)}, key


def said(folder: str, *names: str) -> dict[str, set[str]]:
    """Key → the names of its values, of each call of one of these functions with a literal key below `folder`. Keys
    that an expression chooses among are all there; one that is put together counts by its first part and `*`."""
    found: dict[str, set[str]] = {}
    for path in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in names:
                    given = {word.arg or "*" for word in node.keywords}
                    for key in _keys(node.args[0]):
                        found[key] = found[key] & given if key in found else given
    return found


def _keys(node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return {f"{text}*"}
        case ast.IfExp(body=one, orelse=other):
            return _keys(one) | _keys(other)
    return set()


def test_the_command_line_says_only_what_there_is_with_every_value() -> None:
    calls = said("cli", "say", "Failed", "Misused", "Refused", "count")
    texts = catalogue("en")
    assert len(calls) > 90
    for key, given in calls.items():
        if key.endswith("*"):
            assert any(one.startswith(key[:-1]) for one in texts.keys("cli")), key
        else:
            assert ("cli", key) in texts, key
            needed = {name for name, _ in MARK.findall(texts.word("cli", key))} - {"n"}
            assert "*" in given or not needed - given, (key, given)


@pytest.mark.parametrize(("context", "folder"), [("cli", "cli"), ("demo", "sim/demo")])
def test_no_text_of_the_command_line_or_the_demo_is_left_over(context: str, folder: str) -> None:
    """A key stands in the code as it is, or is put together from a part that does: `f"doctor.result.{result}"`."""
    whole, composed = written(folder)
    assert {key for key in catalogue("en").keys(context) if key not in whole and not composed.fullmatch(key)} == set()


def written(folder: str) -> tuple[set[str], re.Pattern[str]]:
    """Every string of the code below `folder`, and the form of every key that is put together."""
    whole, composed = set(), set()
    for path in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values]
                if any(re.fullmatch(r"[\w.-]{4,}", part) for part in parts):
                    composed.add("".join(re.escape(part) if part else r"[\w-]+" for part in parts))
    return whole, re.compile("|".join(sorted(composed)) or "$.")


SMALL = ("answer", "fallback", "complaint")
"""Contexts whose keys stand in the code as they are."""
TESTED_ELSEWHERE = {
    "knob",
    *("reason", "action", "timeline", "state", "rung", "message-state", "title", "detail", "notice", "notice-more"),
    *("cli", "demo", "sandbox", "sandbox fault", "sandbox fault text", "json-type", "bound", "dashboard"),
}


def test_no_text_is_of_a_kind_that_nothing_reads() -> None:
    contexts = {context for context, _ in entries("en")}
    assert {one for one in contexts if not one.startswith(("quirk ", "field "))} == {*SMALL, *TESTED_ELSEWHERE}


@pytest.mark.parametrize("context", SMALL)
def test_no_text_of_a_small_kind_is_left_over(context: str) -> None:
    whole, _ = written("")
    keys = set(catalogue("en").keys(context))
    assert keys - whole == set()


DETAILS = {"Unfetchable", "Untranslatable", "TransportFailed", "SendOutcome", "DownloadOutcome"}
"""What these say in English may stand inside a sentence."""


def details() -> set[str]:
    """Every text, `x` for its values, that is said with one of `DETAILS`, or returned as what is wrong with a message
    (`return "this server cannot …", "", {}`)."""
    found: set[str] = set()
    for folder in ("engine", "providers"):
        for path in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id=name)) if name in DETAILS:
                        said_by = [word.value for word in node.keywords if word.arg == "detail"]
                        said_by += node.args[:1] if not name.endswith("Outcome") else []
                        found |= {text for one in said_by for text in _literals(one)}
                    case ast.Call(func=ast.Name(id="_unsupported"), args=[why]):
                        found |= set(_literals(why))
                    case ast.Call(func=ast.Name(id="ActOutcome"), args=[ast.Constant(value="unsupported"), why]):
                        found |= set(_literals(why))
                    case ast.Return(value=ast.Tuple(elts=[wrong, _, _])):
                        found |= set(_literals(wrong))
    return {text for text in found if " " in text}


def _literals(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            whole = "".join(str(part.value) if isinstance(part, ast.Constant) else "{x}" for part in parts)
            return [re.sub(r"\{x\}", "x", whole.replace("kind {x}", "kind 'x'").replace("scheme {x}", "scheme 'x'"))]
        case ast.IfExp(body=one, orelse=other):
            return [*_literals(one), *_literals(other)]
        case ast.BinOp(left=one, right=other):
            return [begins + ends for begins in _literals(one) for ends in _literals(other)]
    return []


def test_every_detail_of_ours_is_translated_and_no_translation_is_of_another() -> None:
    texts = catalogue("pt-BR")
    named = {NO_TARGET, CROWDED, NOT_ALLOWED, f"{TOO_LARGE}: more than x bytes"}
    named |= {"the address may not be reached", "HTML page, status 502"}
    phrases = named | {reason for _, reason, _ in _REASONS} | (details() - {"x: more than x bytes"})
    assert len(phrases) > 35
    assert {one for one in phrases if texts.translated("detail in English", one) == one} == set()
    keys = texts.keys("detail in English")
    assert {key for key in keys if not any(_form(key).fullmatch(one) for one in phrases)} == set()


def test_a_detail_of_ours_is_told_in_the_reader_s_language_and_a_stranger_s_words_as_they_came() -> None:
    for detail, told in (("the address answered 404", "o endereço respondeu 404"), ("{x} [y]", "{x} [y]")):
        reason = Reason("media-failed", {"detail": detail})
        assert told in sentence(reason, catalogue("pt-BR")).text
        assert detail in sentence(reason, catalogue("en")).text


def test_every_reason_why_settings_cannot_be_used_is_translated_and_no_translation_is_of_another() -> None:
    phrases: set[str] = set()
    for file in ("config.py", "vault.py", "core/model/policy.py", "store/postgres/address.py"):
        for node in ast.walk(ast.parse((SOURCE / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "SettingsError",
                "VaultError",
                "PolicyError",
                "BadAddress",
            }:
                phrases |= {text for text in _literals(node.args[0]) if text not in {"x: x", "policy x: x"}}
    phrases -= {"allow_targets: x"}  # what the library says stands behind it
    phrases |= {f"x: {one}" for one in phrases if one.startswith("unknown setting")}
    phrases |= {"allow_targets: 'x' does not appear to be an IPv4 or IPv6 network", str(WrongKey())}
    texts = catalogue("pt-BR")
    assert {one for one in phrases if texts.translated("setting in English", one) == one} == set()
    keys = texts.keys("setting in English")
    assert {key for key in keys if not any(_form(key).fullmatch(one) for one in phrases)} == set()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("unknown setting 'listn'; did you mean 'listen'?", "configuração desconhecida 'listn'; seria 'listen'?"),
        ("Expected `int` >= 0 - at `retention.days`", "retention.days: deve ser no mínimo 0"),
        ("a stranger's words", "a stranger's words"),
    ],
)
def test_why_settings_cannot_be_used_is_told_in_the_language_of_the_process(
    monkeypatch: pytest.MonkeyPatch, error: str, told: str
) -> None:
    monkeypatch.setenv("ESTEIO_LANGUAGE", "pt-BR")
    assert texts_module.reason(ValueError(error)) == told


def test_every_notice_has_a_title() -> None:
    assert set(catalogue("en").keys("notice")) == set(PHASES)
    assert set(catalogue("en").keys("notice-more")) <= set(PHASES)


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt", "pt-BR"), ("pt_BR", "pt-BR"), ("en", "en"), ("en-GB", "en"), ("EN", "en"), ("de", "pt-BR"), ("", "pt-BR")],
)
def test_a_tag_is_served_by_its_language_and_an_unknown_one_by_the_first(tag: str, language: str) -> None:
    assert known(tag) == catalogue(tag).language == translations(tag).default.language == language


def test_the_texts_are_read_once() -> None:
    assert catalogue("en") is catalogue("en-GB")
    assert translations("en").by_language["en"] is catalogue("en")


def test_what_the_demo_and_the_command_line_do_not_know_is_a_mistake_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIO_LANGUAGE", "en")
    with pytest.raises(KeyError, match="no-such-key"):
        texts_module.say("no-such-key")
    with pytest.raises(KeyError, match="no-such-key"):
        Words("en")("no-such-key")


@pytest.mark.parametrize(
    "text",
    [
        None,
        'msgid "a"\nmsgstring "b"\n',
        'msgctxt "c"\nmsgid "a"\nmsgstr "b"\n\nmsgctxt "c"\nmsgid "a"\nmsgstr "d"\n',
        "",
    ],
    ids=["missing", "broken", "twice", "empty"],
)
def test_a_damaged_installation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.setattr(reading, "FOLDER", tmp_path)
    (tmp_path / "en").mkdir()
    if text is not None:
        (tmp_path / "en" / "broken.po").write_text(text, encoding="utf-8")
    reading._catalogue.cache_clear()
    try:
        with pytest.raises(TextsError):
            catalogue("en", "broken")
    finally:
        reading._catalogue.cache_clear()
