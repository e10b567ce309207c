"""The list of dialects: built-ins, third parties, and the sentences of what is wrong."""

from importlib.metadata import EntryPoint

import pytest

from esteio.providers.base import SessionEndpoint
from esteio.providers.evolution import Evolution
from esteio.providers.registry import GROUP, ProviderProblem, UnknownKind, faults, load


class Third(Evolution):
    kind = "third"


INSTANCE = Third()


class OnlyKind:
    kind = "third"


class Narrow(Third):
    def send(self, where: SessionEndpoint, now: float) -> None:  # type: ignore[override]
        return None


class Vague(Third):
    capabilities = ()  # type: ignore[assignment]


class Undeclared(Third):
    declaration = ("instance_name",)  # type: ignore[assignment]


def point(name: str, attribute: str) -> EntryPoint:
    return EntryPoint(name, f"third_party_adapter:{attribute}", GROUP)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module, as a package somebody installed."""
    import sys
    import types

    module = types.ModuleType("third_party_adapter")
    for adapter in (Third, OnlyKind, Narrow, Vague, Undeclared):
        setattr(module, adapter.__name__, adapter)
    vars(module).update(INSTANCE=INSTANCE, Twin=Evolution)
    monkeypatch.setitem(sys.modules, "third_party_adapter", module)


def test_the_three_that_ship() -> None:
    assert load().kinds == ("baileys", "evolution", "wapi")


@pytest.mark.parametrize("attribute", ["Third", "INSTANCE"])
def test_an_installed_adapter_is_found(attribute: str) -> None:
    registry = load([point("third", attribute)])
    assert isinstance(registry.get("third"), Third)
    assert set(registry.as_mapping()) == {"baileys", "evolution", "third", "wapi"}


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UnknownKind, match=r"no provider kind 'waha'.*baileys, evolution, wapi"):
        load([]).get("waha")


def test_two_of_one_kind_are_refused() -> None:
    with pytest.raises(ProviderProblem, match="two adapters call themselves 'evolution'"):
        load([point("evolution", "Twin")])


def test_an_adapter_must_bear_its_name_and_load() -> None:
    with pytest.raises(ProviderProblem, match="calls itself 'third'"):
        load([point("fourth", "Third")])
    with pytest.raises(ProviderProblem, match="cannot be loaded"):
        load([point("third", "Missing")])


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("OnlyKind", r"no attribute 'capabilities'.*no method 'create'.*no method 'read_webhook'"),
        ("Narrow", r"method 'send' does not take \(where, now, message, timeout_s\)"),
        ("Vague", "'capabilities' is no Capabilities"),
        ("Undeclared", "'declaration' is no Declaration"),
    ],
)
def test_an_adapter_is_checked_when_it_is_loaded(attribute: str, said: str) -> None:
    with pytest.raises(ProviderProblem, match=said):
        load([point("third", attribute)])


def test_those_that_ship_have_no_faults() -> None:
    assert [faults(provider) for provider in load([]).as_mapping().values()] == [[], [], []]
