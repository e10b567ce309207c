"""The sentences in Brazilian Portuguese, as data. `sentences` says how they are read; `texts_en` has the same codes.

`{name}` is a value of the reason or line, `{name:one|many}` a number with its noun; a part in `[brackets]` is left out
when a value in it is missing. Every sentence stands without its values. Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.views import texts_servers
from esteio.core.views.texts_doubt_pt import DOUBTS

REASONS: Mapping[str, tuple[str, str]] = {
    **texts_servers.PT,
    # the session's own state
    "created": ("A sessão foi criada aqui e ainda não se sabe nada dela.", ""),
    "connecting": ("O servidor está abrindo a conexão com o WhatsApp.", ""),
    "live": ("Conectada.[ A prova mais recente: {evidence}]", ""),
    "live-unproved": (
        "Conectada, segundo o provedor. Nada prova ainda que a conexão funciona.",
        "",
    ),
    "suspect": (
        "Um envio ou uma consulta falhou, mas uma falha só não prova uma queda. A sessão é observada de perto.",
        "",
    ),
    "ghost-socket": (
        (
            "Conexão temporariamente indisponível. Tentando reconectar... O servidor diz que a sessão está aberta, "
            "mas recusa o que é enviado por ela (Connection Closed)."
        ),
        "",
    ),
    "half-open": (
        (
            "Conexão temporariamente indisponível. Tentando reconectar... A conexão parece aberta, "
            "mas o WhatsApp não responde por ela."
        ),
        "",
    ),
    "reconnecting": ("A conexão caiu e o próprio servidor está reconectando; o Esteio só interfere se demorar.", ""),
    "closed": ("A conexão caiu e o servidor confirma que está fechada. Tentando reconectar, sem precisar de QR.", ""),
    "closed-for-good": (
        "A sessão está fechada, reiniciá-la não a traz de volta e o provedor não diz por quê.",
        "Veja no celular se o aparelho conectado ainda está lá; se não estiver, leia o QR Code de novo.",
    ),
    "flapping": (
        "A sessão conecta e cai sem parar[ ({count:vez|vezes} há pouco)]. Nada é reiniciado: mexer agora pioraria.",
        "Se continuar, veja se o número não está aberto em outro servidor; se não estiver, reinicie o do provedor.",
    ),
    "own-duel": (
        (
            "Duas conexões desta sessão se derrubam sem parar, desde que uma foi aberta enquanto o servidor {server} "
            "reconectava por conta própria. As mensagens esperam."
        ),
        "Reinicie o processo (ou contêiner) do servidor {server}. Não é preciso ler um QR code novo.",
    ),
    "replaced": (
        "Outro programa está usando a mesma conexão deste número[ (código {code})]. Um derruba o outro.",
        "Encontre e pare o outro: um segundo servidor, um contêiner antigo ou um teste com o mesmo número.",
    ),
    "awaiting-qr": (
        "Nenhum celular está vinculado a esta sessão. Há um QR code para ler.",
        "No celular: WhatsApp > Aparelhos conectados > Conectar um aparelho, e leia o QR code.",
    ),
    "awaiting-code": (
        "Nenhum celular está vinculado a esta sessão. O último QR code venceu e o próximo ainda não chegou.",
        "Aguarde o próximo código por alguns segundos; se não vier, peça um novo (parear).",
    ),
    "unpaired": (
        "Nenhum celular está vinculado a esta sessão e não há QR code válido.",
        "Peça um novo código (parear) e leia-o com o celular deste número.",
    ),
    "logged-out": (
        "O WhatsApp removeu este aparelho[ (código {code})]: o dono do número ou o próprio WhatsApp o desconectou.",
        "Fale com o dono do número e pareie de novo com um QR code.",
    ),
    "banned": (
        "O WhatsApp bloqueou esta conta[ (código {code})]. Nenhum programa resolve isso.",
        "Abra o WhatsApp no celular, leia o aviso e peça a análise por lá.",
    ),
    "temp-banned": (
        "O WhatsApp suspendeu esta conta por um tempo[ (código {code})]. Nada é reiniciado até o fim da suspensão.",
        "Pare os envios em massa deste número e espere; insistir aumenta o prazo.",
    ),
    "outdated": (
        "O WhatsApp recusa a versão usada por este servidor[ (código {code})].",
        "Atualize o servidor do provedor. Parear de novo não adianta.",
    ),
    "not-loaded": (
        (
            "O servidor {server} tem esta instância gravada, mas há minutos não a carrega no processo em execução: "
            "nada pode ser enviado, e nenhuma chamada do Esteio resolve."
        ),
        "Reinicie o processo do servidor do provedor.",
    ),
    "instance-missing": (
        "O provedor diz que não conhece esta instância.",
        "Se ela não foi apagada de propósito, crie-a de novo (recriar) e leia o QR code.",
    ),
    "provider-refused": (
        "O provedor recusou o pedido[: {detail}]",
        "Corrija o que a resposta do provedor aponta e peça para recriar a sessão (POST /v1/sessions/NOME/recreate).",
    ),
    "provider-slow": (
        "O provedor ainda não respondeu. O pedido segue em andamento e a sessão se atualiza sozinha.",
        "",
    ),
    "server-up": ("O servidor {server} voltou a responder.", ""),
    "server-down": (
        "O servidor {server} não está respondendo.[ {detail}]",
        "Verifique o servidor, não os números: ele está rodando, com rede e memória? As mensagens esperam aqui.",
    ),
    "server-wall": (
        "O servidor {server} não faz nada enquanto não for liberado[: {detail}]",
        "Abra o painel do servidor e ative a licença que ele pede.",
    ),
    "server-mass-fall": (
        (
            "Várias sessões do servidor {server} caíram juntas[ ({count})]. "
            "É tratado como um problema só: uma é recuperada primeiro, depois as outras, aos poucos."
        ),
        "Veja se o servidor foi reiniciado ou ficou sem rede.",
    ),
    "notice-test": ("Isto é um teste: este endereço recebe os avisos do Esteio.", ""),
    "server-mass-fall-over": ("As sessões do servidor {server} que caíram juntas voltaram[ ({count})].", ""),
    "wrong-identity": (
        "O número vinculado a esta sessão[ ({seen})] não é o esperado[ ({phone})]. Nada é enviado por ela.",
        "Veja qual celular leu o QR code; pareie com o número certo ou corrija o número da sessão.",
    ),
    "restricted-463": (
        (
            "O WhatsApp recusou mensagens para contatos novos (código 463[, {count} na última hora]). "
            "A sessão está viva; reiniciar não ajuda."
        ),
        "Pare as mensagens para quem nunca escreveu a este número. Responder a quem escreve continua possível.",
    ),
    "held-463": (
        (
            "O WhatsApp está recusando mensagens para contatos novos (código 463). Esta espera[ até {until}] "
            "e sai antes se o destinatário escrever."
        ),
        "Não é preciso fazer nada. Insistir agora põe o número em risco.",
    ),
    "stalled": (
        "A conexão responde, mas o servidor não entrega nenhum evento, nem os das nossas próprias mensagens.",
        "Reinicie o processo do servidor do provedor. Desconectar a sessão não resolve.",
    ),
    "deaf": (
        "Os envios funcionam, mas há muito mais tempo que o normal não chega mensagem neste número.",
        "Mande uma mensagem de outro celular para testar. Se não chegar, reinicie o processo do servidor do provedor.",
    ),
    "webhook-unreachable": (
        (
            "O servidor {server} aceita nossas mensagens, mas nenhum webhook dele chega aqui: o endereço configurado "
            "está certo, e ele não consegue acessá-lo. O que chega é lido da lista dele, com um minuto de atraso."
        ),
        "Ponha em ESTEIO_PUBLIC_URL um endereço que o processo (ou contêiner) do servidor alcance, e inicie de novo.",
    ),
    "webhook-gone": (
        "O provedor manda os eventos para outro endereço, ou para nenhum. O nosso está sendo configurado de novo.",
        "Se outro programa também configura o webhook desta instância, faça-o parar.",
    ),
    "acks-missing": (
        "O servidor aceita as mensagens, mas o WhatsApp não confirma nenhuma[ ({count} sem confirmação)].",
        "Veja o WhatsApp no celular e pare os envios a contatos novos. Não reinicie.",
    ),
    "unknown-state": (
        "O servidor informou um estado desconhecido[: {word}]. Ele é ignorado, e o estado é consultado de novo.",
        "",
    ),
    "paused": (
        "Uma pessoa pausou esta sessão. Ela segue observada, o Esteio não mexe nela e as mensagens esperam.",
        "Quando quiser, retome a sessão (esteio resume NOME).",
    ),
    "ghost-needs-server-restart": (
        (
            "A sessão está morta e reiniciá-la não tem efeito neste servidor: "
            "só o reinício do processo do servidor {server} a traz de volta."
        ),
        (
            "Reinicie o processo (ou contêiner) do servidor {server}."
            "[ O WhatsApp removeu este aparelho (código {code}): depois será preciso ler um novo QR code.]"
        ),
    ),
    "approval-awaited": (
        (
            "Os passos sem risco não bastaram. O próximo desvincula o celular desta sessão e espera a decisão "
            "de uma pessoa.[ Motivo: {cause}]"
        ),
        (
            "[`esteio why {session}` explica o caso. ]Decida com `esteio approve[ {approval}]` (será preciso ler um "
            "novo QR code) ou `esteio reject[ {approval}]`."
        ),
    ),
    "code-on-its-way": ("O código de pareamento foi pedido e está a caminho.", ""),
    # what a destructive step costs
    "cost-logout": (
        "A sessão {session} será desvinculada do celular: será preciso ler um novo QR code para voltar.",
        "",
    ),
    "cost-recreate": (
        (
            "A sessão {session} será apagada e criada de novo no provedor: perde-se o vínculo com o celular e o que o "
            "provedor guarda dela, e será preciso ler um novo QR code."
        ),
        "",
    ),
    "cost-delete": (
        "A sessão {session} será apagada no provedor, com o vínculo com o celular e tudo o que ele guarda dela.",
        "",
    ),
    # why a step waits, or is taken
    "boot-grace": ("O servidor acabou de iniciar: por alguns minutos nada de destrutivo é feito.", ""),
    "quarantine": (
        "Os últimos passos não ajudaram[ ({strikes:série|séries} de tentativas)]. A próxima vem depois de uma pausa.",
        "Se você já corrigiu a causa, use `esteio recover NOME` para tentar agora.",
    ),
    "look-first": ("Ainda não se sabe o efeito do último passo: primeiro vem uma consulta.", ""),
    "memory-stands-still": (
        "O estado que o provedor informa não mudou durante o reinício; outro reinício agora poderia piorar.",
        "",
    ),
    "restart-cooldown": ("O último reinício é recente demais para outro.", ""),
    "logout-limit": ("A última desconexão é recente demais para outra.", ""),
    "follows": ("É a continuação do passo anterior.", ""),
    "asked-to-pair": ("Uma pessoa pediu um código para parear.", ""),
    "approved": ("Uma pessoa aprovou este passo.", ""),
    "missed-unknowable": (
        "Não há como saber quantas mensagens se perderam nesse tempo: o provedor não guarda uma lista para conferir.",
        "Veja no celular o que chegou nesse tempo.",
    ),
    "missed-being-read": ("O que chegou nesse tempo está sendo conferido na lista do provedor.", ""),
    # messages
    "session-down": (
        "Sessão desconectada. Tentativa de reconexão em andamento.",
        "Se ela ficou em espera, sai sozinha quando a sessão voltar; se falhou, use reenviar depois disso.",
    ),
    "send-retried": ("O servidor recusou o envio (Connection Closed). Tentamos de novo em alguns segundos.", ""),
    "send-server": ("O servidor não aceitou a mensagem agora[: {detail}]. Tentamos de novo.", ""),
    "route-unknown": (
        (
            "O endereço do servidor[ {server}] não conhece a rota deste envio[: {detail}]. "
            "A mensagem não tem culpa: ela espera, e tentamos de novo."
        ),
        (
            "Confira o base_url do servidor: um caminho a mais ou a menos, outro programa ou um proxy nesse endereço, "
            "ou uma versão do provedor que não envia este tipo de mensagem (então cancele-a)."
        ),
    ),
    "send-rate": ("O servidor pediu para enviar mais devagar. A mensagem espera a vez.", ""),
    "media-failed": (
        "A mídia não pôde ser enviada[: {detail}]",
        "Veja se o arquivo existe, se o endereço abre e se o formato é aceito pelo WhatsApp; depois reenvie.",
    ),
    "media-not-available": ("O provedor não enviou o arquivo nem um meio de pedi-lo.", ""),
    "media-too-large": (
        "O arquivo é maior do que este gateway guarda[ ({limit} bytes)].",
        "Aumente max_media_bytes para os próximos; este pode ser aberto no celular.",
    ),
    "media-unreadable": ("O provedor enviou o arquivo em um formato que não pôde ser lido.", ""),
    "media-fetch-failed": (
        "Não foi possível baixar o arquivo do provedor[: {detail}]",
        "Abra-o no celular; se acontecer com frequência, veja o log do provedor.",
    ),
    "media-expired": ("O arquivo foi guardado pelo tempo definido nas configurações e depois removido.", ""),
    "media-not-kept": ("Não foi feita cópia deste arquivo.", ""),
    "media-not-allowed": (
        "A mídia não foi baixada[: {detail}]. O próprio Esteio recusou o endereço; o provedor não foi chamado.",
        "Use um endereço público, ou inclua a rede dele em allow_targets, ou envie o arquivo em base64.",
    ),
    "media-is-a-page": (
        "O endereço da mídia devolveu uma página da web no lugar do arquivo[: {detail}].",
        (
            "Use um endereço que entregue o próprio arquivo, sem login; para enviar uma página de propósito, "
            "informe mime text/html."
        ),
    ),
    "invalid-number": (
        "Este número não tem WhatsApp[: {detail}]",
        "Confira o número, com DDD e código do país.",
    ),
    "request-refused": (
        "O provedor recusou a mensagem[: {detail}]",
        "Corrija a mensagem conforme a resposta do provedor e envie de novo.",
    ),
    "too-large-for-server": (
        (
            "O servidor[ {server}], ou um proxy na frente dele, não aceita uma requisição deste tamanho[: {size}]"
            "[ ({detail})]. A mensagem não foi enviada, e tentar de novo não mudaria nada."
        ),
        (
            "Quem cuida desse servidor ou proxy precisa permitir requisições maiores (nginx: client_max_body_size; "
            "Caddy: request_body max_size; Traefik: maxRequestBodyBytes). Depois reenvie, ou mande um arquivo menor."
        ),
    ),
    "refused-by-whatsapp": (
        "O WhatsApp recusou esta mensagem depois de o provedor aceitá-la[ (código {code})].",
        "Se o código for 463, peça que o contato escreva primeiro; não insista.",
    ),
    "in-its-queue": (
        (
            "O provedor aceitou esta mensagem e ainda a tem numa fila própria. "
            "As seguintes da mesma conversa esperam por ela, para manter a ordem."
        ),
        "",
    ),
    "queue-unread": (
        (
            "O provedor aceitou esta mensagem, e não foi possível ler a fila dele para saber se ela já saiu. "
            "As seguintes da mesma conversa esperam um momento por ela."
        ),
        "",
    ),
    "behind-its-queue": (
        (
            "A mensagem anterior a esta talvez ainda esteja na fila do próprio provedor. "
            "Esta espera até que se saiba que aquela saiu, para manter a ordem."
        ),
        "",
    ),
    "passed-in-queue": (
        (
            "O provedor aceitou esta mensagem, e não há como saber se ela já saiu da fila dele. "
            "A espera acabou: a conversa segue, e esta mensagem pode chegar depois de outras mais novas."
        ),
        "Veja no provedor se a fila dele está parada.",
    ),
    "expired": ("O prazo desta mensagem venceu antes do envio.", "Se ainda fizer sentido, reenvie."),
    **DOUBTS,
}

TIMELINE: Mapping[str, str] = {
    **texts_servers.PT_SEEN,
    # proofs of life
    "message_received": "Chegou uma mensagem: a sessão recebe.",
    "phone_echo_received": "Chegou uma mensagem escrita no celular: a sessão recebe.",
    "receipt_received": "O WhatsApp confirmou a entrega de uma mensagem nossa: a sessão envia.",
    "server_ack_received": "O WhatsApp confirmou o recebimento de uma mensagem nossa: a sessão envia.",
    "round_trip_ok": "O WhatsApp respondeu a uma consulta feita por esta sessão: ela envia.",
    "send_accepted": "O provedor aceitou uma mensagem e devolveu o ID dela.",
    "socket_ok": "A conexão do provedor está aberta.",
    # proofs of death
    "send_closed": "Um envio foi recusado com Connection Closed: a mensagem não saiu.",
    "socket_closed": "Uma consulta foi recusada com Connection Closed.",
    "round_trip_silent": "O WhatsApp não respondeu a tempo a uma consulta feita por esta sessão.",
    "logged_out": "O WhatsApp removeu este aparelho (401).",
    "temp_banned": "A conta foi suspensa por um tempo (402).",
    "banned": "A conta foi bloqueada[ ({code})].",
    "outdated": "O WhatsApp recusa a versão deste servidor (405).",
    "replaced": "Outro programa usa a mesma conexão (440).",
    # pairing
    "qr_shown": "O provedor mostra um QR code novo: não há celular vinculado.",
    "qr_limit": "O provedor parou de gerar QR codes.",
    "no_qr_yet": "O provedor ainda não tem QR code; isso não é erro.",
    "paired": "O provedor diz que o pareamento deu certo.",
    "unpaired": "O provedor diz que não há celular vinculado.",
    # claims
    "said_open": "O provedor informa o estado: aberta. É só um indício.",
    "said_connecting": "O provedor informa o estado: conectando.",
    "said_closed": "O provedor informa o estado: fechada.",
    "said_unknown": "O provedor informou um estado desconhecido[: {state}]. Fica registrado, sem efeito.",
    "instance_missing": "O provedor diz que não conhece esta instância.",
    "identity_seen": "A sessão está vinculada a um número[: {phone}].",
    # quality
    "ack_error": "O WhatsApp recusou uma mensagem depois de aceita[ (código {code})].",
    "ack_missing": "Uma mensagem enviada não foi confirmada no tempo esperado.",
    "silence": "Nada chega há mais tempo do que é normal para este número.",
    "list_unheard": "A lista do provedor tem mensagens que nenhum webhook trouxe. Elas estão sendo buscadas.",
    "list_heard": "A lista do provedor não tem nada além do que os webhooks trouxeram.",
    "unlisted": "A lista do servidor não traz esta instância. É só um indício.",
    "webhook_config_ok": "O webhook configurado no provedor aponta para o endereço certo.",
    "webhook_config_gone": "O webhook configurado no provedor não aponta mais para o Esteio.",
    "webhook_unreadable": "Chegou um webhook que não deu para ler. Ele está guardado em /v1/inbox.",
    "request_wrong": "O provedor recusou um pedido nosso[: {detail}]. Isso não diz nada sobre a sessão.",
    "webhook_config_unread": "O provedor não diz para onde manda os eventos[: {detail}].",
    "send_queued": "O provedor aceitou uma mensagem em uma fila dele; ainda não se sabe se ela saiu.",
    "question_asked": "Fizemos uma pergunta que uma conexão morta não responde.",
    "question_unanswerable": "O servidor não tem resposta para isso, ou foi consultado demais: fica para mais tarde.",
    "question_unanswered": "A pergunta não foi respondida a tempo.",
    "question_answered": "A pergunta foi respondida. Isso só conta se antes ela tinha ficado sem resposta.",
    "look_failed": "Uma consulta não trouxe resposta sobre a sessão[: {detail}].",
    # acts and people
    "act_answered": "[{rung}: ]{answer}[ ({detail})].",
    "act_interrupted": "O Esteio parou no meio de um passo[ ({rung})]. Primeiro, o estado é consultado de novo.",
    "operator_paused": "Sessão pausada[ por {who}].",
    "operator_resumed": "Sessão retomada[ por {who}].",
    "operator_recover": "Recuperação pedida[ por {who}].",
    "operator_pair": "Pareamento pedido[ por {who}].",
    "operator_recreate": "Recriação pedida[ por {who}].",
    "operator_logout": "Sessão desconectada[ por {who}].",
    "operator_approved": "Passo aprovado[: {rung}][ por {who}].",
    "operator_rejected": "Passo recusado[: {rung}][ por {who}].",
    "clock_stepped_back": "O relógio desta máquina foi atrasado[ em {seconds}]. Datas posteriores contam como agora.",
    "operator_changed": "Configuração da sessão alterada[: {what}][ por {who}].",
    "created": "A sessão foi criada.",
    "adopted": "Sessão adotada do provedor.[ O webhook anterior ({host}) fica guardado.]",
    # the server
    "server_answered": "O servidor respondeu.",
    "server_slow": "O servidor respondeu com atraso.",
    "server_failed": "O servidor respondeu com erro[: {detail}].",
    "server_html": "O servidor respondeu com uma página da web: talvez um proxy ou um endereço errado.",
    "server_unreachable": "O servidor recusou a conexão.",
    "server_timed_out": "O servidor não respondeu a tempo.",
    "server_wall": "O servidor pede a ativação de uma licença[: {detail}].",
    "server_auth_refused": "O servidor recusou a nossa chave.",
    "server_booted": "O processo do servidor acabou de iniciar.",
    "server_listed": "O servidor informou o que tem[: {sessions:sessão|sessões}][, versão {version}].",
    "server_boot_observed": "O reinício do servidor foi informado[ por {who}].",
    # acts of ours
    "begin": "Passo iniciado[: {rung}][ (tentativa {number})]. {because}",
    "effect": "Funcionou[: {rung}].",
    "no-effect": "Sem efeito[: {rung}][ (tentativa {number})].",
    "refused": "O provedor recusou[: {rung}][ (tentativa {number})].",
    "exists": "Já existia no provedor[: {rung}].",
    "not-reached": "O pedido não chegou ao provedor[: {rung}][ (tentativa {number})].",
    "interrupted": "Interrompido, não se sabe como terminou[: {rung}][ (tentativa {number})].",
    # decisions
    "state": "Estado[: de {from} para {to}]. {because}",
    "outage-started": "Começou uma queda. {because}",
    "gap-read": "Lidas da lista do provedor[: {count:mensagem|mensagens} que nenhum webhook trouxe][ desde {since}].",
    "gap-unknowable": (
        "Não há como saber quantas mensagens se perderam[ desde {since}]: o provedor não guarda lista para conferir."
    ),
    "gap-unread": "O que pode ter se perdido[ desde {since}] não pôde ser buscado na lista do provedor[: {detail}].",
    "outage-ended": "A queda terminou[ depois de {seconds}].",
    "mass-fall": "Várias sessões do servidor {server} caíram juntas[: {count}].",
    "mass-fall-over": "A queda conjunta no servidor {server} terminou[ depois de {seconds}].",
    "canary-healed": "A primeira sessão do servidor {server} voltou; agora as outras, aos poucos.",
    "canary-changed": "Outra sessão do servidor {server} será tentada primeiro.",
    "server-health": "Servidor {server}[: de {from} para {to}]. {because}",
    "server-version": "O servidor {server} agora roda outra versão[: {version}].",
    "approval-asked": "Espera a decisão de uma pessoa[: {rung}]. {because}",
    "approval-stale": "A decisão[ sobre «{rung}»] não é mais necessária.",
    "quarantined": "Os passos acabaram sem efeito; pausa[ de {seconds}].",
    "logout-in-vain": (
        "O servidor {server} recusou o logout de uma conexão morta e nada mudou: nesta versão o passo do plano 001 "
        "não funciona."
    ),
    "server-restart-proposed": "Só o reinício do processo do servidor {server} resolve; isso foi proposto.",
    # notices
    "notice-opened": "Aviso: a sessão caiu. {because}",
    "notice-closed": "Aviso: a sessão voltou[ depois de {seconds}].",
    "notice-arrived": "Aviso entregue[: {target}].",
    "notice-failed": "O aviso não foi entregue depois de várias tentativas[: {target}].",
    "notice-shown": "Nenhum destino de avisos está configurado (notify.targets): o aviso ficou só aqui e no log.",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "rung": {
        "wait": "esperar",
        "connect": "conectar",
        "restart": "reiniciar a sessão",
        "logout": "desvincular o celular",
        "recreate": "apagar e recriar a sessão",
        "create": "criar a sessão",
        "delete": "apagar a sessão",
        "set_webhook": "configurar o webhook",
        "put_back_webhook": "restaurar o webhook anterior",
        "person": "chamar uma pessoa",
    },
    "answer": {
        "ok": "o provedor respondeu ok",
        "no": "o provedor recusou",
        "noop": "o provedor diz que não há o que fazer",
        "exists": "o nome já existe no provedor",
        "missing": "o provedor não conhece a instância",
        "unsupported": "o provedor não oferece isso",
        "unanswered": "sem resposta a tempo",
        "not_reached": "o pedido não chegou",
    },
    "state": {
        "connecting": "conectando",
        "awaiting_qr": "aguardando QR code",
        "connected": "conectada",
        "degraded": "degradada",
        "disconnected": "desconectada",
        "error": "erro",
        "paused": "pausada",
        "up": "no ar",
        "slow": "lento",
        "down": "fora do ar",
        "booting": "iniciando",
        "wall": "bloqueado por licença",
        "unknown": "ainda não visto",
        "refused": "chave recusada",
        "wrong-kind": "outro programa responde ali",
    },
    "fallback": {
        "reason": "Motivo «{code}», sem frase própria.",
        "timeline": "Registro «{code}».",
        "times": "({count:vez|vezes})",
        "state-stays": "Estado[: {to}]. {because}",
    },
}
