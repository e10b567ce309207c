"""Every file recorded from a real Evolution 2.3.7, read as it must be read."""

import pytest

from tests.providers.evolution_readings import EXCHANGES, WEBHOOK_READINGS
from tests.providers.evolution_replay import RECORDINGS, WEBHOOKS, read, read_hook


def test_the_tables_cover_the_recordings_exactly() -> None:
    assert set(EXCHANGES) == {path.stem for path in RECORDINGS.glob("*.json")}
    assert set(WEBHOOK_READINGS) == {path.stem for path in WEBHOOKS.glob("*.json")}
    assert len(EXCHANGES) == 249
    assert len(WEBHOOK_READINGS) == 164


@pytest.mark.parametrize("stem", EXCHANGES)
def test_an_exchange_is_read_as_it_was(stem: str) -> None:
    before, expected = EXCHANGES[stem]
    assert read(stem, before) == expected


@pytest.mark.parametrize("stem", WEBHOOK_READINGS)
def test_a_webhook_is_read_as_it_was(stem: str) -> None:
    assert read_hook(stem) == WEBHOOK_READINGS[stem]


def test_no_dead_socket_of_the_recordings_is_taken_for_sent() -> None:
    """The five shapes of "Connection Closed" on sends, and the half-open ones, however long they took."""
    for stem in ("108", "109", "110", "120", "123", "126", "136", "166", "180", "242", "249"):
        name = next(name for name in EXCHANGES if name.startswith(stem))
        assert EXCHANGES[name][1].startswith("not_sent socket")
