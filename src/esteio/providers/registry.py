"""Which dialects there are: the three that ship, and those that installed packages bring by entry points.

An entry point of the group `esteio.providers` is named for its kind and leads to a `Provider` or to something that
makes one without arguments. Never lives here: a choice by URL or by answer; a server says its kind itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, get_annotations, isfunction, signature

from esteio.core.model.capabilities import Capabilities
from esteio.providers.baileys import Baileys
from esteio.providers.base import Provider
from esteio.providers.declaration import Declaration
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
        self._quirks: dict[tuple[str, str | None], frozenset[str]] = {}
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

    def quirk_names(self, kind: str, version: str | None) -> frozenset[str]:
        """The names of what the adapter says is known of this version (None: not known yet). Raises `UnknownKind`."""
        known = self._quirks.get((kind, version))
        if known is None:
            known = frozenset(quirk.name for quirk in self.get(kind).quirks(version))
            self._quirks[kind, version] = known
        return known

    def as_mapping(self) -> Mapping[str, Provider]:
        """The dialects by their kind, as a copy."""
        return dict(self._by_kind)


def load(found: Iterable[EntryPoint] | None = None) -> Registry:
    """The built-in dialects and every installed one. `found` is given by tests."""
    points = _installed(tuple(sys.path)) if found is None else found
    return Registry([*(make() for make in BUILT_IN), *(_third_party(point) for point in points)])


@cache
def _installed(_: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """By the path of Python, which may grow. Reading the files of every installed package takes milliseconds; a storm
    starts hundreds of gateways."""
    return tuple(entry_points(group=GROUP))


def _third_party(point: EntryPoint) -> Provider:
    try:
        loaded = point.load()
        provider: Provider = loaded() if isinstance(loaded, type) or not hasattr(loaded, "kind") else loaded
        kind = provider.kind
        wrong = faults(provider)
    except Exception as error:
        raise ProviderProblem(f"the adapter {point.name!r} ({point.value}) cannot be loaded: {error}") from error
    if kind != point.name:
        raise ProviderProblem(f"the adapter {point.name!r} ({point.value}) calls itself {kind!r}; the names must agree")
    if wrong:
        raise ProviderProblem(f"the adapter {point.name!r} ({point.value}) is no provider: {'; '.join(wrong)}")
    return provider


def faults(provider: object) -> list[str]:
    """What an adapter lacks of the protocol `Provider`: attributes, methods, and arguments that they do not take."""
    attributes = [name for name in get_annotations(Provider) if not hasattr(provider, name)]
    found = [f"it has no attribute {name!r}" for name in attributes]
    for name, wanted in vars(Provider).items():
        if name.startswith("_") or not isfunction(wanted):
            continue
        method = getattr(provider, name, None)
        if not callable(method):
            found.append(f"it has no method {name!r}")
        elif not _takes(method, wanted):
            found.append(f"its method {name!r} does not take {_arguments(wanted)}")
    for name, shape in (("capabilities", Capabilities), ("declaration", Declaration)):
        if name not in attributes and not isinstance(getattr(provider, name), shape):
            found.append(f"its {name!r} is no {shape.__name__}")
    return found


def _takes(method: Callable[..., object], wanted: Callable[..., object]) -> bool:
    """Whether it can be called as the engine calls it: by place, and by name where the protocol says so."""
    parameters = list(signature(wanted).parameters.values())[1:]
    places = [None for one in parameters if one.kind is not Parameter.KEYWORD_ONLY]
    names = {one.name: None for one in parameters if one.kind is Parameter.KEYWORD_ONLY}
    try:
        signature(method).bind(*places, **names)
    except TypeError:
        return False
    return True


def _arguments(wanted: Callable[..., object]) -> str:
    return "(" + ", ".join(list(signature(wanted).parameters)[1:]) + ")"


def _name(provider: Provider) -> str:
    return f"{type(provider).__module__}.{type(provider).__qualname__}"
