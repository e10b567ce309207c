"""The writer's time slices: short, and nothing else of how it is scheduled changes."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from esteio.store.sqlite import time_slice


@pytest.mark.skipif(sys.platform != "linux" or time_slice.attributes() is None, reason="the system does not tell")
@pytest.mark.parametrize("policy", ["SCHED_OTHER", "SCHED_BATCH"])
def test_a_thread_gets_short_slices_unless_an_operator_chose_its_policy(policy: str) -> None:
    """A slice belongs to a thread: this one's is left alone."""

    def story() -> tuple[bool, time_slice.Attributes | None, time_slice.Attributes | None]:
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))
        before = time_slice.attributes()
        return time_slice.ask_for_short_slices(), before, time_slice.attributes()

    with ThreadPoolExecutor(1) as other:
        taken, before, after = other.submit(story).result()
    assert before is not None
    assert after is not None
    assert taken == (policy == "SCHED_OTHER")
    assert (after.policy, after.nice) == (before.policy, before.nice)
    # Before 6.12 Linux keeps none of it.
    assert after.runtime in ((time_slice.SLICE_NS, 0) if taken else (before.runtime,))
