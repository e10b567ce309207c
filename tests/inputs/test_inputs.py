"""The inputs that were handed to us, replayed through the whole gateway: each `NN-….json` by its `replay_NN.py`.

To add one: write `replay_NN.py` beside this file with

    async def replay(lab: InputLab, given: dict) -> None: ...

where `given` is the file's content. `lab` (see `input_lab`) posts webhooks (`post_all(given["webhooks"])`), sends
requests (`asked("POST", "/v1/sessions/e/messages", body, status=202)`), answers in a provider's place (`answers`,
`loses_answers`), and shows what came of it (`published`, `received`, `wire.sends()`). Let time pass with
`asyncio.sleep`; it is virtual. `SETTINGS = {...}` in the module sets the gateway's settings. No list here needs a
change. An input without a replay is skipped until its room has written it.
"""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import pytest

from esteio.sim.clock.virtual_loop import run_virtual
from tests.inputs.input_lab import InputLab, input_of

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.glob("*.json")), ids=lambda path: path.stem)
def test_input(path):
    number = path.stem.partition("-")[0]
    if not (HERE / f"replay_{number}.py").exists():
        pytest.skip("nobody has written its replay yet")
    module = importlib.import_module(f"tests.inputs.replay_{number}")

    async def whole() -> None:
        async with InputLab(**getattr(module, "SETTINGS", {})) as lab:
            await module.replay(lab, input_of(number))

    run_virtual(whole, limit_s=200_000)


def test_each_replay_has_its_input():
    replays = {path.stem.removeprefix("replay_") for path in HERE.glob("replay_*.py")}
    assert replays <= {path.stem.partition("-")[0] for path in HERE.glob("*.json")}


def test_the_lab_itself():
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
