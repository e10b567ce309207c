"""The inputs that were handed to us, replayed through the whole gateway: each `NN-….json` by its `replay_NN`.

To add one: write beside its kin, in a `replays_*.py`,

    async def replay_NN(lab: InputLab, given: dict[str, Any]) -> None: ...

where `given` is the file's content. `lab` (see `input_lab`) posts webhooks (`post_all(given["webhooks"])`), sends
requests (`asked("POST", "/v1/sessions/e/messages", body, status=202)`), answers in a provider's place (`answers`,
`loses_answers`), and shows what came of it (`published`, `received`, `wire.sends()`). Let time pass with
`asyncio.sleep`; it is virtual. `SETTINGS` here sets a gateway's settings for one input. An input
without a replay is skipped until its room has written it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from tests.inputs import replays_addresses, replays_broken, replays_contents, replays_media
from tests.inputs.input_lab import InputLab, input_of

HERE = Path(__file__).parent
REPLAYS: dict[str, Callable[[InputLab, dict[str, Any]], Awaitable[None]]] = {
    name.removeprefix("replay_"): replay
    for module in (replays_addresses, replays_broken, replays_contents, replays_media)
    for name, replay in vars(module).items()
    if name.startswith("replay_")
}
SETTINGS: dict[str, dict[str, Any]] = {"01": {"public_url": "http://esteio"}}


@pytest.mark.parametrize("path", sorted(HERE.glob("*.json")), ids=lambda path: path.stem)
def test_input(path: Path) -> None:
    number = path.stem.partition("-")[0]
    if number not in REPLAYS:
        pytest.skip("nobody has written its replay yet")

    async def whole() -> None:
        async with InputLab(**SETTINGS.get(number, {})) as lab:
            await REPLAYS[number](lab, input_of(number))

    run_virtual(whole, limit_s=200_000)


def test_each_replay_has_its_input() -> None:
    assert len(REPLAYS) > 20
    assert set(REPLAYS) <= {path.stem.partition("-")[0] for path in HERE.glob("*.json")}


def test_the_lab_itself() -> None:
    async def whole() -> None:
        async with InputLab() as lab:
            assert [(await lab.session(name)).state for name in "ebw"] == ["connected"] * 3
            await lab.post_all(input_of("17")["webhooks"])
            got = await lab.received("GRPMSG1")
            assert got["text"] == "reage"
            for session in "ebw":
                await lab.asked(
                    "POST", f"/v1/sessions/{session}/messages", {"to": "5511977770099", "text": "oi"}, status=202
                )
            await asyncio.sleep(5)
            assert sorted(body.get("text") or body["message"] for body in lab.wire.sends()) == ["oi"] * 3

    run_virtual(whole, limit_s=200_000)
