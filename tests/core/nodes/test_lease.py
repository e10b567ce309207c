"""How long a node may act."""

from esteio.core.nodes.lease import BEAT_AGAIN_S, BEAT_EVERY_S, LEASE_S, MARGIN_S, Lease, granted, next_beat_at

SENT = 100.0


def test_acting_ends_before_the_lease_does_counted_from_before_it_was_asked_for() -> None:
    lease = granted(7, SENT)
    assert lease == Lease(7, SENT + LEASE_S - MARGIN_S)
    assert lease.acts(SENT + LEASE_S - MARGIN_S - 0.001)
    assert not lease.acts(SENT + LEASE_S - MARGIN_S)


def test_nothing_is_begun_that_could_outlast_it() -> None:
    lease = granted(7, SENT)
    assert lease.acts(SENT, LEASE_S - MARGIN_S - 0.001)
    assert not lease.acts(SENT, LEASE_S - MARGIN_S)


def test_a_renewal_that_failed_is_tried_again_sooner() -> None:
    assert next_beat_at(SENT, answered=True) == SENT + BEAT_EVERY_S
    assert next_beat_at(SENT, answered=False) == SENT + BEAT_AGAIN_S


def test_two_renewals_may_fail() -> None:
    assert granted(1, SENT).acts(SENT + 2 * BEAT_EVERY_S + BEAT_AGAIN_S)
