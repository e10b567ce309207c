"""Sealed values: opened by their key, in their place, and by no other; keys in a file that a kill leaves whole."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from esteio.vault import (
    KEY_FILE,
    KeyFile,
    Misplaced,
    Vault,
    VaultError,
    WrongKey,
    key_id_of,
    new_key,
    open_vault,
)

OLD, NEW = new_key().encode(), new_key().encode()
WORDS = {"apikey": "s3cret"}
PLACE = "server/evo"


def test_a_value_names_its_key_and_opens_in_its_place_alone() -> None:
    vault = Vault(OLD)
    sealed = vault.seal(WORDS, PLACE)
    assert b"s3cret" not in sealed
    assert sealed != vault.seal(WORDS, PLACE), "equal words do not look equal"
    assert key_id_of(sealed) == vault.key_id
    assert vault.unseal(sealed, PLACE) == WORDS
    with pytest.raises(Misplaced, match="does not belong"):
        vault.unseal(sealed, "server/other")
    assert (vault.seal({}, PLACE), vault.unseal(b"", PLACE), key_id_of(b"")) == (b"", {}, "")


@pytest.mark.parametrize("at", [0, 1, 4, 5, 16, 17, -1])
def test_a_changed_byte_opens_nothing(at: int) -> None:
    vault = Vault(OLD)
    sealed = bytearray(vault.seal(WORDS, PLACE))
    sealed[at] ^= 1
    with pytest.raises(WrongKey):
        vault.unseal(bytes(sealed), PLACE)


@pytest.mark.parametrize("junk", [b"x", b"\x01", b"gAAAAABn-a-token-of-another-kind", bytes(64)])
def test_what_was_never_sealed(junk: bytes) -> None:
    with pytest.raises(WrongKey):
        Vault(OLD).unseal(junk, PLACE)
    own = Vault(OLD)
    with pytest.raises(WrongKey):
        own.unseal(own.seal(WORDS, PLACE)[:12], PLACE)


def test_an_older_key_opens_and_the_first_seals() -> None:
    before, after = Vault(OLD), Vault(NEW, OLD)
    sealed = before.seal(WORDS, PLACE)
    assert after.unseal(sealed, PLACE) == WORDS
    assert (after.key_id, after.other_ids) == (Vault(NEW).key_id, (before.key_id,))
    with pytest.raises(WrongKey) as caught:
        before.unseal(after.seal(WORDS, PLACE), PLACE)
    assert caught.value.key_id == after.key_id
    with pytest.raises(WrongKey):
        after.only_first().unseal(sealed, PLACE)


def test_what_is_derived_is_known_of_every_key_and_of_no_retired_one() -> None:
    vault = Vault(OLD)
    first = vault.key_for("links")
    vault.begin(NEW)
    assert vault.keys_for("links") == (Vault(NEW).key_for("links"), first)
    assert vault.key_of(Vault(OLD).key_id, "links") == first
    sealed = Vault(OLD).seal(WORDS, PLACE)
    vault.retire()
    assert first not in vault.keys_for("links")
    assert vault.unseal(sealed, PLACE) == WORDS, "what is under way may still be written back"
    with pytest.raises(WrongKey):
        vault.key_of(Vault(OLD).key_id, "links")


def test_keys_of_the_file(tmp_path: Path) -> None:
    vault = open_vault(tmp_path, None)
    path = tmp_path / KEY_FILE
    old = path.read_bytes().strip()
    vault.begin(NEW)
    assert path.read_bytes().split() == [NEW, old]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = open_vault(tmp_path, None)
    assert (again.key_id, again.other_ids) == (vault.key_id, vault.other_ids)
    again.retire()
    assert path.read_bytes().split() == [NEW]
    assert [one.name for one in tmp_path.iterdir()] == [KEY_FILE]


def test_a_file_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    vault = open_vault(tmp_path, None)
    before = vault.key_id
    assert vault.file is not None
    vault.file = KeyFile(tmp_path / "none" / KEY_FILE)
    with pytest.raises(OSError, match="none"):
        vault.begin(NEW)
    assert (vault.key_id, vault.other_ids) == (before, ())


def test_what_a_kill_left_half_written_is_written_over(tmp_path: Path) -> None:
    vault = open_vault(tmp_path, None)
    (tmp_path / f"{KEY_FILE}.new").write_bytes(b"half")
    vault.begin(NEW)
    assert open_vault(tmp_path, None).key_id == vault.key_id


def test_other_keys_of_the_settings(tmp_path: Path) -> None:
    word = "the word of before, long enough"
    sealed = open_vault(tmp_path, word).seal(WORDS, PLACE)
    vault = open_vault(tmp_path, "the next word, which is long enough", (word,))
    assert vault.unseal(sealed, PLACE) == WORDS
    assert vault.file is None
    with pytest.raises(VaultError, match="16"):
        open_vault(tmp_path, word, ("short",))
