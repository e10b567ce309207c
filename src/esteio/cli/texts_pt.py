"""The command line's own sentences in Brazilian Portuguese, as data; `texts_en` has the same keys.

Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # the way to the gateway
    "no-key": "Falta a chave: ponha em ESTEIO_KEY uma chave do Esteio (o primeiro `esteio serve` mostra uma).",
    "bad-key": "ESTEIO_KEY não pode ser uma chave: tem caracteres que nenhum cabeçalho HTTP leva.",
    "bad-url": "ESTEIO_URL deve ser http://HOST:PORTA ou https://HOST, e não {url!r}.",
    "unreachable": (
        "Nenhum gateway responde em {url} ({why}). O `esteio serve` está rodando lá? ESTEIO_URL diz onde procurar."
    ),
    "timed-out": "O gateway em {url} não respondeu em {seconds} s.",
    "broken-answer": "A resposta de {url} foi cortada ({why}).",
    "not-esteio": "Quem respondeu não é o Esteio (status {status}, {kind}). ESTEIO_URL deve apontar para o gateway.",
    "refused": "{text} ({code}).",
    # serve
    "settings": "A configuração não pode ser usada: {why}",
    "notify-target": (
        "O destino de avisos nº {number} (notify.targets, ESTEIO_NOTIFY) não é um endereço que o Apprise conheça. "
        "Exemplo: mailto://usuario:senha@example.com, tgram://TOKEN/CHAT."
    ),
    "port-in-use": "{listen} já está em uso por outro programa. Escolha outro endereço com --listen.",
    "cannot-listen": "Não é possível escutar em {listen}: {why}.",
    "data-locked": "Outro Esteio está rodando com {data}. A pasta de dados é de um processo só; pare o outro antes.",
    "newer-database": (
        "O banco de dados em {data} foi gravado por um Esteio mais novo (esquema {found}; este conhece {known}). "
        "Volte a instalar aquela versão; nada foi alterado."
    ),
    "store-full": "Não é possível gravar no banco de dados em {data}: disco cheio ou somente leitura? ({why})",
    "damaged-database": (
        "O banco de dados em {data} está danificado ({why}). Nada foi alterado. Restaure um backup em uma pasta nova "
        "com `esteio restore` e guarde esta."
    ),
    "readable-by-others": "Atenção: outros usuários desta máquina podem ler {path}. Corrija com: chmod 600 {path}",
    "data-unusable": "O diretório {data} não pode ser usado: {why}.",
    "vault": "A chave dos segredos guardados (secret.key) não pode ser usada: {why}.",
    "gave-up": "O gateway parou porque uma parte dele falhou várias vezes: {why}. Inicie de novo; nada se perdeu.",
    "serving": "Esteio {version} pronto: {url}",
    "admin-key": "Chave de administração, mostrada só agora: {key}",
    "sandbox-ready": "Provedores simulados; Ctrl-C encerra.",
    "sandbox-key": "Chave dos servidores: {key}",
    "sandbox-page": "Página de controle",
    "bad-address": "Um endereço deve ser HOST:PORTA, e não {address!r}.",
    "sandbox-try": "Experimente:",
    "no-door": "Um endereço próprio para a porta Evolution (door.listen) não existe nesta versão.",
    # backup, restore
    "backup.done": (
        "Backup em {file} ({size}), com o estado de {at}. Sessões: {sessions}; mensagens: {messages}; arquivos de "
        "mídia: {media}."
    ),
    "backup.no-key": "A secret.key não está nele: guarde-a à parte; sem ela, as credenciais dos provedores se perdem.",
    "backup.no-database": "Não há banco de dados do Esteio em {data}. Indique a pasta com --data.",
    "backup.file-exists": "{file} já existe, e um backup não substitui outro. Escolha outro nome.",
    "backup.not-empty": "A pasta {data} não está vazia. Restaure em uma pasta nova; a antiga fica como está.",
    "backup.damaged": "Está danificado e não pode ser usado: {why}.",
    "backup.not-a-backup": "{file} não é um backup feito por `esteio backup` ({why}).",
    "backup.newer-backup": "{file} foi feito por um Esteio mais novo ({why}). Instale aquela versão.",
    "backup.io": "Não foi possível ler ou gravar {file}: {why}.",
    "restore.done": (
        "Restaurado em {data} ({size}), com o estado de {at}. Sessões: {sessions}; mensagens: {messages}; arquivos de "
        "mídia: {media}."
    ),
    "restore.waiting.one": (
        "1 mensagem ainda esperava para sair. Se o Esteio antigo continuou rodando depois do backup, ela pode sair de "
        "novo: restaure com --waiting expire para decidir depois."
    ),
    "restore.waiting.many": (
        "{n} mensagens ainda esperavam para sair. Se o Esteio antigo continuou rodando depois do backup, elas podem "
        "sair de novo: restaure com --waiting expire para decidir depois."
    ),
    "restore.no-key": "O backup veio sem a secret.key: copie a sua para {data}, ou defina ESTEIO_SECRET_KEY.",
    "declared-left-out": (
        "A sessão {name} continua como estava, embora a configuração declare outra coisa: {why} "
        "A próxima inicialização tenta de novo."
    ),
    "empty-beside-key": (
        "Atenção: {data} já tinha uma secret.key ou mídia, mas o banco de dados está vazio. Se você copiou a pasta, "
        "provavelmente faltou o esteio.db-wal, onde estão os dados mais novos. Pare o Esteio e use `esteio backup` e "
        "`esteio restore`."
    ),
    # servers, webhooks, notices, declared
    "head.kind": "TIPO",
    "head.health": "SAÚDE",
    "head.version": "VERSÃO",
    "head.at-server": "NO SERVIDOR",
    "head.address": "ENDEREÇO",
    "head.instance": "INSTÂNCIA",
    "head.session": "SESSÃO",
    "head.result": "RESULTADO",
    "head.webhook": "WEBHOOK",
    "head.waiting": "NA FILA",
    "head.format": "FORMATO",
    "head.url": "URL",
    "head.at": "QUANDO",
    "head.type": "EVENTO",
    "head.attempt": "TENTATIVA",
    "head.status": "STATUS",
    "head.change": "MUDANÇA",
    "head.detail": "DETALHE",
    "head.target": "DESTINO",
    "server-added": "Servidor {name} cadastrado.",
    "server-removed": "Servidor {name} removido daqui.",
    "adopt-both": "Use os nomes ou --all, não os dois.",
    "adopt.adopted": "adotada",
    "adopt.would-adopt": "seria adotada",
    "adopt.already-adopted": "já adotada",
    "adopt.instance-missing": "não existe lá",
    "adopt.refused": "recusada",
    "webhook-secret": "Webhook {id}. O segredo das assinaturas é mostrado só agora:",
    "webhook-removed": "Webhook {id} removido.",
    "webhook-test.good": "Recebido (status {status}).",
    "webhook-test.bad": "Não recebido (status {status}). {detail}",
    "apply.nothing": "Nada a mudar: o gateway já está como o arquivo diz.",
    "notify-how": "Use `esteio notify --test`.",
    "notify-none": "Nenhum destino de avisos está configurado (notify.targets, ESTEIO_NOTIFY).",
    "notify.delivered": "entregue",
    "notify.failed": "não entregue",
    "approve-done": "Aprovado para {session}: {rung}.",
    "reject-done": "Recusado para {session}: {rung}.",
    "no-postgres": (
        "O PostgreSQL ainda não funciona nesta versão. Deixe database (ESTEIO_DATABASE) vazio: os dados "
        "ficam em SQLite, na pasta de dados."
    ),
    "no-admin": (
        "Atenção: não há nenhuma chave de administração válida neste gateway. Inicie uma vez com ESTEIO_ADMIN_KEY "
        "(16 caracteres ou mais) e crie outra com `esteio keys create NOME --role admin`."
    ),
    # tables
    "head.id": "ID",
    "head.name": "NOME",
    "head.state": "ESTADO",
    "head.since": "DESDE",
    "head.sends": "ENVIA",
    "head.receives": "RECEBE",
    "head.held": "NA FILA",
    "head.server": "SERVIDOR",
    "head.phone": "NÚMERO",
    "head.reason": "MOTIVO",
    "head.role": "PAPEL",
    "head.sessions": "SESSÕES",
    "head.expires": "EXPIRA",
    "head.revoked": "REVOGADA",
    "answer.yes": "sim",
    "answer.no": "não",
    "answer.unknown": "incerto",
    "sessions.one": "1 sessão",
    "sessions.many": "{n} sessões",
    # qr
    "pairing": "Pedindo um código para {name} …",
    "qr-scan": "No celular: WhatsApp > Aparelhos conectados > Conectar um aparelho. Vale até {until}.",
    "qr-not-needed": "{name} não precisa de QR code: o estado é “{state}”.",
    "qr-none": "Não há QR code válido para {name} ({state}: {reason}) `esteio qr {name} --pair` pede um.",
    "qr-saved": "Imagem do código em {file}. Abra e leia com o celular antes que expire.",
    "qr-linked": "{name} foi vinculada ao celular. Pronto.",
    "qr-too-large": (
        "O código precisa de {rows} linhas e {columns} colunas: aumente o terminal, diminua a letra, ou use "
        "--png ARQUIVO."
    ),
    "qr-picture-only": "O provedor só entregou a imagem deste código, sem o texto: use --png ARQUIVO, ou um terminal.",
    # send, approve, keys
    "send-in-doubt": (
        "A resposta do gateway não chegou, e não há como saber se ele aceitou a mensagem. "
        "Envie de novo com --idempotency-key {key}: ela não sai duas vezes."
    ),
    "message.queued": "Aceita; aguarda a vez.",
    "message.sending": "Aceita; está sendo enviada.",
    "message.held": "Aceita e guardada; sai quando a sessão voltar.",
    "message.in_doubt": "Em dúvida: ainda não se sabe se saiu. O Esteio está verificando.",
    "message.sent": "Enviada.",
    "message.delivered": "Entregue.",
    "message.read": "Lida.",
    "message.failed": "Falhou.",
    "message.expired": "Expirou antes de poder ser enviada.",
    "message.cancelled": "Foi cancelada.",
    "key-made": "Chave {id}; é mostrada só agora:",
    "key-revoked": "Chave {id} revogada.",
    # why
    "why.since": "desde {at} ({ago})",
    "why.where": "{phone} no servidor {server}, política {policy}",
    "why.no-phone": "número desconhecido",
    "why.cause": "Por quê",
    "why.outage": "Queda desde {since} ({ago}): {because}",
    "why.outage-again": "Queda desde {since} ({ago}), voltou e caiu de novo (vezes: {times}): {because}",
    "why.server": "O servidor {server} está {state}: {because}",
    "why.person": "O que você pode fazer",
    "why.approval": "Espera a sua decisão: {rung}.",
    "why.cost": "Consequência: {cost}",
    "why.resume": "Retome quando quiser: `esteio resume {name}`.",
    "why.nothing": "Você não precisa fazer nada.",
    "why.next": "O que acontece agora",
    "why.plan-works": "Nada precisa ser feito. A sessão é observada.",
    "why.plan-watch": "Nenhum passo está previsto. A sessão segue observada, e qualquer sinal de vida conta na hora.",
    "why.plan-paused": "Nada é feito nela até que alguém a retome. Ela continua observada.",
    "why.plan-wait": "Por enquanto, só esperar. Próxima consulta ou passo: {when}.",
    "why.plan-person": "Os passos sem risco acabaram: falta alguém decidir. A sessão continua observada ({when}).",
    "why.plan-rung": "A recuperação está em: {rung}, tentativa {attempt}. Próxima consulta ou passo: {when}.",
    "why.when-at": "às {at} (em {ahead})",
    "why.when-now": "agora",
    "why.when-news": "assim que houver novidade",
    "why.held.one": "1 mensagem espera aqui e sai quando a sessão voltar.",
    "why.held.many": "{n} mensagens esperam aqui e saem, em ordem, quando a sessão voltar.",
    "why.proof": "Evidências",
    "why.sends": "Consegue enviar",
    "why.receives": "Consegue receber",
    "why.restart": "Último reinício: {at} (há {ago})",
    "why.history": "O que foi visto, decidido e feito",
    # doctor
    "doctor.reach": "gateway",
    "doctor.reach-ok": "responde em {url}",
    "doctor.key": "chave",
    "doctor.key-ok": "chave válida, papel {role}",
    "doctor.key-partly": "chave válida, mas não é de administração: {role}",
    "doctor.key-limited": "sem papel admin",
    "doctor.key-do": "Algumas verificações abaixo pedem o papel admin ou operate.",
    "doctor.key-bad-do": "Ponha em ESTEIO_KEY uma chave que exista; `esteio keys list` mostra quais são.",
    "doctor.ready": "pronto",
    "doctor.ready-ok": "o banco de dados aceita gravações e todas as tarefas rodam",
    "doctor.ready-fail": "não está pronto: {why}",
    "doctor.ready-do": "Veja o log do gateway; reinicie-o se isso continuar.",
    "doctor.clock": "relógio",
    "doctor.clock-ok": "o relógio do gateway e o desta máquina estão acertados",
    "doctor.clock-off": "o relógio do gateway e o desta máquina diferem em {seconds} s",
    "doctor.clock-do": "Acerte os dois por um servidor NTP: prazos, assinaturas e quedas dependem do relógio.",
    "doctor.settings": "configuração",
    "doctor.settings-ok": "pode ser usada ({source})",
    "doctor.settings-do": "Corrija antes do próximo início: com ela o gateway não inicia.",
    "doctor.settings-none": "o ambiente e os valores padrão",
    "doctor.webhooks": "webhooks de entrada",
    "doctor.webhooks-ok": "os provedores mandam os webhooks para {url}",
    "doctor.webhooks-loopback": (
        "os provedores mandam os webhooks para {url}, que só esta máquina alcança, mas {servers} está em outra"
    ),
    "doctor.webhooks-do": ("Configure ESTEIO_PUBLIC_URL (public_url) com um endereço que o servidor alcance."),
    "doctor.webhooks-any": "os provedores recebem {url} como endereço dos webhooks, mas ele não pode ser chamado",
    "table.narrow": "Terminal estreito: {heads} não couberam (--json mostra tudo).",
    "doctor.notices": "avisos",
    "doctor.notices-ok.one": "1 destino de avisos configurado",
    "doctor.notices-ok.many": "{n} destinos de avisos configurados",
    "doctor.notices-none": "nenhum destino: uma queda só aparece aqui e no log",
    "doctor.notices-do": "Configure notify.targets (ESTEIO_NOTIFY) e teste com `esteio notify --test`.",
    "doctor.servers": "servidores",
    "doctor.servers-none": "nenhum servidor cadastrado ainda",
    "doctor.servers-none-do": "Use `esteio servers add`, ou [[servers]] no esteio.toml.",
    "doctor.server": "servidor {name}",
    "doctor.server-told": "{kind} {version}, {state}",
    "doctor.server-because": "{kind} {version}, {state}: {because}",
    "doctor.server-do": "Verifique o servidor: está rodando, tem rede e memória? As mensagens esperam aqui.",
    "doctor.server-wall-do": "Abra o painel do próprio servidor: ele pede algo antes de funcionar.",
    "doctor.version-unknown": "(versão desconhecida)",
    "doctor.quirks.one": "1 particularidade conhecida",
    "doctor.quirks.many": "{n} particularidades conhecidas",
    "doctor.sessions": "sessões",
    "doctor.sessions-ok": "cadastradas: {n}, nenhuma fora do ar",
    "doctor.sessions-none": "nenhuma sessão cadastrada ainda",
    "doctor.session": "sessão {name}",
    "doctor.session-told": "{state} há {ago}: {text}",
    "doctor.session-wait": "Você não precisa fazer nada; `esteio why {name}` mostra o que acontece agora.",
    "doctor.approval": "aprovação {id}",
    "doctor.approval-told": "{session} espera uma pessoa: {rung}. {cost}",
    "doctor.approval-do": "Leia `esteio why {session}` e depois `esteio approve {id}`, ou `esteio reject {id}`.",
    "doctor.unseen": "não verificado: {why}",
    "doctor.sum-ok": "Está tudo bem.",
    "doctor.sum": "Falhas: {fails}. Avisos: {warns}.",
    "doctor.result.ok": "ok",
    "doctor.result.warn": "aviso",
    "doctor.result.fail": "FALHA",
}
