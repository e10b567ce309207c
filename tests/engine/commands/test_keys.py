"""API keys: made, recognised, revoked; only their hashes are kept."""

from __future__ import annotations

import pytest

from esteio.engine.commands.keys import PREFIX, REMEMBER_S, KeyCommands
from esteio.engine.commands.requests import KeyRequest
from esteio.engine.errors import CommandError
from esteio.engine.key_scope import Scope
from esteio.engine.suspensions import Suspensions
from tests.engine.commands.conftest import Parts, WithParts


def keys_of(parts: Parts, admin_key: str = "") -> KeyCommands:
    suspensions = Suspensions(parts.store.tenants, parts.store.sessions, parts.clock)
    return KeyCommands(parts.store.keys, parts.clock, audit=parts.audit, admin_key=admin_key, suspensions=suspensions)


def test_a_secret_opens_until_it_is_revoked(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        keys = keys_of(parts)
        key, secret = await keys.create(KeyRequest("crm", "send"))
        assert secret.startswith(PREFIX)
        found = await keys.authenticate(secret)
        assert found is not None
        assert (found.id, found.role) == (key.id, "send")
        await keys.revoke(key.id)
        assert await keys.authenticate(secret) is None

    with_parts(test)


def test_a_key_that_expires(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        keys = keys_of(parts)
        _, secret = await keys.create(KeyRequest("crm", "send", expires_at="2027-01-15T08:00:10Z"))
        assert await keys.authenticate(secret) is not None
        parts.clock.time += 10
        assert await keys.authenticate(secret) is None
        with pytest.raises(CommandError, match="invalid-value"):
            await keys.create(KeyRequest("late", "send", expires_at="2027-01-15T08:00:10Z"))

    with_parts(test)


def test_another_nodes_revocation_is_seen_a_little_later(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        here, there = keys_of(parts), keys_of(parts)
        key, secret = await here.create(KeyRequest("crm", "send"))
        assert await here.authenticate(secret) is not None
        await there.revoke(key.id)
        assert await here.authenticate(secret) is not None
        parts.clock.time += REMEMBER_S
        assert await here.authenticate(secret) is None

    with_parts(test)


def test_the_first_start_makes_one_admin_key(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        assert await keys_of(parts, admin_key="of-the-settings-1").ensure_admin() is None
        keys = keys_of(parts)
        assert not await keys.has_admin()
        secret = await keys.ensure_admin()
        assert secret is not None
        assert await keys.ensure_admin() is None
        assert await keys.has_admin()

    with_parts(test)


def test_a_scoped_key_sees_and_makes_only_what_lies_inside(with_parts: WithParts) -> None:
    async def test(parts: Parts) -> None:
        keys, scope = keys_of(parts), Scope("default", ("shop-*",))
        inside, _ = await keys.create(KeyRequest("crm", "read", ("shop-1",)), scope)
        outside, _ = await keys.create(KeyRequest("all", "read"))
        assert [key.id for key in await keys.within(scope)] == [inside.id]
        await keys.check(inside.id, scope)
        with pytest.raises(CommandError, match="unknown-key"):
            await keys.check(outside.id, scope)
        with pytest.raises(CommandError, match="session-out-of-reach"):
            await keys.create(KeyRequest("more", "read", ("bank-1",)), scope)

    with_parts(test)
