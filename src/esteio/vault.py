"""Secrets at rest: sealed before they reach the store, opened only to call a provider.

The key is `ESTEIO_SECRET_KEY`, or `DATA/secret.key` (mode 0600), which is made on the first start. Any word of 16
characters or more serves as `ESTEIO_SECRET_KEY`; a Fernet key is used as it is. Never lives here: what is secret (the
commands know), where it is kept (the store knows).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken

KEY_FILE = "secret.key"
SHORTEST_KEY = 16


class VaultError(Exception):
    """The key cannot be had; the message says why and what to do."""


class WrongKey(VaultError):
    """What is sealed was sealed with another key."""

    def __init__(self) -> None:
        super().__init__(
            "the secrets in this database were sealed with another key: give back the secret.key that belongs to it,"
            " or the ESTEIO_SECRET_KEY of before"
        )


class Vault:
    """Seals small mappings of words. An empty mapping is sealed as no bytes at all."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._key = key

    def __repr__(self) -> str:
        return "Vault()"

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for another purpose; who has it learns nothing of this one."""
        return hmac.digest(self._key, f"esteio {purpose}".encode(), "sha256")

    def seal(self, words: Mapping[str, str]) -> bytes:
        """The words as bytes that only this key opens."""
        return self._fernet.encrypt(msgspec.json.encode(dict(words))) if words else b""

    def unseal(self, sealed: bytes) -> dict[str, str]:
        """What was sealed. Raises `WrongKey`."""
        if not sealed:
            return {}
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed), type=dict[str, str])
        except (InvalidToken, msgspec.DecodeError) as error:
            raise WrongKey from error


def open_vault(data: Path, secret_key: str | None) -> Vault:
    """The vault of this installation; makes `DATA/secret.key` when there is neither file nor setting.

    Raises `VaultError` for a key that is none or a file that cannot be read or written.
    """
    if secret_key:
        return Vault(derive(secret_key))
    path = data / KEY_FILE
    try:
        return Vault(_checked(path.read_bytes().strip(), path))
    except FileNotFoundError:
        return Vault(_make(path))
    except OSError as error:
        raise VaultError(f"{path} cannot be read: {error.strerror}") from error


def derive(word: str) -> bytes:
    """A Fernet key from any word of 16 characters or more; a Fernet key stays itself. Raises `VaultError` for a shorter
    word."""
    if len(word) < SHORTEST_KEY:
        raise VaultError(f"ESTEIO_SECRET_KEY needs {SHORTEST_KEY} characters or more")
    try:
        Fernet(word)
    except ValueError:
        digest = hashlib.scrypt(word.encode(), salt=b"esteio secret key", n=2**14, r=8, p=1, dklen=32)
        return base64.urlsafe_b64encode(digest)
    return word.encode()


def new_key() -> str:
    """A new key of 256 random bits, in URL-safe base64."""
    return Fernet.generate_key().decode()


def _checked(key: bytes, path: Path) -> bytes:
    try:
        Fernet(key)
    except ValueError as error:
        raise VaultError(f"{path} holds no key (44 characters of base64 were expected)") from error
    return key


def _make(path: Path) -> bytes:
    key = new_key().encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive: two first starts at once may not each seal with a key of their own.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return _checked(path.read_bytes().strip(), path)
    except OSError as error:
        raise VaultError(f"{path} cannot be made: {error.strerror}") from error
    return key
