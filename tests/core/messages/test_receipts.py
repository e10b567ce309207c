"""Receipts: which one moves what, and which say nothing of a message of ours."""

from typing import get_args

import pytest

from esteio.core.messages.receipts import EVENTS, after_receipt, counts, reason_of
from esteio.core.messages.transitions import Stage
from esteio.core.model.inbound import AckState, Receipt
from esteio.core.model.state import Reason


def test_every_acknowledgement_is_known() -> None:
    assert set(EVENTS) == set(get_args(AckState))


@pytest.mark.parametrize(
    ("stage", "receipt", "following"),
    [
        ("sending", "server", "sent"),
        ("in_doubt", "device", "delivered"),
        ("provider_queued", "server", "sent"),
        ("sent", "server", None),
        ("sent", "played", "read"),
        ("delivered", "device", None),
        ("delivered", "error", None),
        ("sent", "error", "failed"),
        ("sending", "pending", None),
        ("queued", "read", None),
        ("failed", "read", None),
    ],
)
def test_a_receipt_moves_forward_or_not_at_all(stage: Stage, receipt: AckState, following: str | None) -> None:
    assert after_receipt(stage, "out", receipt) == following


@pytest.mark.parametrize("stage", get_args(Stage))
@pytest.mark.parametrize("receipt", get_args(AckState))
def test_what_came_in_is_not_moved_by_a_receipt(stage: Stage, receipt: AckState) -> None:
    assert after_receipt(stage, "in", receipt) is None


def test_only_a_failure_has_a_reason() -> None:
    assert reason_of("failed", "463") == Reason("refused-by-whatsapp", {"code": "463"})
    assert reason_of("failed", None) == Reason("refused-by-whatsapp", {"code": ""})
    assert reason_of("read", "463") is None


@pytest.mark.parametrize(("proves", "ours", "does"), [(True, True, True), (False, True, False), (True, False, False)])
def test_only_a_proof_about_one_of_ours_counts(proves: bool, ours: bool, does: bool) -> None:
    assert counts(Receipt("P", "device", 1.0, from_me=ours, proves=proves)) is does
