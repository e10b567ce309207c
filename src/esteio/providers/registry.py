"""Which dialects there are: the three that ship, and those that installed packages bring by entry points.

An entry point of the group `esteio.providers` is named for its kind and leads to a `Provider` or to something that
makes one without arguments. Never lives here: a choice by URL or by answer; a server says its kind itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from esteio.providers.baileys import Baileys
from esteio.providers.base import Provider
from esteio.providers.evolution import Evolution
from esteio.providers.wapi import Wapi

GROUP = "esteio.providers"
BUILT_IN: tuple[Callable[[], Provider], ...] = (Evolution, Baileys, Wapi)


class ProviderProblem(Exception):
    """A dialect that cannot be had, with a sentence for the person who set it up."""


class UnknownKind(ProviderProblem):
    """No adapter answers to this kind."""


class Registry:
    """The dialects by kind. Asked often, built once."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_kind: dict[str, Provider] = {}
        for provider in providers:
            if provider.kind in self._by_kind:
                raise ProviderProblem(
                    f"two adapters call themselves {provider.kind!r}: {_name(self._by_kind[provider.kind])} and "
                    f"{_name(provider)}; uninstall one of them"
                )
            self._by_kind[provider.kind] = provider

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self._by_kind))

    def get(self, kind: str) -> Provider:
        """The adapter of this kind. Raises `UnknownKind` with the kinds there are."""
        try:
            return self._by_kind[kind]
        except KeyError:
            known = ", ".join(self.kinds)
            raise UnknownKind(f"there is no provider kind {kind!r}; there are {known}") from None

    def as_mapping(self) -> Mapping[str, Provider]:
        return dict(self._by_kind)


def load(found: Iterable[EntryPoint] | None = None) -> Registry:
    """The built-in dialects and every installed one. `found` is given by tests."""
    points = entry_points(group=GROUP) if found is None else found
    return Registry([*(make() for make in BUILT_IN), *(_third_party(point) for point in points)])


def _third_party(point: EntryPoint) -> Provider:
    try:
        loaded = point.load()
        provider: Provider = loaded() if isinstance(loaded, type) or not hasattr(loaded, "kind") else loaded
        kind = provider.kind
    except Exception as error:
        raise ProviderProblem(f"the adapter {point.name!r} ({point.value}) cannot be loaded: {error}") from error
    if kind != point.name:
        raise ProviderProblem(f"the adapter {point.name!r} ({point.value}) calls itself {kind!r}; the names must agree")
    return provider


def _name(provider: Provider) -> str:
    return f"{type(provider).__module__}.{type(provider).__qualname__}"
