"""The sentences in Brazilian Portuguese, as data. `errors` says how they are read; `texts_en` has the same codes.

`{name}` is a value of the reason or line; a part in `[brackets]` is left out when a value in it is missing. Never
lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from esteio.core.texts_doubt_pt import DOUBTS

REASONS: Mapping[str, tuple[str, str]] = {
    # the session's own state
    "created": ("A sessão foi criada aqui e ainda não se sabe nada dela.", ""),
    "connecting": ("O servidor está abrindo a conexão com o WhatsApp.", ""),
    "live": ("Conectada. A prova mais recente: {evidence}", ""),
    "live-unproved": (
        "Conectada, segundo o provedor. Nada prova ainda que a conexão funciona.",
        "",
    ),
    "suspect": (
        "Um envio ou uma consulta falhou, mas uma vez só não prova queda. Estamos conferindo de perto.",
        "",
    ),
    "ghost-socket": (
        (
            "Conexão temporariamente indisponível. Tentando reconectar... O servidor diz que a sessão está aberta, "
            "mas recusa o que se manda por ela (Connection Closed)."
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
    "reconnecting": ("A conexão caiu e o próprio servidor está reconectando. Damos a ele esse tempo.", ""),
    "closed": ("A conexão caiu e o servidor confirma que está fechada. Tentando reconectar, sem precisar de QR.", ""),
    "closed-for-good": (
        "A sessão está fechada, reiniciá-la não a traz de volta e o provedor não diz por quê.",
        "Veja no celular se o aparelho conectado ainda está lá; se não estiver, leia o QR Code de novo.",
    ),
    "flapping": (
        "A sessão conecta e cai sem parar[ ({count} vezes há pouco)]. Não reiniciamos nada: mexer agora pioraria.",
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
        "Outro programa está usando a mesma conexão deste número (código {code}). Os dois se derrubam.",
        "Encontre e pare o outro: um segundo servidor, um contêiner antigo ou um teste com o mesmo número.",
    ),
    "awaiting-qr": (
        "Nenhum celular está ligado a esta sessão. Há um QR code para ler.",
        "No celular: WhatsApp > Aparelhos conectados > Conectar um aparelho, e leia o QR code.",
    ),
    "awaiting-code": (
        "Nenhum celular está vinculado a esta sessão. O último QR code venceu e o próximo ainda não chegou.",
        "Aguarde o próximo código por alguns segundos; se não vier, peça um novo (parear).",
    ),
    "unpaired": (
        "Nenhum celular está ligado a esta sessão e não há QR code válido.",
        "Peça um novo código (parear) e leia-o com o celular deste número.",
    ),
    "logged-out": (
        "O WhatsApp removeu este aparelho (código {code}): o dono do número ou o próprio WhatsApp o desconectou.",
        "Fale com o dono do número e pareie de novo com um QR code.",
    ),
    "banned": (
        "O WhatsApp bloqueou esta conta (código {code}). Nenhum programa resolve isso.",
        "Abra o WhatsApp no celular, leia o aviso e peça a análise por lá.",
    ),
    "temp-banned": (
        "O WhatsApp suspendeu esta conta por um tempo (código {code}). Nada é reiniciado até o fim da suspensão.",
        "Pare os envios em massa deste número e espere; insistir aumenta o prazo.",
    ),
    "outdated": (
        "O WhatsApp recusa a versão usada por este servidor (código {code}).",
        "Atualize o servidor do provedor. Parear de novo não adianta.",
    ),
    "not-loaded": (
        (
            "O servidor {server} conhece este número e há minutos não o carregou no processo em execução: "
            "nada pode ser enviado, e nenhum passo nosso resolve."
        ),
        "Reinicie o processo do servidor do provedor.",
    ),
    "instance-missing": (
        "O provedor diz que não conhece esta instância.",
        "Se ela não foi apagada de propósito, crie-a de novo (recriar) e leia o QR code.",
    ),
    "provider-refused": (
        "O provedor recusou o pedido[: {detail}]",
        "Corrija o que a mensagem do provedor aponta e mande recriar a sessão.",
    ),
    "provider-slow": ("O provedor ainda não respondeu. O trabalho continua e a sessão se atualiza sozinha.", ""),
    "server-up": ("O servidor {server} voltou a responder.", ""),
    "server-down": (
        "O servidor {server} não está respondendo.[ {detail}]",
        "Olhe o servidor, não os números: veja se ele está ligado, com rede e com memória. As mensagens esperam aqui.",
    ),
    "server-wall": (
        "O servidor {server} não faz nada enquanto não for liberado[: {detail}]",
        "Abra o painel do servidor e ative a licença que ele pede.",
    ),
    "server-mass-fall": (
        (
            "Várias sessões do servidor {server} caíram juntas[ ({count})]. "
            "Tratamos como um só problema: uma volta primeiro, depois as outras, aos poucos."
        ),
        "Veja se o servidor foi reiniciado ou ficou sem rede.",
    ),
    "notice-test": ("Este é um teste: quem lê isto recebe os avisos do Esteio.", ""),
    "server-mass-fall-over": ("As sessões do servidor {server} que caíram juntas voltaram[ ({count})].", ""),
    "wrong-identity": (
        "Esta sessão está ligada ao número {seen}, mas deveria ser o {phone}. Nada é enviado por ela.",
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
            "e vai logo se o destinatário escrever antes."
        ),
        "Nada a fazer. Quem insiste agora arrisca o número.",
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
        "O servidor esqueceu para onde mandar as mensagens que chegam. O endereço está sendo gravado de novo.",
        "",
    ),
    "acks-missing": (
        "O servidor aceita as mensagens, mas o WhatsApp não confirma nenhuma[ ({count} sem confirmação)].",
        "Veja o WhatsApp no celular e pare os envios a contatos novos. Não reinicie.",
    ),
    "unknown-state": (
        "O servidor usou uma palavra de estado desconhecida[: {word}]. Nada é feito por causa dela; olhamos de novo.",
        "",
    ),
    "paused": (
        "Uma pessoa pausou esta sessão. Ela é observada, nada é feito nela e as mensagens esperam.",
        "Quando quiser, retome a sessão.",
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
            "Os passos sem risco não bastaram. O próximo desliga o celular desta sessão e espera a decisão "
            "de uma pessoa.[ Motivo: {cause}]"
        ),
        "Decida em Aprovações: aprovar (será preciso ler um novo QR code) ou recusar.",
    ),
    "code-on-its-way": ("O código para parear foi pedido e está a caminho.", ""),
    # what a destructive step costs
    "cost-logout": (
        "A sessão {session} será desligada do celular: será preciso ler um novo QR code para voltar.",
        "",
    ),
    "cost-recreate": (
        (
            "A sessão {session} será apagada e criada de novo no provedor: perde-se a ligação com o celular e o que o "
            "provedor guarda dela, e será preciso ler um novo QR code."
        ),
        "",
    ),
    "cost-delete": (
        "A sessão {session} será apagada no provedor, com a ligação ao celular e tudo o que ele guarda dela.",
        "",
    ),
    # why a step waits, or is taken
    "boot-grace": ("O servidor acabou de iniciar: por alguns minutos nada de destrutivo é feito.", ""),
    "quarantine": (
        "Os últimos passos não ajudaram[ ({strikes} séries)]. Pausa antes de tentar de novo, cada vez mais longa.",
        "Se você já corrigiu a causa, mande recuperar agora.",
    ),
    "look-first": ("Ninguém viu ainda o que o último passo fez: primeiro vem uma consulta.", ""),
    "memory-stands-still": ("O provedor não mudou de palavra durante o reinício; outro agora poderia fazer mal.", ""),
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
        "O arquivo é maior do que este gateway guarda ({limit} bytes).",
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
        "Corrija a mensagem conforme as palavras do provedor e envie de novo.",
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
            "O provedor aceitou esta mensagem, e ninguém consegue dizer se ela já saiu da fila dele. "
            "Esperamos o bastante: a conversa segue, e esta mensagem pode chegar depois de outras mais novas."
        ),
        "Veja no provedor se a fila dele está parada.",
    ),
    "expired": ("O prazo desta mensagem passou antes que ela pudesse sair.", "Se ainda fizer sentido, reenvie."),
    **DOUBTS,
}

TIMELINE: Mapping[str, str] = {
    # proofs of life
    "message_received": "Chegou uma mensagem: a sessão recebe.",
    "phone_echo_received": "Chegou uma mensagem escrita no celular: a sessão recebe.",
    "receipt_received": "O WhatsApp confirmou a entrega de uma mensagem nossa: a sessão envia.",
    "server_ack_received": "O WhatsApp confirmou o recebimento de uma mensagem nossa: a sessão envia.",
    "round_trip_ok": "O WhatsApp respondeu a uma pergunta por esta sessão: ela envia.",
    "send_accepted": "O provedor aceitou uma mensagem e deu um número a ela.",
    "socket_ok": "A conexão do provedor está aberta.",
    # proofs of death
    "send_closed": "Um envio foi recusado com Connection Closed: não saiu.",
    "socket_closed": "Uma consulta foi recusada com Connection Closed.",
    "round_trip_silent": "O WhatsApp não respondeu por esta sessão a tempo.",
    "logged_out": "O WhatsApp removeu este aparelho (401).",
    "temp_banned": "A conta foi suspensa por um tempo (402).",
    "banned": "A conta foi bloqueada[ ({code})].",
    "outdated": "O WhatsApp recusa a versão deste servidor (405).",
    "replaced": "Outro programa usa a mesma conexão (440).",
    # pairing
    "qr_shown": "O provedor mostra um QR code novo: não há celular ligado.",
    "qr_limit": "O provedor parou de gerar QR codes.",
    "no_qr_yet": "O provedor ainda não tem QR code; isso não é erro.",
    "paired": "O provedor diz que o pareamento deu certo.",
    "unpaired": "O provedor diz que não há celular ligado.",
    # claims
    "said_open": "O provedor diz: aberta. É só um indício.",
    "said_connecting": "O provedor diz: conectando.",
    "said_closed": "O provedor diz: fechada.",
    "said_unknown": "O provedor usou uma palavra de estado desconhecida[: {state}]. Guardada, sem efeito.",
    "instance_missing": "O provedor diz que não conhece esta instância.",
    "identity_seen": "A sessão está ligada ao número {phone}.",
    # quality
    "ack_error": "O WhatsApp recusou uma mensagem depois de aceita[ (código {code})].",
    "ack_missing": "Uma mensagem enviada não foi confirmada no tempo esperado.",
    "silence": "Nada chega há mais tempo do que é normal para este número.",
    "list_unheard": "A lista do provedor tem mensagens de que ninguém nos avisou. Elas estão sendo buscadas.",
    "list_heard": "A lista do provedor não tem nada de que não tenhamos sido avisados.",
    "unlisted": "A lista do servidor não traz esta instância. É só uma pista.",
    "webhook_config_ok": "O provedor manda os eventos para o endereço certo.",
    "webhook_config_gone": "O provedor não manda mais os eventos para nós.",
    "webhook_unreadable": "Chegou um webhook que não deu para ler[: {note}]. Ele está guardado em /v1/inbox.",
    "request_wrong": "O provedor recusou um pedido nosso[: {detail}]. Nada diz sobre a sessão.",
    "send_queued": "O provedor aceitou uma mensagem em uma fila dele; ainda não se sabe se ela saiu.",
    "question_asked": "O provedor foi perguntado pelo que uma conexão morta se recusa a responder.",
    "question_unanswerable": "O servidor não tem resposta para isso, ou é perguntado demais: perguntamos mais tarde.",
    "question_unanswered": "Ninguém respondeu à pergunta a tempo.",
    "question_answered": "A pergunta foi respondida; isso só diz algo onde antes não foi.",
    "look_failed": "Uma consulta não trouxe resposta sobre a sessão[: {detail}].",
    # acts and people
    "act_answered": "Passo respondido: {rung}, {answer}[ ({detail})].",
    "act_interrupted": "O programa parou no meio de um passo[ ({rung})]. Antes de qualquer coisa, olhamos de novo.",
    "operator_paused": "Sessão pausada[ por {who}].",
    "operator_resumed": "Sessão retomada[ por {who}].",
    "operator_recover": "Recuperação pedida[ por {who}].",
    "operator_pair": "Pareamento pedido[ por {who}].",
    "operator_recreate": "Recriação pedida[ por {who}].",
    "operator_logout": "Sessão desconectada[ por {who}].",
    "operator_approved": "Passo aprovado[: {rung}][ por {who}].",
    "operator_rejected": "Passo recusado[: {rung}][ por {who}].",
    "clock_stepped_back": "O relógio daqui foi atrasado[ em {seconds}]. O que tem data posterior vale como de agora.",
    "created": "A sessão foi criada.",
    "adopted": "Uma instância que já existia no provedor foi assumida.",
    # the server
    "server_answered": "O servidor respondeu.",
    "server_slow": "O servidor respondeu com atraso.",
    "server_failed": "O servidor respondeu com erro[: {detail}].",
    "server_html": "O servidor respondeu com uma página para pessoas: um proxy ou um endereço errado.",
    "server_unreachable": "O servidor recusou a conexão.",
    "server_timed_out": "O servidor não respondeu a tempo.",
    "server_wall": "O servidor pede a ativação de uma licença[: {detail}].",
    "server_auth_refused": "O servidor recusou a nossa chave.",
    "server_booted": "O processo do servidor acabou de iniciar.",
    "server_listed": "O servidor disse o que tem[: {sessions} sessões][, versão {version}].",
    "server_boot_observed": "Uma pessoa disse que reiniciou o servidor[: {who}].",
    # acts of ours
    "begin": "Começa: {rung}[, tentativa {number}]. {because}",
    "effect": "Deu resultado: {rung}.",
    "no-effect": "Sem resultado: {rung}[, tentativa {number}].",
    "refused": "O provedor recusou: {rung}[, tentativa {number}].",
    "exists": "Já existia no provedor: {rung}.",
    "not-reached": "O pedido não chegou ao provedor: {rung}[, tentativa {number}].",
    "interrupted": "Ninguém sabe como terminou: {rung}[, tentativa {number}].",
    # decisions
    "state": "Estado: de {from} para {to}. {because}",
    "outage-started": "Começou uma queda. {because}",
    "gap-read": "Lidas de volta na lista do provedor: {count} mensagens que nenhum webhook trouxe[, desde {since}].",
    "gap-unknowable": (
        "Não há como saber quantas mensagens se perderam[ desde {since}]: o provedor não guarda lista para conferir."
    ),
    "gap-unread": "O que pode ter se perdido[ desde {since}] não pôde ser lido de volta[: {detail}].",
    "outage-ended": "A queda terminou[ depois de {seconds}].",
    "mass-fall": "Várias sessões do servidor {server} caíram juntas[: {count}].",
    "mass-fall-over": "A queda conjunta no servidor {server} terminou[ depois de {seconds}].",
    "canary-healed": "A primeira sessão do servidor {server} voltou; agora as outras, aos poucos.",
    "canary-changed": "Outra sessão do servidor {server} é tentada primeiro.",
    "server-health": "Servidor {server}: de {from} para {to}. {because}",
    "server-version": "O servidor {server} agora roda a versão {version}.",
    "approval-asked": "Espera a decisão de uma pessoa: {rung}. {because}",
    "approval-stale": "A decisão sobre «{rung}» não é mais necessária.",
    "quarantined": "Os passos acabaram sem resultado; pausa[ de {seconds}].",
    "logout-in-vain": (
        "O servidor {server} recusou o logout de uma conexão morta e nada mudou: nesta versão o passo do plano 001 "
        "não funciona."
    ),
    "server-restart-proposed": "Só o reinício do processo do servidor {server} resolve; isso foi proposto.",
    # notices
    "notice-opened": "Aviso: a sessão caiu. {because}",
    "notice-closed": "Aviso: a sessão voltou[ depois de {seconds}].",
    "notice-arrived": "Aviso entregue: {target}.",
    "notice-failed": "O aviso não foi entregue depois de várias tentativas: {target}.",
    "notice-shown": "Nenhum destino de avisos está configurado (notify.targets): o aviso ficou só aqui e no log.",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "rung": {
        "wait": "esperar",
        "connect": "conectar",
        "restart": "reiniciar a sessão",
        "logout": "desconectar do celular",
        "recreate": "apagar e recriar",
        "create": "criar",
        "delete": "apagar",
        "set_webhook": "gravar o endereço dos eventos",
        "person": "chamar uma pessoa",
    },
    "answer": {
        "ok": "o provedor disse sim",
        "no": "o provedor disse não",
        "noop": "o provedor diz que não há o que fazer",
        "exists": "o nome já existe no provedor",
        "missing": "o provedor não conhece a instância",
        "unsupported": "o provedor não sabe fazer isso",
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
    },
    "fallback": {
        "reason": "Motivo «{code}», sem frase própria.",
        "timeline": "Registro «{code}».",
        "times": "({count} vezes)",
        "unknown": "?",
    },
}
