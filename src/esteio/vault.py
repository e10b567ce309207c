"""Secrets at rest: sealed before they reach the store, opened only to call a provider.

The key is `ESTEIO_SECRET_KEY`, or the first line of `DATA/secret.key` (mode 0600), which is made on the first start.
Any word of 16 characters or more serves as `ESTEIO_SECRET_KEY`; a key as the file holds it is used as it is. Further
keys (`ESTEIO_OTHER_SECRET_KEYS`, the file's other lines) open and do not seal: with them a key is changed. A sealed
value names its key and is bound to its place: moved to another row it opens no more. Never lives here: what is secret
(the commands know), where it is kept (the store knows).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE: Final = "secret.key"
SHORTEST_KEY: Final = 16
KEY_BYTES: Final = 32
FORMAT: Final = b"\x01"
"""Begins a sealed value: format, key id, nonce, AES-256-GCM of JSON with the place as associated data."""
ID_BYTES: Final = 4
ID_AT: Final = slice(len(FORMAT), len(FORMAT) + ID_BYTES)
_NONCE_BYTES: Final = 12
_BODY_AT: Final = len(FORMAT) + ID_BYTES + _NONCE_BYTES


class VaultError(Exception):
    """The key cannot be had; the message says why and what to do."""


class WrongKey(VaultError):
    """What is sealed was sealed with another key. `key_id`: that key's id."""

    def __init__(self, key_id: str = "") -> None:
        super().__init__(
            "the secrets in this database were sealed with another key: give back the secret.key that belongs to it,"
            " or the ESTEIO_SECRET_KEY of before"
        )
        self.key_id = key_id


class Misplaced(WrongKey):
    """The key is right, but the value was changed, or sealed for another place."""

    def __init__(self, key_id: str) -> None:
        VaultError.__init__(
            self, "a secret in this database was changed, or moved from another row: it does not belong where it stands"
        )
        self.key_id = key_id


class _Key:
    """One key: its id, and what is made of it."""

    __slots__ = ("cipher", "id", "text")

    def __init__(self, text: bytes) -> None:
        raw = _raw(text)
        self.text = text
        self.id = hmac.digest(raw, b"esteio key id", "sha256")[:ID_BYTES]
        self.cipher = AESGCM(hmac.digest(raw, b"esteio seal", "sha256"))


class Vault:
    """Seals small mappings of words with its first key, and opens with each. An empty mapping is sealed as no bytes at
    all. `file`: where the keys stand, None where they come from the settings."""

    def __init__(self, *keys: bytes, file: KeyFile | None = None) -> None:
        self._keys = tuple(_Key(key) for key in dict.fromkeys(keys))
        self._retired: tuple[_Key, ...] = ()
        """Keys that open what this process may still write back, and nothing else."""
        self.file = file

    def __repr__(self) -> str:
        return "Vault()"

    @property
    def key_id(self) -> str:
        """The id of the key that seals; it says nothing of the key."""
        return self._keys[0].id.hex()

    @property
    def other_ids(self) -> tuple[str, ...]:
        """The ids of the keys that only open."""
        return tuple(key.id.hex() for key in self._keys[1:])

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for another purpose; who has it learns nothing of this one."""
        return self.keys_for(purpose)[0]

    def keys_for(self, purpose: str) -> tuple[bytes, ...]:
        """The same of each key, the one that seals first: what was given out under an older one is still known."""
        return tuple(hmac.digest(key.text, f"esteio {purpose}".encode(), "sha256") for key in self._keys)

    def key_of(self, key_id: str, purpose: str) -> bytes:
        """The same of the key with this id. Raises `WrongKey`."""
        for key in self._keys:
            if key.id.hex() == key_id:
                return hmac.digest(key.text, f"esteio {purpose}".encode(), "sha256")
        raise WrongKey(key_id)

    def seal(self, words: Mapping[str, str], place: str) -> bytes:
        """The words as bytes that only this key opens, and only for this place (the row and column they stand in)."""
        if not words:
            return b""
        key, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        return FORMAT + key.id + nonce + key.cipher.encrypt(nonce, msgspec.json.encode(dict(words)), place.encode())

    def unseal(self, sealed: bytes, place: str) -> dict[str, str]:
        """What was sealed for this place. Raises `WrongKey`, and `Misplaced` for what was not sealed for it."""
        if not sealed:
            return {}
        key = next((one for one in (*self._keys, *self._retired) if one.id == sealed[ID_AT]), None)
        if key is None or not sealed.startswith(FORMAT):
            raise WrongKey(key_id_of(sealed))
        nonce, body = sealed[_BODY_AT - _NONCE_BYTES : _BODY_AT], sealed[_BODY_AT:]
        try:
            return msgspec.json.decode(key.cipher.decrypt(nonce, body, place.encode()), type=dict[str, str])
        except (InvalidTag, ValueError) as error:
            raise Misplaced(key_id_of(sealed)) from error

    def only_first(self) -> Vault:
        """A vault that has the sealing key alone."""
        return Vault(self._keys[0].text)

    def begin(self, key: bytes) -> None:
        """From now on this key seals; those of before still open. In the file first: what is sealed with a key must
        never be without it. Raises `OSError`."""
        keys = (_Key(key), *self._keys)
        if self.file is not None:
            self.file.write([one.text for one in keys])
        self._keys = keys

    def retire(self) -> None:
        """The keys that only open are forgotten, in the file too. Raises `OSError`."""
        if self.file is not None:
            self.file.write([self._keys[0].text])
        self._retired = (*self._keys[1:], *self._retired)
        self._keys = self._keys[:1]


class KeyFile:
    """`DATA/secret.key`: a key a line, the sealing one first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[bytes]:
        """Raises `VaultError`, `FileNotFoundError`, `OSError`."""
        keys = self.path.read_bytes().split()
        for key in keys or [b""]:
            _checked(key, self.path)
        return keys

    def make(self) -> list[bytes]:
        """A first key. Raises `VaultError`."""
        key = new_key().encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive: two first starts at once may not each seal with a key of their own.
            _write(self.path, [key])
        except FileExistsError:
            return self.read()
        except OSError as error:
            raise VaultError(f"{self.path} cannot be made: {error.strerror}") from error
        return [key]

    def write(self, keys: Sequence[bytes]) -> None:
        """These keys in the place of those that stand there: after a kill it is either the one or the other. Raises
        `OSError`."""
        half = self.path.with_name(f"{self.path.name}.new")
        half.unlink(missing_ok=True)
        _write(half, keys)
        half.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that a value was sealed with; "" for an empty one."""
    return sealed[ID_AT].hex()


def open_vault(data: Path, secret_key: str | None, others: Iterable[str] = ()) -> Vault:
    """The vault of this installation; makes `DATA/secret.key` when there is neither file nor setting. `others`: words
    for keys that only open.

    Raises `VaultError` for a key that is none or a file that cannot be read or written.
    """
    more = [derive(word) for word in others]
    if secret_key:
        return Vault(derive(secret_key), *more)
    file = KeyFile(data / KEY_FILE)
    try:
        return Vault(*file.read(), *more, file=file)
    except FileNotFoundError:
        return Vault(*file.make(), *more, file=file)
    except OSError as error:
        raise VaultError(f"{file.path} cannot be read: {error.strerror}") from error


def derive(word: str) -> bytes:
    """A key from any word of 16 characters or more; one of 32 bytes in URL-safe base64 stays itself. Raises
    `VaultError` for a shorter word."""
    if len(word) < SHORTEST_KEY:
        raise VaultError(f"ESTEIO_SECRET_KEY needs {SHORTEST_KEY} characters or more")
    try:
        _raw(word.encode())
    except ValueError:
        digest = hashlib.scrypt(word.encode(), salt=b"esteio secret key", n=2**14, r=8, p=1, dklen=KEY_BYTES)
        return base64.urlsafe_b64encode(digest)
    return word.encode()


def new_key() -> str:
    """A new key of 256 random bits, in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def _raw(text: bytes) -> bytes:
    """Raises `ValueError` for what is no key of 32 bytes."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(raw) != KEY_BYTES:
        raise ValueError("not 32 bytes")
    return raw


def _checked(key: bytes, path: Path) -> None:
    try:
        _raw(key)
    except ValueError as error:
        raise VaultError(f"{path} holds no key (44 characters of base64 were expected)") from error


def _write(path: Path, keys: Sequence[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"".join(key + b"\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
