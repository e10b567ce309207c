"""What is known of each provider's lies, as data: a name, the versions and where it was seen.

Adapters ask `has` before they trust an answer; the server's document and `docs/reference/providers.md` show the rest to
people, with the sentences of `locales/*/quirks.po`.
Sources: `obs` was observed on a running 2.3.7 (the recording's number), `src` was read in the provider's source, an
issue is cited by number, `client` was learned from other people's clients only. Never lives here: code that acts.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from esteio.core.model.capabilities import Quirk


def parse(version: str | None) -> Version | None:
    """A provider's version (`2.3.7`, `v2.4.0-rc2`), None when it is none."""
    try:
        return Version(version.strip()) if version else None
    except InvalidVersion:
        return None


def covers(specifier: str, version: str | None) -> bool:
    """Whether `version` is in `specifier`; the empty one covers all, an unknown version is covered only by that one.

    Release candidates count by their place in the order: `2.4.0-rc2` is before `2.4.0`, and `>=2.4` means the whole
    2.4 line, its candidates included, as people mean it."""
    if not specifier:
        return True
    found = parse(version)
    if found is None:
        return False
    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return False
    if wanted.contains(found, prereleases=True):
        return True
    lines = SpecifierSet(",".join(str(one) for one in wanted if one.operator == ">="))
    rest = SpecifierSet(",".join(str(one) for one in wanted if one.operator != ">="))
    started = bool(lines) and found.is_prerelease and lines.contains(Version(found.base_version))
    return started and rest.contains(found, prereleases=True)


def known(kind: str, version: str | None) -> tuple[Quirk, ...]:
    """The quirks of this version; of an unknown version those that every version has."""
    return tuple(quirk for quirk in QUIRKS.get(kind, ()) if covers(quirk.versions, version))


def has(name: str, kind: str, version: str | None) -> bool:
    """Whether this version of the provider has the quirk. An unknown name is a mistake of ours: KeyError."""
    found = [quirk for quirk in QUIRKS[kind] if quirk.name == name]
    if not found:
        raise KeyError(name)
    return any(covers(quirk.versions, version) for quirk in found)


EVOLUTION: tuple[Quirk, ...] = (
    Quirk("state-is-hearsay", "", "obs 165, 247"),
    Quirk("fetch-instances-from-database", "", "obs 107, 138"),
    Quirk("restart-by-put-is-404", ">=2.2.0", "obs 029"),
    Quirk("restart-answers-the-past", "", "obs 117, 129"),
    Quirk("restart-ended-socket-noop", "==2.3.7", "obs 168, 255"),
    Quirk("connect-returns-used-qr", "", "obs 113, 244"),
    Quirk("connects-all-at-boot", "<2.3.7", "src monitor.service.ts:296-305, git"),
    Quirk("parallel-connect-fights", "", "obs webhooks 03061 to 03504"),
    Quirk("no-backoff-reconnect", "<=2.3.7", "obs webhooks 00004 to 00007"),
    Quirk("no-close-webhook", "", "src"),
    Quirk("402-403-burn-credentials", "", "obs 147, 148"),
    Quirk("408-deletes-credentials", ">=2.4.0rc1,<2.4.1", "src; PR 2612"),
    Quirk("licence-wall", ">=2.4", "src"),
    Quirk("logout-deafens", ">=2.3.1,<2.3.7", "src 2.3.1, 2.3.3, 2.3.6"),
    Quirk("logout-of-a-dead-socket-fails", "==2.3.7", "obs 114, 169, 252"),
    Quirk("logout-races", "==2.3.7", "obs 153, 258"),
    Quirk("create-after-delete-403", "", "obs 215 to 218"),
    Quirk("connect-after-logout-unpairable", ">=2.4.0rc1,<2.4.1", "issue 2539"),
    Quirk("event-queue-stall", ">=2.3.7", "obs 165 to 170"),
    Quirk("edited-webhook-blocks-queue", ">=2.3.7", "obs 164, 165"),
    Quirk("late-cleanup-deletes-new-credentials", "==2.3.7", "obs webhooks 03055 to 03060"),
    Quirk("statusless-update-as-server-ack", "", "obs webhook 02807"),
    Quirk("date-time-false-z", "", "src"),
    Quirk("webhooks-late-and-unordered", "", "obs webhooks 03038 to 03046"),
    Quirk("half-open-send-takes-60-s", "", "obs 120, 123, 126"),
    Quirk("new-pairings-may-not-send", "<=2.3.7", "issues 2597, 2633, 2642"),
    Quirk("root-asks-the-world", "", "src"),
    Quirk("presence-nameless", "", "src Baileys Socket/chats.ts; findings/baileys-presence-nameless.sh"),
)

BAILEYS: tuple[Quirk, ...] = (
    Quirk("no-restart", "", "src"),
    Quirk("dead-credentials-stay", "", "src"),
    Quirk("create-ignores-new-webhook", "", "src"),
    Quirk("boot-forgets-webhook", "", "src"),
    Quirk("stopped-only-on-401", "", "src"),
    Quirk("webhooks-without-retry", "", "src"),
    Quirk("endless-reconnect", "", "src"),
)

WAPI: tuple[Quirk, ...] = (
    Quirk("acts-by-get", "", "client"),
    Quirk("refuses-with-200", "", "client"),
    Quirk("queues-while-disconnected", "", "client"),
    Quirk("silent-when-down", "", "seed 003"),
    Quirk("unsigned-webhooks", "", "client"),
    Quirk("drifting-names", "", "client"),
)

QUIRKS: Mapping[str, tuple[Quirk, ...]] = {"evolution": EVOLUTION, "baileys": BAILEYS, "wapi": WAPI}
