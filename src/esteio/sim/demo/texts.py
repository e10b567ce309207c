"""What the demo says, in pt-BR and en side by side. Esteio's own sentences come from the core.

Never lives here: a story, how a sentence is laid out.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.views import texts_en, texts_pt

TEXTS: Mapping[str, tuple[str, str]] = {
    # the run
    "intro": (
        (
            "Provedores simulados em {servers} servidores HTTP desta máquina, o gateway na frente deles, e os "
            "incidentes dos cinco planos. Nenhuma conta de WhatsApp, nenhum tráfego para fora."
        ),
        (
            "Simulated providers on {servers} HTTP servers of this machine, the gateway in front of them, and "
            "the incidents of the five plans. No WhatsApp account, no traffic to the outside."
        ),
    ),
    "policy": (
        "Tempos encurtados para a demonstração (de um gateway comum → aqui): {changes}.",
        "Times shortened for the demo (an ordinary gateway → here): {changes}.",
    ),
    "playing": ("em andamento", "being played"),
    "story.playing": ("em curso", "playing"),
    "story.passed": ("certo", "passed"),
    "story.failed": ("FALHOU", "FAILED"),
    "passed": ("tudo certo", "as it should be"),
    "failed": ("FALHOU", "FAILED"),
    "first-healthy": (
        "Primeira sessão saudável: {seconds} depois do início.",
        "First healthy session: {seconds} after the start.",
    ),
    "seed": ("Semente dos dados: {seed}. Duração: {seconds}.", "Random seed: {seed}. It took {seconds}."),
    "verdict.good": (
        "Tudo certo: as cinco histórias terminaram como deviam, nada se perdeu e nada saiu em dobro.",
        "All good: every story ended as it should, nothing was lost and nothing was duplicated.",
    ),
    "verdict.bad": ("NÃO está tudo certo. Falhou: {stories}.", "NOT everything passed. Failed: {stories}."),
    "label.broke": ("Quebrado", "Broken"),
    "label.saw": ("Visto", "Seen"),
    "label.did": ("Feito", "Done"),
    "label.took": ("Demorou", "Took"),
    "label.proof": ("Prova", "Proof"),
    "label.fault": ("FALHA", "FAULT"),
    "title.000": (
        "Criar uma sessão: registro antes de tudo, QR automático, provedor lento, provedor que recusa",
        "Creating a session: stored first, QR without asking, a slow provider, one that refuses",
    ),
    "title.001": (
        "Sessão fantasma: o servidor diz “open”, o envio responde “Connection Closed”",
        "Ghost session: the server says “open”, sends answer “Connection Closed”",
    ),
    "title.002": (
        "O servidor reinicia, as sessões oscilam e o QR vem vazio",
        "The server restarts, sessions flap and the QR code comes empty",
    ),
    "title.003": (
        "A W-API cai sem avisar; e uma mensagem que chega restaura na hora",
        "W-API drops without notice; and an incoming message restores the session at once",
    ),
    "title.004": (
        "“Connection Closed” passageiro; e muitas quedas juntas são um incidente só",
        "“Connection Closed” as a hiccup; many drops together are one incident",
    ),
    "title.ledger": (
        "O balanço final, pelos registros do mundo simulado",
        "The final balance, by the records of the simulated world",
    ),
    # how long
    "took.connected": ("{seconds} da criação até conectada.", "{seconds} from creation to connected."),
    "took.answered": ("{seconds} até a resposta.", "{seconds} until the answer."),
    "took.back": ("{seconds} do defeito até tudo de volta.", "{seconds} from the fault to full recovery."),
    "took.delivered": ("{seconds} do defeito até a mensagem entregue.", "{seconds} from the fault to delivery."),
    # 000
    "000.create": (
        "Nada: a sessão é criada em {server} pela API, e um telefone lê o código que aparece.",
        "Nothing: the session is created on {server} through the API, and a phone scans its code.",
    ),
    "000.qr-by-itself": ("O QR apareceu sozinho em {seconds}.", "The QR code appeared by itself within {seconds}."),
    "000.script-scans": (
        "O roteiro, no papel da pessoa, lê o QR com um telefone.",
        "The script, acting as the person, scans the QR code with a phone.",
    ),
    "000.phone": (
        "Conectada com o telefone que leu o código ({phone}).",
        "Linked to the phone that scanned ({phone}).",
    ),
    "000.slow": (
        "O servidor {server} leva {seconds} s para responder a qualquer criação.",
        "The server {server} takes {seconds} s to answer every create request.",
    ),
    "000.slow-answer": (
        "A criação respondeu 201 em {seconds}, “connecting”, motivo provider-slow, sem esperar pelo provedor.",
        "The create request answered 201 within {seconds}: “connecting”, provider-slow, without waiting longer.",
    ),
    "000.slow-qr": (
        "O trabalho continuou sozinho e o QR veio depois.",
        "The work continued by itself and the QR code came later.",
    ),
    "000.refused": (
        "A sessão é criada com um token que o provedor não aceita.",
        "The session is created with a token that the provider does not accept.",
    ),
    "000.words": (
        "A resposta foi “error” com as palavras do provedor: {text}",
        "The answer was “error” with the provider's words: {text}",
    ),
    # 001
    "001.restart_cures": (
        (
            "O socket da sessão em {server} (Evolution 2.3.7) morreu sem aviso e o servidor continua dizendo “open”. "
            "Variante: reiniciar a sessão resolve. Três mensagens foram aceitas nesse tempo."
        ),
        (
            "The session's socket on {server} (Evolution 2.3.7) died without notice and the server keeps "
            "saying “open”. Variant: restarting the session fixes it. Three messages were accepted meanwhile."
        ),
    ),
    "001.restart_noop": (
        (
            "O mesmo em {server}, mas o socket já tinha terminado. Variante: reiniciar a sessão responde 200 e "
            "não faz nada; só reiniciar o processo do servidor ajuda. Três mensagens foram aceitas nesse tempo."
        ),
        (
            "The same on {server}, but the socket had already ended. Variant: restarting the session answers "
            "200 and does nothing; only a restart of the server's process helps. Three messages were accepted then."
        ),
    ),
    "001.effect-seen": (
        "O efeito do reinício foi verificado antes de a sessão ser dada como recuperada.",
        "The restart's effect was verified before the session counted as recovered.",
    ),
    "001.no-effect": (
        "O 200 do reinício sem efeito não foi dado como recuperação.",
        "The 200 of the restart without effect did not count as recovery.",
    ),
    "001.proposed": (
        "Em {seconds} o Esteio propôs a uma pessoa, pelo nome, reiniciar o processo de {server}.",
        "Within {seconds} Esteio asked a person to restart the process of {server}, by name.",
    ),
    "001.script-restarts": (
        "O roteiro, no papel da pessoa, reinicia o processo de {server}.",
        "The script, acting as that person, restarts the process of {server}.",
    ),
    # 002
    "002.boot": (
        (
            "O processo de {server} reinicia: 3 s fora do ar, depois 14 s em que as sessões abrem e caem. Seis "
            "mensagens são aceitas, um contato escreve e alguém pede um QR no meio disso."
        ),
        (
            "The process of {server} restarts: 3 s down, then 14 s in which sessions open and fall. Six messages are "
            "accepted, a contact writes and somebody asks for a QR in the middle of it."
        ),
    ),
    "002.qr-wanted": (
        "O pedido de QR para {session} não levou a nenhum passo destrutivo, nem a um pedido de aprovação.",
        "Asking for a QR of {session} led to no destructive step, nor to a request for approval.",
    ),
    "002.new": (
        (
            "Nesse meio tempo alguém cria uma sessão nova em {server}, e o provedor responde um QR vazio "
            '({{"count":0}}).'
        ),
        ('Meanwhile somebody creates a new session on {server}, and the provider answers an empty QR ({{"count":0}}).'),
    ),
    "002.made-once": (
        "O QR vazio foi lido como “ainda não”: criada uma vez só, nada apagado nem recriado.",
        "The empty QR was read as “not yet”: created once, nothing deleted or recreated.",
    ),
    # 003
    "003.quiet": (
        "A sessão em {server} cai, nenhum webhook avisa, e o provedor não tenta voltar.",
        "The session on {server} drops, no webhook reports it, and the provider does not try to reconnect.",
    ),
    "003.seen": ("Detectada em {seconds}, por consulta.", "Detected within {seconds}, by probing."),
    "003.one-notice": (
        "Um aviso da queda e um da volta, nenhum a mais.",
        "One notice of the outage, one of the recovery.",
    ),
    "003.knock": (
        (
            "Outra sessão em {server} cai; ela volta sem avisar, e um contato escreve. Esta sessão tem uma "
            "política que quase nunca consulta, para que só a mensagem possa provar que ela está viva."
        ),
        (
            "Another session on {server} drops; it comes back without notice, and a contact writes. This "
            "session has a policy that hardly ever probes, so that only the message can prove that it is alive."
        ),
    ),
    "003.by-message": (
        "A mensagem que chegou restaurou a sessão em {seconds}.",
        "The incoming message restored the session within {seconds}.",
    ),
    # 004
    "004.hiccup": (
        "O socket da sessão em {server} cai e volta sozinho em menos de 3 s; nesse instante sai um envio.",
        "The session's socket on {server} drops and recovers by itself within 3 s; a message is sent in that moment.",
    ),
    "004.retried": (
        "Recusada, e tentada mais uma vez {seconds} depois, com sucesso.",
        "Rejected, and retried {seconds} later, successfully.",
    ),
    "004.no-state": ("O estado da sessão não mudou.", "The session's state did not change."),
    "004.no-connect": ("Ninguém mandou conectar nem reiniciar.", "Nobody asked to connect or restart."),
    "004.mass": (
        "Os sockets das {count} sessões de {server} morrem juntos, e por cada uma sai uma mensagem.",
        "The sockets of all {count} sessions of {server} die together, and one message is sent through each.",
    ),
    "004.spaced": (
        "{count} reinícios ao todo, o menor intervalo entre dois foi {seconds}: nenhuma cascata.",
        "{count} restarts in all, the smallest gap between two was {seconds}: no cascade.",
    ),
    "004.one-incident": (
        "As quedas foram tratadas como um incidente de {server}.",
        "The drops were handled as one incident of {server}.",
    ),
    "004.one-notice": (
        "Um aviso da queda e um da volta, os do servidor {server}; nenhuma sessão avisou por si.",
        "One notice of the outage and one of the recovery, for the server {server}; none for single sessions.",
    ),
    # proofs that several share
    "proof.delivered.one": ("Entregue uma vez só.", "Delivered exactly once."),
    "proof.delivered.many": (
        "As {count} mensagens foram entregues uma vez cada, na ordem em que foram aceitas.",
        "All {count} messages were delivered once each, in the order in which they were accepted.",
    ),
    "proof.held.one": ("Guardada enquanto a sessão estava fora.", "Held while the session was down."),
    "proof.held.many": (
        "As {count} mensagens ficaram guardadas nesse tempo.",
        "All {count} messages were held meanwhile.",
    ),
    "proof.one-restart": ("O provedor recebeu um único reinício.", "The provider received a single restart."),
    "proof.unharmed": (
        "Nenhum logout, nenhum delete, nenhum telefone desvinculado.",
        "No logout, no delete, no phone unlinked.",
    ),
    # the ledger
    "ledger.accepted": (
        "{count} mensagens aceitas pela API, {count} entregues: nenhuma perdida.",
        "{count} messages accepted by the API, {count} delivered: none was lost.",
    ),
    "ledger.once": ("Nenhuma foi entregue duas vezes.", "None was delivered twice."),
    "ledger.order": ("Em cada conversa, a ordem foi mantida.", "In every conversation the order was kept."),
    "ledger.inbound": (
        "{count} mensagens recebidas de contatos, todas na caixa de entrada, uma vez.",
        "{count} messages came from contacts; all are in the inbox, once.",
    ),
    "ledger.links": (
        "Nenhum telefone perdeu o vínculo, nenhum passo destrutivo foi executado nem pedido.",
        "No phone lost its link; no destructive step was taken or requested.",
    ),
    "ledger.notices": (
        "Avisos a pessoas: {count}, no máximo um da queda e um da volta por incidente.",
        "Notices to people: {count}, at most one of the outage and one of the recovery per incident.",
    ),
    "ledger.states": (
        "No fim, todas as {count} sessões com telefone estão conectadas.",
        "At the end all {count} sessions with a phone are connected.",
    ),
    # wishes and faults
    "wish.state": ("que {session} ficasse “{state}”", "that {session} became “{state}”"),
    "wish.alive": ("que {session} voltasse por si no provedor", "that {session} came back by itself at the provider"),
    "wish.settled": ("que estivessem conectadas", "that they were connected"),
    "wish.qr": ("que {session} mostrasse um QR", "that {session} showed a QR"),
    "wish.delivered.one": ("que a mensagem aceita fosse entregue", "that the accepted message was delivered"),
    "wish.delivered.many": (
        "que as {count} mensagens aceitas fossem entregues",
        "that all {count} accepted messages were delivered",
    ),
    "wish.listens": ("que {server} estivesse no ar e em calma", "that {server} was up and calm"),
    "wish.empty": ("que o primeiro QR de {session} viesse vazio", "that the first QR of {session} came empty"),
    "wish.arrived": (
        "que a mensagem do contato chegasse à caixa de entrada de {session}",
        "that the contact's message came to the inbox of {session}",
    ),
    "wish.proposed": (
        "que o Esteio propusesse reiniciar o processo de {server}",
        "that Esteio proposed to restart the process of {server}",
    ),
    "wish.told": (
        "que se avisasse a queda e a volta de {session}",
        "that people were told of the fall and the return of {session}",
    ),
    "wish.incident-over": ("que o incidente de {server} terminasse", "that the incident of {server} ended"),
    "fault.late": (
        "{who}: esperava-se {wish}, e em {seconds} s isso não aconteceu.",
        "{who}: expected {wish}; it did not happen within {seconds} s.",
    ),
    "fault.claim": ("{who}: não é verdade: “{claim}”", "{who}: not true: “{claim}”"),
    "fault.error": ("erro no roteiro: {error}", "error in the script: {error}"),
    # the screen
    "head.session": ("sessão", "session"),
    "head.state": ("estado", "state"),
    "head.sends": ("envia", "sends"),
    "head.receives": ("recebe", "receives"),
    "head.because": ("motivo", "reason"),
    "head.held": ("na fila", "held"),
    "head.act": ("último passo", "last step"),
    "head.more.one": ("mais 1", "1 more"),
    "head.more.many": ("mais {count}", "{count} more"),
    "head.news": ("Acabou de acontecer", "Just happened"),
    "head.stories": ("Histórias", "Stories"),
    "answer.yes": ("sim", "yes"),
    "answer.no": ("não", "no"),
    "answer.unknown": ("incerto", "unknown"),
    "interrupted": (
        "Interrompida antes do fim: nada foi comprovado.",
        "Interrupted before the end: nothing is proved.",
    ),
    "stopping": ("Encerrando…", "Stopping…"),
    "stop": ("Ctrl-C encerra.", "Ctrl-C stops."),
    # life after the script
    "life.told": ("contato: {asks} → resposta: {answers}", "contact: {asks} → answer: {answers}"),
    "life.asks": ("Bom dia! Pergunta {number}.", "Good morning! Question {number}."),
    "life.answers": ("Bom dia! Resposta {number}.", "Good morning! Answer {number}."),
    # where to look
    "where": ("O roteiro terminou; tudo continua no ar.", "The script is over; everything keeps running."),
    "where.front": ("Página do gateway", "The gateway's page"),
    "where.docs": ("API, com documentação para testar", "API, documented, to try out"),
    "where.key": ("Chave de administração", "Admin key"),
    "where.sandbox": ("Sandbox: telefones, defeitos, QR", "Sandbox: phones, faults, QR"),
    "where.fresh": (
        "A sessão {session} espera um telefone: leia o QR dela na página do sandbox (botão “ler o QR”).",
        "The session {session} is waiting for a phone: scan its QR code on the sandbox page (button “scan the QR”).",
    ),
    "where.try": ("Experimente, em outro terminal:", "Try, in another terminal:"),
}


class Words:
    """The demo's voice in one language: `words(key, **values)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._index = 0 if language.lower().startswith("pt") else 1
        self._named = (texts_pt.WORDS, texts_en.WORDS)[self._index]

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence; a `count` chooses between `KEY.one` and `KEY.many` where there are both."""
        if key not in TEXTS:
            key += ".one" if values.get("count") == 1 else ".many"
        return TEXTS[key][self._index].format(**values)

    def seconds(self, seconds: float) -> str:
        """`3,4 s` or `3.4 s`; whole from ten on."""
        told = f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
        return told if self._index else told.replace(".", ",")

    def rung(self, rung: str) -> str:
        """A step of the ladder as people read it."""
        return self._named["rung"].get(rung, rung)

    def state(self, state: str) -> str:
        """A session's state as people read it."""
        return self._named["state"].get(state, state)
