"""`/v1/vault`: which key seals the secrets at rest, and its change. No key is ever shown, only ids.

Never lives here: sealing (`vault`), the change itself (`engine.commands.vault`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from esteio.api.http import scopes
from esteio.api.http.request import ApiRequest, ApiResponse, answer
from esteio.api.http.route import ApiContext, Route
from esteio.engine.commands.requests import EmptyRequest
from esteio.engine.commands.vault.rotation import VaultState


class VaultDocument(msgspec.Struct, frozen=True):
    """The ids of the keys: `key` seals, `others` only open what they sealed. `left` counts the values that are not yet
    sealed with `key`; `in_file` says whether the keys stand in `secret.key`."""

    key: str
    others: tuple[str, ...]
    left: int
    in_file: bool


class RotateKeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the change of the key."""

    begin: Annotated[
        bool, msgspec.Meta(description="make a new key first, unless a change is under way; then ask without it")
    ] = False


async def state(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """As it is now."""
    call.query()
    return answer(_document(await api.commands.vault.state()))


async def rotate(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Some values are sealed anew; asked again until none is left."""
    ask = await call.ask(RotateKeyRequest)
    return answer(_document(await api.commands.vault.rotate(begin=ask.begin)))


async def retire(api: ApiContext, call: ApiRequest) -> ApiResponse:
    """Keys that no value names any more are forgotten."""
    await call.ask(EmptyRequest)
    return answer(_document(await api.commands.vault.retire()))


def _document(found: VaultState) -> VaultDocument:
    return VaultDocument(found.key, found.others, found.left, found.in_file)


ROUTES = (
    Route(
        "GET",
        "/v1/vault",
        state,
        "admin",
        "Which key seals secrets at rest",
        {200: VaultDocument},
        scope=scopes.GATEWAY,
    ),
    Route(
        "POST",
        "/v1/vault/rotate",
        rotate,
        "admin",
        "Change the key of the secrets at rest, a part at a time",
        {200: VaultDocument},
        body=RotateKeyRequest,
        errors=("vault-single-key", "vault-foreign-value", "vault-file"),
        scope=scopes.GATEWAY,
    ),
    Route(
        "POST",
        "/v1/vault/retire",
        retire,
        "admin",
        "Forget older keys that no secret names any more, now instead of after twelve hours",
        {200: VaultDocument},
        body=EmptyRequest,
        errors=("vault-key-in-use", "vault-foreign-value", "vault-file"),
        scope=scopes.GATEWAY,
    ),
)
