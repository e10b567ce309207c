"""What is known of each provider's lies, as data: a name, the versions, two sentences and where it was seen.

Adapters ask `has` before they trust an answer; the server's document and `docs/providers.md` show the rest to people.
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
    Quirk(
        "state-is-hearsay",
        "",
        "connectionState é o último evento processado, não uma consulta ao socket: 'open' não prova nada.",
        "connectionState is the last event processed, not a check of the socket: 'open' proves nothing.",
        "obs 165, 247",
    ),
    Quirk(
        "fetch-instances-from-database",
        "",
        "fetchInstances lê o banco: fica 'open' em qualquer queda, e o motivo da última desconexão nunca é apagado.",
        "fetchInstances reads the database: it stays 'open' in any outage, and the last reason is never cleared.",
        "obs 107, 138",
    ),
    Quirk(
        "restart-by-put-is-404",
        ">=2.2.0",
        "restart é POST; PUT responde 404 do roteador, o que não diz nada sobre a sessão.",
        "restart is POST; PUT gets the router's 404, which says nothing about the session.",
        "obs 029",
    ),
    Quirk(
        "restart-answers-the-past",
        "",
        "restart responde com o estado de antes, ou com um QR antigo: 200 não prova efeito.",
        "restart answers with the state from before, or an old QR: 200 does not prove an effect.",
        "obs 117, 129",
    ),
    Quirk(
        "restart-ended-socket-noop",
        "==2.3.7",
        "Num socket já encerrado, restart responde 200 'open' e não faz nada; só o reinício do processo resolve.",
        "On a socket that has already ended restart answers 200 'open' and does nothing; only a restart of the "
        "server's process helps.",
        "obs 168, 255",
    ),
    Quirk(
        "connect-returns-used-qr",
        "",
        "connect pode devolver um QR já usado enquanto uma sessão pareada apenas reconecta.",
        "connect may return a used QR while a paired session is only reconnecting.",
        "obs 113, 244",
    ),
    Quirk(
        "connects-all-at-boot",
        "<2.3.7",
        "Ao iniciar, conecta todas as instâncias, também as que o banco diz fechadas.",
        "When it starts it connects every instance, also those that its database calls closed.",
        "src monitor.service.ts:296-305, git",
    ),
    Quirk(
        "parallel-connect-fights",
        "",
        "Dois connect ao mesmo tempo numa instância fechada abrem dois sockets que se derrubam para sempre (440).",
        "Two connects at once on a closed instance open two sockets that disconnect each other for ever (440).",
        "obs webhooks 03061 to 03504",
    ),
    Quirk(
        "no-backoff-reconnect",
        "<=2.3.7",
        "Reconecta sem pausa e sem limite: mais de cem eventos 'connecting' por segundo.",
        "It reconnects without pause or limit: more than a hundred 'connecting' events a second.",
        "obs webhooks 00004 to 00007",
    ),
    Quirk(
        "no-close-webhook",
        "",
        "Só 401, 402, 403 e 406 produzem o evento 'close'; as outras quedas só mostram 'connecting'.",
        "Only 401, 402, 403 and 406 make a 'close' event; other drops only show 'connecting'.",
        "src",
    ),
    Quirk(
        "402-403-burn-credentials",
        "",
        "Em 401, 402, 403 e 406 as credenciais são apagadas, mesmo num bloqueio temporário: depois dele é preciso QR.",
        "On 401, 402, 403 and 406 the credentials are deleted, even for a temporary ban: afterwards a QR is needed.",
        "obs 147, 148",
    ),
    Quirk(
        "408-deletes-credentials",
        ">=2.4.0rc1,<2.4.1",
        "408 (queda de rede) apaga as credenciais: uma oscilação da rede custa um QR.",
        "408 (a lost network) deletes the credentials: a network hiccup costs a QR.",
        "src; PR 2612",
    ),
    Quirk(
        "licence-wall",
        ">=2.4",
        "Sem licença ativada, toda rota responde 503 LICENSE_REQUIRED.",
        "Until a licence is activated every route answers 503 LICENSE_REQUIRED.",
        "src",
    ),
    Quirk(
        "logout-deafens",
        ">=2.3.1,<2.3.7",
        "Depois de um logout o processo nunca mais entrega messages.upsert dessa instância, até reiniciar.",
        "After a logout the process never again delivers messages.upsert for that instance, until it restarts.",
        "src 2.3.1, 2.3.3, 2.3.6",
    ),
    Quirk(
        "logout-of-a-dead-socket-fails",
        "==2.3.7",
        "Com o socket morto, logout responde 500 'Connection Closed' e nada muda.",
        "With a dead socket logout answers 500 'Connection Closed' and changes nothing.",
        "obs 114, 169, 252",
    ),
    Quirk(
        "logout-races",
        "==2.3.7",
        "logout pode responder 500 (Prisma) embora tenha acontecido, e delete 400 '[object Object]': olhe de novo.",
        "logout may answer 500 (Prisma) though it happened, and delete 400 '[object Object]': look again.",
        "obs 153, 258",
    ),
    Quirk(
        "create-after-delete-403",
        "",
        "delete responde antes de apagar: criar o mesmo nome logo depois pode dar 403.",
        "delete answers before it deletes: creating the same name at once may get 403.",
        "obs 215 to 218",
    ),
    Quirk(
        "connect-after-logout-unpairable",
        ">=2.4.0rc1,<2.4.1",
        "Depois de um logout, connect mostra um QR que não pareia; só recriar resolve.",
        "After a logout connect shows a QR that cannot be paired; only recreating helps.",
        "issue 2539",
    ),
    Quirk(
        "event-queue-stall",
        ">=2.3.7",
        "Os eventos de uma instância passam por uma fila só: um passo lento congela estado, reconexão e credenciais.",
        "All events of an instance go through one queue: one slow step freezes state, reconnects and credentials.",
        "obs 165 to 170",
    ),
    Quirk(
        "edited-webhook-blocks-queue",
        ">=2.3.7",
        "O webhook MESSAGES_EDITED é esperado dentro dessa fila, com todas as repetições: não o assine.",
        "The MESSAGES_EDITED webhook is awaited inside that queue, with all its retries: do not subscribe to it.",
        "obs 164, 165",
    ),
    Quirk(
        "late-cleanup-deletes-new-credentials",
        "==2.3.7",
        "Um LOGOUT_INSTANCE entregue tarde apaga a sessão recém-pareada: não o assine, nem REMOVE_INSTANCE.",
        "A late LOGOUT_INSTANCE deletes the newly paired session: subscribe to neither it nor REMOVE_INSTANCE.",
        "obs webhooks 03055 to 03060",
    ),
    Quirk(
        "statusless-update-as-server-ack",
        "",
        "Uma atualização sem status (edição, voto) chega como SERVER_ACK: não prova envio.",
        "An update without a status (an edit, a vote) comes as SERVER_ACK: it does not prove a send.",
        "obs webhook 02807",
    ),
    Quirk(
        "date-time-false-z",
        "",
        "date_time dos webhooks é hora local escrita com Z.",
        "date_time of webhooks is local time written with a Z.",
        "src",
    ),
    Quirk(
        "webhooks-late-and-unordered",
        "",
        "Cada webhook tem suas próprias repetições: pode chegar 25 minutos depois e fora de ordem.",
        "Every webhook has its own retries: it may come 25 minutes late and out of order.",
        "obs webhooks 03038 to 03046",
    ),
    Quirk(
        "half-open-send-takes-60-s",
        "",
        "Num socket meio aberto um envio leva 60 s para falhar; espere mais que isso.",
        "On a half-open socket a send takes 60 s to fail; wait longer than that.",
        "obs 120, 123, 126",
    ),
    Quirk(
        "new-pairings-may-not-send",
        "<=2.3.7",
        "Uma sessão pareada agora pode receber e ter todo envio recusado com 463, embora a API aceite.",
        "A session paired now may receive and have every send refused with 463, though the API accepts.",
        "issues 2597, 2633, 2642",
    ),
    Quirk(
        "root-asks-the-world",
        "",
        "GET / consulta web.whatsapp.com a cada chamada: não serve de verificação de saúde.",
        "GET / asks web.whatsapp.com at every call: it is no health check.",
        "src",
    ),
)

BAILEYS: tuple[Quirk, ...] = (
    Quirk(
        "no-restart",
        "",
        "Não há restart: DELETE desvincula e apaga as credenciais.",
        "There is no restart: DELETE unlinks and removes the credentials.",
        "src",
    ),
    Quirk(
        "dead-credentials-stay",
        "",
        "Depois de um 401 as credenciais mortas ficam no disco: nenhum QR vem até o DELETE.",
        "After a 401 the dead credentials stay on disk: no QR comes until DELETE.",
        "src",
    ),
    Quirk(
        "create-ignores-new-webhook",
        "",
        "POST /sessions de um nome existente devolve a sessão e ignora o novo webhookUrl.",
        "POST /sessions of an existing name returns the session and ignores the new webhookUrl.",
        "src",
    ),
    Quirk(
        "boot-forgets-webhook",
        "",
        "Ao reiniciar, o servidor restaura as sessões com o WEBHOOK_URL global: o endereço por sessão se perde.",
        "At boot the server restores sessions with the global WEBHOOK_URL: the address per session is lost.",
        "src",
    ),
    Quirk(
        "stopped-only-on-401",
        "",
        "'STOPPED' só vem em 401; quedas passageiras não geram webhook.",
        "'STOPPED' comes only on 401; passing drops send no webhook.",
        "src",
    ),
    Quirk(
        "webhooks-without-retry",
        "",
        "Webhooks não são repetidos: o que falha se perde.",
        "Webhooks are not retried: what fails is lost.",
        "src",
    ),
    Quirk(
        "endless-reconnect",
        "",
        "Reconecta sem fim, também em 403 e 440 (3 s dobrando até 60 s).",
        "It reconnects for ever, on 403 and 440 too (3 s doubling to 60 s).",
        "src",
    ),
)

WAPI: tuple[Quirk, ...] = (
    Quirk(
        "acts-by-get",
        "",
        "restart e disconnect são GET; outros verbos dão uma página 404, que nada diz da sessão.",
        "restart and disconnect are GET; other verbs get a 404 page, which says nothing of the session.",
        "client",
    ),
    Quirk(
        "refuses-with-200",
        "",
        "Recusa com HTTP 200 e {error: true}.",
        "It refuses with HTTP 200 and {error: true}.",
        "client",
    ),
    Quirk(
        "queues-while-disconnected",
        "",
        "Guarda envios enquanto desconectada: aceito não é enviado, reenviar pode duplicar, e o que se entrega "
        "depois pode sair antes.",
        "It keeps sends while disconnected: accepted is not sent, sending again may double, and what is handed over "
        "later may go out first.",
        "client",
    ),
    Quirk(
        "silent-when-down",
        "",
        "Quando a sessão cai, nenhum webhook vem, às vezes nem webhookDisconnected: é preciso perguntar.",
        "When the session falls no webhook comes, sometimes not even webhookDisconnected: one has to ask.",
        "seed 003",
    ),
    Quirk(
        "unsigned-webhooks",
        "",
        "Os webhooks não são assinados.",
        "Webhooks are not signed.",
        "client",
    ),
    Quirk(
        "drifting-names",
        "",
        "Os nomes dos campos variam (minúsculas, sem event, qrcode/qrCode/base64).",
        "Field names vary (lower case, no event, qrcode/qrCode/base64).",
        "client",
    ),
)

QUIRKS: Mapping[str, tuple[Quirk, ...]] = {"evolution": EVOLUTION, "baileys": BAILEYS, "wapi": WAPI}
