"""What a command raises when it does nothing: a stable code, the field, and the words a sentence needs.

The commands raise `CommandError`; each door (API, Evolution door, command line) translates it. Never lives here: a
status code, a sentence.
"""

from __future__ import annotations


class CommandError(Exception):
    """Nothing was done. `code` is kebab-case and stable; `words` fill its sentence.

    `in_body` tells a thing named in a body (the caller's mistake: 400) from one named by the address (404).
    """

    def __init__(
        self, code: str, *, field: str | None = None, near: str | None = None, in_body: bool = False, **words: str
    ) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.near = near
        self.in_body = in_body
        self.words = words

    def __repr__(self) -> str:
        return f"CommandError({self.code!r}, field={self.field!r}, words={self.words!r})"


def invalid(field: str, why: str) -> CommandError:
    """A value of the wrong type, range or form. `why` is English and short: `must be 1 to 64 of A-Za-z0-9._-`."""
    return CommandError("invalid-value", field=field, in_body=True, why=why)


def unknown(what: str, name: str, *, in_body: bool = False, field: str | None = None) -> CommandError:
    """A server, session, message, approval or key that does not exist."""
    return CommandError(f"unknown-{what}", field=field, in_body=in_body, name=name)


def unknown_tenant(name: str) -> CommandError:
    """A tenant that a body names, and that is not there or not the caller's."""
    return unknown("tenant", name, in_body=True, field="tenant")


def used_up(what: str, most: int, **words: str) -> CommandError:
    """A tenant's quota: `quota-sessions`, `quota-messages`, `quota-webhooks`, `quota-servers`. `most`: the bound."""
    error = CommandError(f"quota-{what}", most=str(most))
    error.words |= words
    return error
