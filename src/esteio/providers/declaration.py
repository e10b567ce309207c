"""What a provider needs to know of a server and of an instance, declared once: names, secrets, defaults, validation.

The engine, the API, the settings file and the command line read nothing else: what may be said and what is missing,
what is encrypted at rest, what is blanked in stored webhooks, and which field names the instance. A field that is
declared nowhere is treated as a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import msgspec

SESSION = "{session}"
"""In a `Field.default`: the session's own name."""
KEY_SPELLINGS = ("apikey", "apiKey", "ApiKey", "APIKEY", "Apikey")
"""How servers of this family call a key inside the bodies of their webhooks."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class DeclarationError(ValueError):
    """A declaration contradicts itself; says which field and why."""


class Field(msgspec.Struct, frozen=True):
    """One value of a server's `credentials` or of a session's `ref`; always a string."""

    name: str
    """As it stands in JSON: snake_case."""
    text: str = ""
    """What it is and where a person finds it, for an adapter from outside: half a sentence without a full stop. The
    texts of ours are in `locales/*/fields.po`."""
    required: bool = True
    secret: bool = False
    """Encrypted at rest, never shown again, blanked wherever it comes back."""
    learned: bool = False
    """Only the provider tells it (`ActOutcome.ref`); a caller may not say it, so it is never missing."""
    default: str = ""
    """Taken when nobody says otherwise; `{session}` in it becomes the session's name."""
    pattern: str = ""
    """A regular expression for the whole value; needs an `example` that fits."""
    example: str = ""

    def __post_init__(self) -> None:
        """Raises `DeclarationError`."""
        if not _NAME.fullmatch(self.name):
            raise DeclarationError(f"the field {self.name!r} is not called in snake_case")
        if self.pattern and not re.fullmatch(self.pattern, self.example):
            raise DeclarationError(f"the example of {self.name!r} does not fit its pattern")
        if self.default and (self.secret or self.learned):
            raise DeclarationError(f"{self.name!r} cannot be secret or learned and have a default")


class Missing(msgspec.Struct, frozen=True):
    """The first field that is wrong, by its path (`ref.token`), and why: half a sentence in English."""

    field: str
    why: str


class Declaration(msgspec.Struct, frozen=True, dict=True):
    """Everything that differs between providers in what people and programs have to say to use one."""

    label: str
    """The provider's name for people, such as `W-API`."""
    ref: tuple[Field, ...]
    """What the provider calls a session."""
    instance: str
    """The field of `ref` that names the instance: one instance of a server belongs to one session."""
    credentials: tuple[Field, ...] = ()
    """What a server of this kind is entered with."""
    proved_by_secret: bool = False
    """The server names its instances itself, and whoever has an instance's secret may use it anyway: an API key for
    some sessions may bind any instance whose whole `ref` it gives. Otherwise the names must lie inside its patterns."""
    webhook_secrets: tuple[str, ...] = KEY_SPELLINGS
    """Keys, spelled exactly, whose values are blanked in the JSON of its webhooks before they are stored."""
    webhook_addresses: tuple[str, ...] = ()
    """Keys under which its webhooks tell the server's own address; API keys for some sessions do not see them."""

    def __post_init__(self) -> None:
        """Raises `DeclarationError`."""
        for fields in (self.ref, self.credentials):
            names = [field.name for field in fields]
            if len(names) != len(set(names)):
                raise DeclarationError(f"{self.label} declares a field twice: {', '.join(names)}")
        named = next((field for field in self.ref if field.name == self.instance), None)
        if named is None or named.secret or named.learned:
            raise DeclarationError(f"{self.label}: instance {self.instance!r} must be a public field of ref")
        if self.proved_by_secret and not any(field.secret and not field.learned for field in self.ref):
            raise DeclarationError(f"{self.label} has no secret in ref that could prove anything")

    @property
    def ref_names(self) -> tuple[str, ...]:
        """What a caller may say in `ref`."""
        return said(self.ref)

    @property
    def credential_names(self) -> tuple[str, ...]:
        """What a caller may say in `credentials`."""
        return said(self.credentials)

    def whole_ref(self, session: str, given: Mapping[str, str]) -> dict[str, str]:
        """`given` without surrounding white space, after the defaults for a session of this name."""
        defaults = {field.name: field.default.replace(SESSION, session) for field in self.ref if field.default}
        return {**defaults, **{name: value.strip() for name, value in given.items()}}

    def missing_in_ref(self, ref: Mapping[str, str]) -> Missing | None:
        """What keeps a `ref` from addressing a session; None when nothing does. Asks nobody."""
        return _missing(self.ref, ref, "ref", f"{self._named} session needs")

    def missing_in_credentials(self, credentials: Mapping[str, str]) -> Missing | None:
        """The same of a server's credentials."""
        return _missing(self.credentials, credentials, "credentials", f"{self._named} server needs")

    def public(self, ref: Mapping[str, str]) -> dict[str, str]:
        """What of a `ref` may be stored in clear and shown."""
        return {name: value for name, value in ref.items() if name in self._public_ref}

    def secret(self, ref: Mapping[str, str]) -> dict[str, str]:
        """The rest of it: to be encrypted."""
        return {name: value for name, value in ref.items() if name not in self._public_ref}

    def secrets(self, credentials: Mapping[str, str], ref: Mapping[str, str]) -> tuple[str, ...]:
        """Every value that must never be stored in clear or shown when it comes back in a body; none is empty."""
        found = [value for name, value in credentials.items() if value and name not in self._public_credentials]
        found += [value for name, value in ref.items() if value and name not in self._public_ref]
        return tuple(found)

    # Asked at every answer and every webhook.
    @cached_property
    def _public_ref(self) -> frozenset[str]:
        return frozenset(field.name for field in self.ref if not field.secret)

    @cached_property
    def _public_credentials(self) -> frozenset[str]:
        return frozenset(field.name for field in self.credentials if not field.secret)

    @property
    def _named(self) -> str:
        return f"{'an' if self.label[:1] in 'AEIOU' else 'a'} {self.label}"


def said(fields: Iterable[Field]) -> tuple[str, ...]:
    """The names of the fields that a caller may say."""
    return tuple(field.name for field in fields if not field.learned)


def _missing(fields: Sequence[Field], given: Mapping[str, str], place: str, needs: str) -> Missing | None:
    asked = [field for field in fields if not field.learned]
    absent = [f"{place}.{field.name}" for field in asked if field.required and not given.get(field.name, "").strip()]
    if absent:
        return Missing(absent[0], f"{needs} {', '.join(absent)}")
    for field in asked:
        value = given.get(field.name, "")
        if value and field.pattern and not re.fullmatch(field.pattern, value):
            return Missing(f"{place}.{field.name}", f"must look like {field.example}")
    return None
