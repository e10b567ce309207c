"""What an adapter declares of its servers and instances, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esteio.providers.declaration import Declaration, DeclarationError, Field
from esteio.providers.registry import load
from esteio.texts import LANGUAGES, catalogue

LINE = Field("line", "the line", default="{session}")
KEY = Field("access_key", "its key", secret=True)
LEARNED = Field("session_token", "what the server tells", secret=True, learned=True)
REGION = Field("region", "where", required=False, pattern=r"[a-z]{2}\d", example="br1")
ACME = Declaration("Acme", (LINE, KEY, LEARNED, REGION), "line", credentials=(KEY, REGION), proved_by_secret=True)


def test_a_ref_is_made_of_what_is_said_and_the_defaults() -> None:
    assert ACME.whole_ref("loja", {"access_key": " k "}) == {"line": "loja", "access_key": "k"}
    assert ACME.whole_ref("loja", {"line": "other"}) == {"line": "other"}
    assert ACME.ref_names == ("line", "access_key", "region")


@pytest.mark.parametrize(
    ("ref", "field", "why"),
    [
        ({"line": "a", "access_key": "k"}, None, None),
        ({"line": "a", "access_key": "k", "region": "br1"}, None, None),
        ({"line": "a"}, "ref.access_key", "an Acme session needs ref.access_key"),
        ({"access_key": " "}, "ref.line", "an Acme session needs ref.line, ref.access_key"),
        ({"line": "a", "access_key": "k", "region": "Brazil"}, "ref.region", "must look like br1"),
    ],
)
def test_what_is_missing_is_said_by_field(ref: dict[str, str], field: str | None, why: str | None) -> None:
    missing = ACME.missing_in_ref(ref)
    assert (missing and missing.field, missing and missing.why) == (field, why)


def test_credentials_are_checked_the_same_way() -> None:
    assert ACME.missing_in_credentials({"access_key": "k"}) is None
    missing = ACME.missing_in_credentials({"region": "br1"})
    assert missing is not None
    assert (missing.field, missing.why) == ("credentials.access_key", "an Acme server needs credentials.access_key")


def test_what_is_not_declared_as_public_is_a_secret() -> None:
    ref = {"line": "a", "access_key": "k", "session_token": "t", "new_in_version_9": "x"}
    assert ACME.public(ref) == {"line": "a"}
    assert ACME.secret(ref) == {"access_key": "k", "session_token": "t", "new_in_version_9": "x"}
    assert set(ACME.secrets({"access_key": "c", "region": "br1", "old": "o"}, ref)) == {"c", "o", "k", "t", "x"}
    assert ACME.secrets({"access_key": ""}, {}) == ()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Field("accessKey", ""), "snake_case"),
        (lambda: Field("region", "", pattern="x", example="y"), "does not fit its pattern"),
        (lambda: Field("key", "", secret=True, default="guessable"), "have a default"),
        (lambda: Declaration("Acme", (LINE, LINE), "line"), "declares a field twice"),
        (lambda: Declaration("Acme", (LINE,), "name"), "must be a public field"),
        (lambda: Declaration("Acme", (LINE, KEY), "access_key"), "must be a public field"),
        (lambda: Declaration("Acme", (LINE, LEARNED), "line", proved_by_secret=True), "no secret in ref"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", load([]).kinds)
def test_every_field_of_those_that_ship_has_its_text_and_every_text_its_field(kind: str, language: str) -> None:
    declared = load([]).get(kind).declaration
    fields = {f"ref.{one.name}" for one in declared.ref} | {f"credentials.{one.name}" for one in declared.credentials}
    assert set(catalogue(language).keys(f"field {kind}")) == fields
