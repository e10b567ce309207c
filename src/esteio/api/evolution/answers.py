"""Answers in Evolution's shapes: its error envelope (recordings 002 to 060), and our own errors put into it.

The words that Evolution itself says stay as it says them, for clients look for them; what only Esteio can say comes in
the caller's language. Never lives here: which route says what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from esteio.api.http.problems import of_command_error
from esteio.api.http.request import JSON, ApiResponse, answer
from esteio.core.views.catalogue import Catalogue
from esteio.engine.errors import CommandError


class EvolutionError(Exception):
    """What a door's handler raises to answer `status` with `message` (a list, a list in a list, or a text) inside the
    envelope; `error` is the status's own phrase unless another is given."""

    def __init__(self, status: int, message: Any, error: str = "") -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.error = error or HTTPStatus(status).phrase

    def answered(self) -> ApiResponse:
        """The whole answer."""
        return envelope(self.status, self.message, self.error)


def envelope(status: int, message: Any, error: str) -> ApiResponse:
    """`{"status", "error", "response": {"message"}}`."""
    return answer({"status": status, "error": error, "response": {"message": message}}, status)


def unauthorized() -> EvolutionError:
    """No key, a wrong one, or one that does not reach this instance (recordings 003, 018, 021)."""
    return EvolutionError(401, "Unauthorized")


def no_such_instance(name: str) -> EvolutionError:
    """Recording 016."""
    return EvolutionError(404, [f'The "{name}" instance does not exist'])


def name_in_use(name: str) -> EvolutionError:
    """Recording 013."""
    return EvolutionError(403, [f'This name "{name}" is already in use.'])


def no_such_route(method: str, path: str) -> EvolutionError:
    """Recording 002."""
    return EvolutionError(404, [f"Cannot {method} {path}"])


def invalid(*complaints: str) -> EvolutionError:
    """What Evolution's own check of a body answers: a list in a list (recording 054)."""
    return EvolutionError(400, [list(complaints)])


_SAID: Final[Mapping[str, Callable[[CommandError], EvolutionError]]] = {
    "unauthorized": lambda _: unauthorized(),
    "session-out-of-reach": lambda _: unauthorized(),
    "unknown-session": lambda error: no_such_instance(error.words.get("name", "")),
    "name-taken": lambda error: name_in_use(error.words.get("name", "")),
    "key-taken": lambda _: EvolutionError(403, ["The token is already in use."]),
    "ref-out-of-reach": lambda _: unauthorized(),
}
"""Errors of ours that Evolution has its own words for."""


def of_error(error: CommandError, texts: Catalogue) -> ApiResponse:
    """A command's error in the envelope: Evolution's words where it has them, else our sentence and its `code`."""
    said = _SAID.get(error.code)
    if said is not None:
        return said(error).answered()
    told = of_command_error(error, texts)
    body = {
        "status": told.status,
        "error": HTTPStatus(told.status).phrase,
        "response": {"message": [told.detail]},
        "code": told.code,
    }
    headers = {} if told.retry_after_s is None else {"retry-after": str(told.retry_after_s)}
    return ApiResponse(told.status, msgspec.json.encode(body), JSON, headers)
