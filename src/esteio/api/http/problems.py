"""Errors as people and programs read them: `application/problem+json` (RFC 9457) with a stable `code`.

One table: code → status and the sentences in pt-BR and en. Never lives here: when something is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.api.http import complaints
from esteio.engine.errors import Refusal

TYPE_BASE = "/docs#"
"""The page of this gateway that lists every code; a relative reference, as RFC 9457 permits."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem: its status, its title and its sentence in both languages."""

    status: int
    pt: tuple[str, str]
    en: tuple[str, str]
    in_body: int = 0
    """The status when the thing is named in a body instead of an address; 0: the same."""
    retry_after_s: int = 0


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with a stable code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    retry_after_s: int | None = None
    candidates: tuple[str, ...] = ()
    """What an ambiguous number may be, each ready to be used."""


def _missing(pt: str, en: str, *, in_body: int = 0, by: str = "id") -> Kind:
    """`by`: what it is known by, `name` or `id`."""
    by_pt, by_en = {"name": ("nome", "name"), "id": ("id", "id")}[by]
    ending = "a" if pt in {"sessão", "mensagem", "aprovação", "chave"} else "o"
    return Kind(
        404,
        (f"{pt[:1].upper()}{pt[1:]} não encontrad{ending}", f"Não existe {pt}[ com o {by_pt} {{name}}]."),
        (f"No such {en}", f"There is no {en}[ with the {by_en} {{name}}]."),
        in_body,
    )


KINDS: Mapping[str, Kind] = {
    "unauthorized": Kind(
        401,
        ("Chave ausente ou errada", "Envie uma chave válida em Authorization: Bearer CHAVE, ou em apikey: CHAVE."),
        ("Missing or wrong key", "Send a valid key as Authorization: Bearer KEY, or as apikey: KEY."),
    ),
    "forbidden": Kind(
        403,
        ("A chave não tem permissão", "Esta operação exige o papel {role}, que esta chave não tem."),
        ("The key lacks permission", "This operation needs the role {role}, which this key does not have."),
    ),
    "session-out-of-reach": Kind(
        403,
        ("A chave não alcança esta sessão", "Esta chave só vale para outras sessões."),
        ("The key does not reach this session", "This key is for other sessions."),
    ),
    "outside-scope": Kind(
        403,
        (
            "Chave limitada a algumas sessões",
            "Esta operação envolve o gateway inteiro; use uma chave sem limite de sessões.",
        ),
        ("Key limited to some sessions", "This concerns the whole gateway; use a key without a session limit."),
    ),
    "ref-out-of-reach": Kind(
        403,
        (
            "A chave não alcança esta instância",
            "{field} precisa seguir os padrões de nome desta chave, que só alcança essas sessões.",
        ),
        (
            "The key does not reach this instance",
            "{field} must match the name patterns of this key, which reaches only those sessions.",
        ),
    ),
    "not-found": Kind(
        404,
        ("Não há nada neste endereço", "Veja em /docs os endereços que existem."),
        ("Nothing at this address", "See /docs for the addresses that exist."),
    ),
    "method-not-allowed": Kind(
        405,
        ("Método não aceito aqui", "Este endereço não aceita {method}."),
        ("Method not allowed here", "This address does not accept {method}."),
    ),
    "invalid-http": Kind(
        400,
        ("Não é HTTP", "A requisição não pôde ser lida como HTTP/1.1."),
        ("This is not HTTP", "The request could not be read as HTTP/1.1."),
    ),
    "request-timeout": Kind(
        408,
        ("A requisição chegou incompleta", "O resto da requisição não chegou a tempo; envie de novo."),
        ("The request arrived incomplete", "The rest of the request did not arrive in time; send it again."),
    ),
    "header-too-large": Kind(
        431,
        ("Cabeçalhos grandes demais", "A linha da requisição e os cabeçalhos podem ter 64 KiB ao todo."),
        ("Headers too large", "The request line and the headers may take 64 KiB together."),
    ),
    "invalid-json": Kind(
        400,
        ("O corpo não é JSON", "O corpo não pôde ser lido como JSON[: {why}]."),
        ("The body is not JSON", "The body could not be read as JSON[: {why}]."),
    ),
    "unknown-field": Kind(
        400,
        ("Campo desconhecido", "O campo {field} não existe.[ Seria {near}?]"),
        ("Unknown field", "There is no field {field}.[ Did you mean {near}?]"),
    ),
    "invalid-value": Kind(
        400,
        ("Valor inválido", "O valor de {field} não é aceito[: {why}].[ Valores aceitos: {allowed}.][ Seria {near}?]"),
        (
            "Invalid value",
            "The value of {field} is not accepted[: {why}].[ Allowed: {allowed}.][ Did you mean {near}?]",
        ),
    ),
    "place-ahead": Kind(
        400,
        (
            "Este número de sequência ainda não existe",
            "O evento mais novo é {last}; {field} veio de outro banco de dados. Comece sem ele ou com um número menor.",
        ),
        (
            "No such sequence number yet",
            "The newest event is {last}; {field} comes from another database. Start without it, or at a lower number.",
        ),
    ),
    "invalid-phone": Kind(
        400,
        ("Não é um telefone", "{field} não é um número de telefone; use DDI, DDD e número, ou o id de um grupo."),
        (
            "Not a phone number",
            "{field} is not a phone number; give country code, area code and number, or a group's id.",
        ),
    ),
    "ambiguous-phone": Kind(
        400,
        (
            "Este número pode ser de dois países",
            "{field} pode ser {first} ou {second}; repita o pedido com um dos dois.",
        ),
        (
            "This number may be of two countries",
            "{field} may be {first} or {second}; repeat the request with one of them.",
        ),
    ),
    "chat-not-answerable": Kind(
        400,
        (
            "Esta conversa não aceita mensagens",
            "{field} é um status, um canal, uma lista de transmissão ou outro endereço que não aceita mensagens.",
        ),
        (
            "This chat does not accept messages",
            "{field} is a status, a channel, a broadcast list or another address that does not accept messages.",
        ),
    ),
    "target-not-allowed": Kind(
        400,
        (
            "Endereço não permitido",
            (
                "{field} aponta para {host}, que não existe ou é de rede privada."
                "[ Para permitir, no esteio.toml: allow_targets = {allow}]"
            ),
        ),
        (
            "Target not allowed",
            (
                "{field} points to {host}, which does not exist or is in a private network."
                "[ To permit it, in esteio.toml: allow_targets = {allow}]"
            ),
        ),
    ),
    "invalid-idempotency-key": Kind(
        400,
        ("Idempotency-Key inválida", "Use de 1 a 255 caracteres ASCII visíveis."),
        ("Invalid Idempotency-Key", "Use 1 to 255 printable ASCII characters."),
    ),
    "idempotency-mismatch": Kind(
        422,
        ("Esta Idempotency-Key já foi usada com outro corpo", "Use outra chave para outra mensagem."),
        ("This Idempotency-Key was used with another body", "Use another key for another message."),
    ),
    "idempotency-in-progress": Kind(
        409,
        ("A primeira requisição com esta chave ainda não foi respondida", "Tente de novo em instantes."),
        ("The first request with this key has not been answered yet", "Try again in a moment."),
        retry_after_s=1,
    ),
    "webhook-budget": Kind(
        429,
        ("Webhooks demais", "Nesta hora, esta sessão já recebeu mais do que webhook_bytes_per_hour permite."),
        ("Too many webhooks", "This session has received more than webhook_bytes_per_hour allows in this hour."),
        retry_after_s=300,
    ),
    "too-large": Kind(
        413,
        ("Grande demais", "O limite aqui é de {limit} bytes."),
        ("Too large", "The limit here is {limit} bytes."),
    ),
    "unknown-server": _missing("servidor", "server", in_body=400, by="name"),
    "unknown-session": _missing("sessão", "session", by="name"),
    "unknown-message": _missing("mensagem", "message", in_body=400),
    "raw-gone": Kind(
        404,
        (
            "O original não está guardado",
            "O que o provedor enviou sobre esta mensagem já foi apagado, ou ela foi enviada por aqui e não veio dele.",
        ),
        (
            "The original is not kept",
            "What the provider sent about this message has been deleted, or the message was sent from here.",
        ),
    ),
    "unknown-approval": _missing("aprovação", "approval"),
    "unknown-key": _missing("chave", "key"),
    "unknown-webhook": _missing("webhook", "webhook"),
    "unknown-token": _missing("endereço de webhook", "webhook address"),
    "no-media": Kind(
        404,
        ("Esta mensagem não tem mídia", "Só imagens, vídeos, áudios, documentos e figurinhas têm um arquivo."),
        ("This message has no media", "Only pictures, videos, sounds, documents and stickers have a file."),
    ),
    "media-fetching": Kind(
        409,
        ("O arquivo ainda está sendo baixado", "O provedor está entregando o arquivo; tente de novo em instantes."),
        ("The file is still being fetched", "The provider is handing it over; try again in a moment."),
        retry_after_s=2,
    ),
    "media-gone": Kind(
        410,
        ("O arquivo não está mais aqui", "{because}"),
        ("The file is not here any more", "{because}"),
    ),
    "link-invalid": Kind(
        403,
        ("Endereço alterado", "A assinatura deste endereço não confere; leia a mensagem de novo e use o novo url."),
        ("This address was changed", "Its signature does not match; read the message again and use its new url."),
    ),
    "link-expired": Kind(
        403,
        ("Endereço vencido", "Este endereço não vale mais; leia a mensagem de novo para receber um novo."),
        ("This address has expired", "It is no longer good; read the message again to get a new one."),
    ),
    "name-taken": Kind(
        409,
        ("Este nome já existe", "{name} já existe; escolha outro nome."),
        ("This name is taken", "{name} already exists; choose another name."),
    ),
    "already-adopted": Kind(
        409,
        ("Esta instância já tem sessão", "A instância {instance} do servidor {server} já pertence a uma sessão."),
        ("This instance has a session", "The instance {instance} of the server {server} belongs to a session already."),
    ),
    "webhook-unread": Kind(
        400,
        (
            "O webhook atual não pôde ser lido",
            (
                "Não foi possível ler o webhook que está no servidor {server}[: {why}]. Nada foi mudado; sem forward, "
                "a sessão pode ser adotada mesmo assim."
            ),
        ),
        (
            "The present webhook could not be read",
            (
                "The webhook that stands at the server {server} could not be read[: {why}]. Nothing was changed; "
                "without forward the session can be adopted all the same."
            ),
        ),
    ),
    "instances-unlisted": Kind(
        409,
        (
            "Este tipo de servidor não lista instâncias",
            "O servidor {server} não diz quais instâncias tem; adote cada uma com POST /v1/sessions, dizendo o ref.",
        ),
        (
            "This kind of server lists no instances",
            "The server {server} does not tell which instances it holds; adopt each by POST /v1/sessions, with a ref.",
        ),
    ),
    "provider-unanswered": Kind(
        502,
        ("O provedor não respondeu", "O servidor {server} não deu uma resposta que sirva[: {why}]. Nada foi mudado."),
        (
            "The provider did not answer",
            "The server {server} gave no answer that will do[: {why}]. Nothing was changed.",
        ),
        retry_after_s=5,
    ),
    "in-use": Kind(
        409,
        ("Ainda em uso", "{name} ainda tem sessões; apague-as ou mude-as primeiro."),
        ("Still in use", "{name} still has sessions; delete them first."),
    ),
    "wrong-state": Kind(
        409,
        ("O estado não permite", "O estado da mensagem não permite isso: {state}."),
        ("Not allowed in this state", "This action is not allowed while the message is {state}."),
    ),
    "session-paused": Kind(
        409,
        ("Sessão pausada", "O Esteio não mexe em uma sessão pausada; retome-a primeiro."),
        ("Session paused", "Nothing is done to a paused session; resume it first."),
    ),
    "pairing-code-unsupported": Kind(
        400,
        (
            "Sem pareamento por código",
            "Um servidor do tipo {kind} não gera código para digitar; peça sem phone_number e leia o QR code.",
        ),
        (
            "No pairing by code",
            "A server of the kind {kind} does not offer codes to type; ask without phone_number and scan the QR code.",
        ),
    ),
    "not-while-a-qr-is-shown": Kind(
        409,
        (
            "Há um QR code em exibição",
            (
                "Enquanto {name} mostra um QR code, este servidor não gera código para digitar: leia o QR code, "
                "ou peça de novo quando ele vencer e a sessão estiver fechada."
            ),
        ),
        (
            "A QR code is being shown",
            (
                "While {name} shows a QR code this server does not offer a code to type: scan the QR code, "
                "or ask again once it has expired and the session is closed."
            ),
        ),
    ),
    "approval-decided": Kind(
        409,
        ("Já decidida", "Esta aprovação não está mais pendente: {state}."),
        ("Already decided", "This approval is no longer pending: {state}."),
    ),
    "provider-refused": Kind(
        502,
        ("O provedor recusou", "O provedor respondeu[: {detail}]. Nada foi apagado aqui."),
        ("The provider refused", "The provider answered[: {detail}]. Nothing was deleted here."),
    ),
    "storage-full": Kind(
        507,
        ("Disco cheio", "Nada foi gravado. O que já tinha sido aceito está a salvo; tente mais tarde."),
        ("Storage full", "Nothing was written. What was accepted before is safe; try again later."),
        retry_after_s=30,
    ),
    "storage-broken": Kind(
        503,
        (
            "Não é possível gravar no disco",
            "Nada foi gravado: o disco falhou ou é somente leitura. O que já foi aceito está salvo; tente mais tarde.",
        ),
        (
            "Storage not writable",
            "Nothing was written: the disk failed or is read-only. What was accepted before is safe; try again later.",
        ),
        retry_after_s=30,
    ),
    "busy": Kind(
        503,
        ("Muitas requisições grandes ao mesmo tempo", "Outras estão sendo recebidas; tente de novo em instantes."),
        ("Too many large requests at once", "Others are being received; try again in a moment."),
        retry_after_s=5,
    ),
    "closing": Kind(
        503,
        ("Encerrando", "O Esteio está parando; tente de novo em instantes."),
        ("Shutting down", "Esteio is stopping; try again in a moment."),
        retry_after_s=5,
    ),
    "internal": Kind(
        500,
        ("Erro interno", "Algo falhou dentro do Esteio; veja o log."),
        ("Internal error", "Something failed inside Esteio; see the log."),
    ),
}


STATES: Mapping[str, str] = {
    "queued": "na fila",
    "sending": "em envio",
    "held": "em espera",
    "in_doubt": "em dúvida",
    "sent": "enviada",
    "delivered": "entregue",
    "read": "lida",
    "failed": "com falha",
    "expired": "vencida",
    "cancelled": "cancelada",
    "approved": "aprovada",
    "rejected": "recusada",
    "stale": "não é mais necessária",
}
"""What a message or an approval may be, in Portuguese."""


def problem(code: str, language: str, words: Mapping[str, str] | None = None, *, in_body: bool = False) -> Problem:
    """The problem with its sentence in this language. Unknown codes read as `internal`."""
    kind = KINDS.get(code) or KINDS["internal"]
    title, detail = kind.pt if language == "pt-BR" else kind.en
    words = dict(words or {})
    if "state" in words:
        state = words["state"]
        words["state"] = STATES.get(state, state) if language == "pt-BR" else state.replace("_", " ")
    return Problem(
        type=TYPE_BASE + code,
        title=title,
        status=(kind.in_body or kind.status) if in_body else kind.status,
        detail=fill(detail, words),
        code=code,
        field=words.get("field"),
        retry_after_s=kind.retry_after_s or None,
        candidates=tuple(words[name] for name in ("first", "second") if code == "ambiguous-phone" and name in words),
    )


def of_refusal(refusal: Refusal, language: str) -> Problem:
    """A refusal in words."""
    words = dict(refusal.words)
    if refusal.field is not None:
        words["field"] = refusal.field
    if refusal.near is not None:
        words["near"] = refusal.near
    if "why" in words:
        words["why"] = complaints.told(words["why"], language)
    return problem(refusal.code, language, words, in_body=refusal.in_body)


def fill(text: str, words: Mapping[str, str]) -> str:
    """Fill `{name}`; a part in `[brackets]` is left out when a word in it is missing."""
    out = []
    for piece in _pieces(text):
        optional = piece.startswith("[")
        body = piece[1:-1] if optional else piece
        names = [part.partition("}")[0] for part in body.split("{")[1:]]
        if optional and not all(words.get(name) for name in names):
            continue
        for name in names:
            body = body.replace("{" + name + "}", words.get(name) or "")
        out.append(body)
    return "".join(out)


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    rest = text
    while rest:
        start = rest.find("[")
        if start < 0:
            return [*pieces, rest]
        end = rest.index("]", start)
        pieces += [rest[:start], rest[start : end + 1]]
        rest = rest[end + 1 :]
    return pieces
