"""What `/metrics` says of several nodes on one database."""

from __future__ import annotations

import asyncio
import math

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.nodes.rig import Node, NodesLab, run_nodes

KEY = "an-admin-key-of-the-tests"


async def read(node: Node) -> dict[str, float]:
    """Every number of one node by its name, with its labels' values behind."""
    transport = httpx.ASGITransport(app=node.gateway.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://node", headers={"apikey": KEY}) as http:
        answer = await node.run(http.get("/metrics"))
    assert answer.status_code == 200, answer.text
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith(("esteio_node", "esteio_sessions_unowned"))
    }


def test_a_node_that_dies_is_counted_by_the_others_and_so_is_what_they_take() -> None:
    async def story() -> None:
        async with NodesLab(3, admin_key=KEY) as lab:
            await lab.node("n0").run(lab.node("n0").gateway.commands.keys.ensure_admin())
            await lab.fleet(12)
            await asyncio.sleep(20)
            before = await read(lab.node("n0"))
            held = list(lab.holders().values())
            assert before["esteio_nodes:living"] == 3
            assert before["esteio_node_sessions"] == held.count("n0")
            assert 2 < before["esteio_node_lease_remaining_seconds"] < 6
            await lab.node("n1").kill()
            await asyncio.sleep(15)
            seen = [await read(lab.node(name)) for name in ("n0", "n2")]
            assert {(one["esteio_nodes:living"], one["esteio_nodes:died"]) for one in seen} == {(2, 1)}
            assert {one["esteio_sessions_unowned"] for one in seen} == {0}
            assert sum(one["esteio_node_sessions"] for one in seen) == 12
            taken = seen[0]["esteio_node_sessions_taken_total"] - before["esteio_node_sessions_taken_total"]
            assert taken == list(lab.holders().values()).count("n0") - held.count("n0")

    run_nodes(story)


def test_a_node_without_its_database_counts_what_it_could_not_renew_and_the_lease_that_it_lost() -> None:
    async def story() -> None:
        async with NodesLab(2, admin_key=KEY) as lab:
            await lab.fleet(4)
            await asyncio.sleep(20)
            node = lab.node("n0")
            assert node.gateway.nodes is not None
            node.reach.cut = True
            await asyncio.sleep(20)
            counts = node.gateway.nodes.counts
            assert counts.renewals_failed > 2
            assert counts.leases_lost == {"lapsed": 1}
            assert (node.gateway.nodes.remaining_s, node.gateway.nodes.sessions) == (0.0, 0)
            node.reach.cut = False
            await asyncio.sleep(20)
            assert node.gateway.nodes.remaining_s > 0

    run_nodes(story)


def test_a_thousand_restarts_add_no_series() -> None:
    async def story() -> None:
        async with NodesLab(2, admin_key=KEY) as lab:
            await lab.node("n0").run(lab.node("n0").gateway.commands.keys.ensure_admin())
            before = await read(lab.node("n0"))
            nodes = lab.store.nodes
            for number in range(1_000):
                await nodes.join(f"other-{number}", "", "", 6.0, lab.world.now())
            after = await read(lab.node("n0"))
            assert after.keys() == before.keys()
            assert after["esteio_nodes:living"] == 1_002
            assert not any(math.isnan(value) for value in after.values())

    run_nodes(story)
