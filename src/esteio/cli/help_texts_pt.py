"""The help of the verbs in Brazilian Portuguese, by the English that stands at them. Never lives here: a rule."""

from __future__ import annotations

from collections.abc import Mapping

HELPS: Mapping[str, str] = {
    "Esteio keeps WhatsApp sessions truly alive and loses no message.": (
        "O Esteio mantém as sessões de WhatsApp realmente vivas e não perde nenhuma mensagem."
    ),
    "Print the version.": "Mostra a versão.",
    "Install completion for the current shell.": "Instala o autocompletar no shell atual.",
    "Show completion for the current shell, to copy it or customize the installation.": (
        "Mostra o script de autocompletar do shell atual, para copiar ou adaptar."
    ),
    "Run the gateway. The first start prints an admin key, unless ESTEIO_ADMIN_KEY gives one.": (
        "Roda o gateway. A primeira execução mostra uma chave de administração, a menos que ESTEIO_ADMIN_KEY traga uma."
    ),
    "Run": "Executar",
    "Ask a running gateway (ESTEIO_URL, ESTEIO_KEY)": "Usar um gateway em execução (ESTEIO_URL, ESTEIO_KEY)",
    "Keep": "Guardar",
    "Measure": "Medir",
    "The API and the incoming webhooks. [127.0.0.1:8700]": "A API e os webhooks de entrada. [127.0.0.1:8700]",
    "Folder of the database and secret.key; default: esteio-data.": (
        "Pasta do banco de dados e da secret.key; padrão: esteio-data."
    ),
    "postgresql://…; empty: SQLite in DIR.": "postgresql://…; vazio: SQLite em DIR.",
    "The Evolution door alone, at the root of its own address.": (
        "Só a porta Evolution, na raiz de um endereço próprio."
    ),
    "Settings file; default: ./esteio.toml, if it exists.": (
        "Arquivo de configuração; padrão: ./esteio.toml, se existir."
    ),
    (
        "Simulated providers, the gateway in front of them, five incidents by script; then it serves until "
        "Ctrl-C.\n\nWithout a terminal, or with --headless, exit code 0 means: every session recovered as it "
        "should, and no message was lost or doubled."
    ): (
        "Provedores simulados, o gateway na frente deles e cinco incidentes por roteiro; depois, continua no "
        "ar até Ctrl-C.\n\nSem terminal, ou com --headless, código de saída 0 significa: todas as sessões se "
        "recuperaram como deviam, e nenhuma mensagem se perdeu nem saiu em dobro."
    ),
    "Play the script once, print the summary, and end.": "Roda o roteiro uma vez, mostra o resumo e termina.",
    "Seed of the simulated world: the same number gives the same run.": (
        "Semente do mundo simulado: o mesmo número dá a mesma execução."
    ),
    "The gateway's API. [127.0.0.1:8700, or any free port]": (
        "A API do gateway. [127.0.0.1:8700, ou qualquer porta livre]"
    ),
    "Instead of ESTEIO_LANGUAGE or the locale's.": "No lugar de ESTEIO_LANGUAGE ou do idioma do sistema.",
    "Break this story's world.": "Estraga o mundo desta história.",
    "Run simulated providers until Ctrl-C. Without an address all three run; otherwise the named ones.": (
        "Roda provedores simulados até Ctrl-C. Sem endereço, rodam os três; senão, só os indicados."
    ),
    "An Evolution API 2.3.7. [127.0.0.1:8711]": "Uma Evolution API 2.3.7. [127.0.0.1:8711]",
    "A Baileys REST server. [127.0.0.1:8712]": "Um servidor Baileys REST. [127.0.0.1:8712]",
    "A W-API account. [127.0.0.1:8713]": "Uma conta da W-API. [127.0.0.1:8713]",
    "The control page and /_sandbox.": "A página de controle e /_sandbox.",
    (
        "List the sessions: state, since when, can it send and receive, messages held.\n\nIn a pipe: "
        "tab-separated name, state, since, can_send, can_receive, held, server, phone, reason code."
    ): (
        "Lista as sessões: estado, desde quando, se envia e recebe, mensagens na fila.\n\nEm um pipe, separado "
        "por tab: name, state, since, can_send, can_receive, held, server, phone, código do motivo."
    ),
    "Only this state.": "Só este estado.",
    "Only this server's.": "Só as deste servidor.",
    "Print the gateway's own documents.": "Mostra os documentos JSON do gateway.",
    "Explain why a session is as it is and what happens next, with the evidence.": (
        "Explica por que a sessão está como está e o que acontece agora, com as evidências."
    ),
    "A session's name.": "Nome da sessão.",
    "How many lines of the timeline.": "Quantas linhas da linha do tempo.",
    "Draw the session's QR code, and each new one, until it is scanned. In a pipe: the code's text, once.": (
        "Desenha o QR code da sessão, e cada código novo, até ser lido. Em um pipe: o texto do código, uma vez."
    ),
    "Ask the provider for a new code first.": "Antes, pede um código novo ao provedor.",
    "Draw the current code once and exit.": "Desenha o código atual uma vez e termina.",
    "Write the picture to a file instead.": "Grava a imagem em um arquivo.",
    (
        "Send a text. It is on the gateway's disk before this command ends.\n\nExit code 1 when it failed or "
        "expired. In a pipe: tab-separated id and state."
    ): (
        "Envia um texto. Ele está no disco do gateway antes de este comando terminar.\n\nCódigo de saída 1 "
        "quando falhou ou venceu. Em um pipe, separado por tab: id e state."
    ),
    "A phone number or a chat's id.": "Um número de telefone ou o id de uma conversa.",
    "The text; - reads it from stdin.": "O texto; - lê da entrada padrão.",
    "Seconds to wait for the outcome.": "Segundos de espera pelo resultado.",
    "Sending again with the same key and text sends nothing twice.": (
        "Repetir com a mesma chave e o mesmo texto não envia duas vezes."
    ),
    "Your own reference for the message.": "A sua própria referência para a mensagem.",
    "Approve a destructive step that waits for a person. It unlinks the phone: read `esteio why NAME` first.": (
        "Aprova um passo destrutivo que espera uma pessoa. Ele desvincula o celular: leia antes `esteio why NOME`."
    ),
    "As `esteio why` shows it.": "Como aparece em `esteio why`.",
    "Reject a destructive step that waits for a person. The session is still monitored.": (
        "Recusa um passo destrutivo que espera uma pessoa. A sessão continua observada."
    ),
    "Pause a session: it is monitored but not acted on, and its messages wait.": (
        "Pausa uma sessão: ela é observada, mas o Esteio não mexe nela, e as mensagens esperam."
    ),
    "Resume a paused session; its waiting messages go out.": (
        "Retoma uma sessão pausada; as mensagens que esperam saem."
    ),
    "Check a session now and start its recovery from the first, harmless step.": (
        "Consulta a sessão agora e começa a recuperação pelo primeiro passo, sem risco."
    ),
    (
        "Take over instances that exist at a server, without touching their links. Without names: list what "
        "is there.\n\nThe webhook of an instance is moved to Esteio; `--forward` passes its events on to where "
        "they went before. In a pipe: tab-separated instance, session, result, webhook, detail."
    ): (
        "Adota instâncias que já existem em um servidor, sem mexer no vínculo com o celular. Sem nomes: "
        "lista o que existe lá.\n\nO webhook da instância passa a apontar para o Esteio; `--forward` repassa "
        "os eventos para onde iam antes. Em um pipe, separado por tab: instance, session, result, webhook, "
        "detail."
    ),
    "A server's name.": "Nome de um servidor.",
    "Names of the instances.": "Nomes das instâncias.",
    "Every instance that the server holds.": "Todas as instâncias do servidor.",
    "The instance's present webhook keeps receiving, through Esteio.": (
        "O webhook atual da instância continua recebendo, através do Esteio."
    ),
    "Only show what would happen.": "Só mostra o que aconteceria.",
    "Follow the stream of events until Ctrl-C: one JSON document a line in a pipe, short lines on a terminal.": (
        "Acompanha os eventos até Ctrl-C: um documento JSON por linha em um pipe, linhas curtas em um terminal."
    ),
    "Start after this sequence number.": "Começa depois deste número de sequência.",
    (
        "Send a test notice to each target of `notify.targets`. Exit code 1 when one did not accept "
        "it.\n\nIn a pipe: tab-separated target and `delivered` or `failed`."
    ): (
        "Envia um aviso de teste a cada destino de `notify.targets`. Código de saída 1 quando algum não o "
        "recebeu.\n\nEm um pipe, separado por tab: destino e `delivered` ou `failed`."
    ),
    "Send a test notice to each target.": "Envia um aviso de teste a cada destino.",
    "Export a session's whole journal as lines of JSON, for `esteio replay`. It holds no message texts.": (
        "Exporta o diário inteiro de uma sessão em linhas JSON, para `esteio replay`. Não contém textos de mensagens."
    ),
    "File to write; default: stdout.": "Arquivo de saída; padrão: saída padrão.",
    (
        "Bring the gateway's servers and sessions in line with a file. What the file no longer names "
        "stays.\n\nIn a pipe: tab-separated what, kind, name, detail."
    ): (
        "Deixa os servidores e as sessões do gateway como diz um arquivo. O que o arquivo não cita mais "
        "permanece.\n\nEm um pipe, separado por tab: what, kind, name, detail."
    ),
    "A settings file, e.g. esteio.toml.": "Um arquivo de configuração, por exemplo esteio.toml.",
    "Only show what would change.": "Só mostra o que mudaria.",
    (
        "Check a running gateway and the settings found here. Exit code 1 when something failed.\n\nIn a pipe: "
        "tab-separated result, check, what was seen, what to do, details."
    ): (
        "Verifica um gateway em execução e a configuração encontrada aqui. Código de saída 1 quando algo "
        "falhou.\n\nEm um pipe, separado por tab: resultado, verificação, o que foi visto, o que fazer, "
        "detalhes."
    ),
    (
        "Copy database, media and secret.key into one file, also while the gateway runs; the file is then "
        "checked.\n\nIt holds messages and, unless left out, the key to the providers' credentials: keep it as "
        "safe as the folder itself."
    ): (
        "Copia banco de dados, mídia e secret.key para um arquivo, também com o gateway rodando; depois, o "
        "arquivo é conferido.\n\nEle contém mensagens e, se não for deixada de fora, a chave das credenciais "
        "dos provedores: guarde-o com o mesmo cuidado que a própria pasta."
    ),
    "The new archive, e.g. esteio-2026-11-29.tar.": "O novo arquivo, por exemplo esteio-2026-11-29.tar.",
    "The data folder; default: the one of the settings.": "A pasta de dados; padrão: a da configuração.",
    "Leave secret.key out; keep it elsewhere, or set the key again.": (
        "Deixa a secret.key de fora; guarde-a em outro lugar ou defina a chave de novo."
    ),
    (
        "Make a data folder out of a backup. The folder must be new or empty; start the gateway on it "
        "afterwards.\n\nWith `--waiting expire` what was still to be sent goes to the dead letters, from where "
        "it can be replayed: choose it if the old gateway went on after the backup, for it may have sent "
        "those messages itself."
    ): (
        "Cria uma pasta de dados a partir de um backup. A pasta deve ser nova ou vazia; depois, inicie o "
        "gateway com ela.\n\nCom `--waiting expire`, o que ainda ia sair vai para as dead letters, de onde "
        "pode ser reenviado: escolha isso se o gateway antigo continuou rodando depois do backup, pois ele "
        "pode já ter enviado essas mensagens."
    ),
    "An archive that `esteio backup` made.": "Um arquivo feito por `esteio backup`.",
    "What becomes of messages that were still to be sent when the backup was taken.": (
        "O que fazer com as mensagens que ainda iam sair quando o backup foi feito."
    ),
    "A fleet under seeded faults in virtual time.": (
        "Simula muitas sessões com falhas geradas por uma semente, em tempo virtual."
    ),
    "Judge a recorded journal again and compare.": "Julga de novo um diário gravado e compara.",
    "Measure, and print one JSON line at the end.": "Mede e mostra uma linha JSON no fim.",
    "List the providers' servers; add and remove them.": "Lista, cadastra e remove os servidores dos provedores.",
    "Add a provider's server. W-API accounts need no key here: their tokens belong to the instances.": (
        "Cadastra o servidor de um provedor. Contas W-API não precisam de chave aqui: os tokens são das instâncias."
    ),
    "Its name in Esteio.": "O nome dele no Esteio.",
    "evolution, baileys or wapi.": "evolution, baileys ou wapi.",
    "Its address.": "O endereço dele.",
    "The server's own key; - reads it from stdin. Else ESTEIO_SERVER_APIKEY.": (
        "A chave do servidor; - lê da entrada padrão. Sem ela, vale ESTEIO_SERVER_APIKEY."
    ),
    "Remove a server that has no sessions here any more. Nothing is changed at the server.": (
        "Remove daqui um servidor que não tem mais sessões. Nada muda no servidor."
    ),
    "As `esteio servers` shows it.": "Como aparece em `esteio servers`.",
    "List, add, test and rotate outgoing webhooks.": (
        "Lista, cadastra, testa e troca o segredo dos webhooks de saída."
    ),
    "Subscribe an address. Its signing secret is shown once. In a pipe: id and secret.": (
        "Cadastra um endereço. O segredo das assinaturas é mostrado uma vez. Em um pipe: id e segredo."
    ),
    "Where the events go.": "Para onde vão os eventos.",
    "Only these; may be repeated.": "Só estes; pode ser repetida.",
    "Default: standard.": "Padrão: standard.",
    "Delete a subscription, with its queue.": "Apaga uma assinatura, com a fila dela.",
    "As `esteio webhooks` shows it.": "Como aparece em `esteio webhooks`.",
    "Call the address once with an event `webhook.test`. Exit code 1 when it did not accept it.": (
        "Chama o endereço uma vez com um evento `webhook.test`. Código de saída 1 quando ele não o aceitou."
    ),
    "Create a new signing secret. It is shown once.": ("Cria um novo segredo de assinatura. Ele é mostrado uma vez."),
    "How long the old secret keeps signing as well.": "Por quanto tempo o segredo antigo também assina.",
    "The last deliveries, newest first. In a pipe: tab-separated time, type, attempt, outcome, status, detail.": (
        "As últimas entregas, da mais nova para a mais antiga. Em um pipe, separado por tab: time, type, "
        "attempt, outcome, status, detail."
    ),
    "How many.": "Quantos.",
    "List what failed, expired or could not be delivered; send it again.": (
        "Lista o que falhou, venceu ou não pôde ser entregue; reenvia."
    ),
    "Only this session's.": "Só os desta sessão.",
    "Send again what failed, expired or could not be delivered.": (
        "Reenvia o que falhou, venceu ou não pôde ser entregue."
    ),
    "Only count.": "Só conta.",
    "Create, list and revoke API keys.": "Cria, lista e revoga chaves de API.",
    "Create a key. It is shown once. In a pipe: the key alone.": (
        "Cria uma chave. Ela é mostrada uma vez. Em um pipe: só a chave."
    ),
    "Whose key it is.": "De quem é a chave.",
    "What it may do.": "O que ela pode fazer.",
    "Only these sessions; may be repeated.": "Só estas sessões; pode ser repetida.",
    "When it expires (RFC 3339).": "Quando expira (RFC 3339).",
    (
        "List the keys, without their secrets. In a pipe: tab-separated id, name, role, sessions, "
        "expires_at, revoked_at."
    ): (
        "Lista as chaves, sem os segredos. Em um pipe, separado por tab: id, name, role, sessions, "
        "expires_at, revoked_at."
    ),
    "Revoke a key; it stops working at once.": "Revoga uma chave; ela deixa de funcionar na hora.",
    "As `esteio keys list` shows it.": "Como aparece em `esteio keys list`.",
    (
        "A fleet under seeded faults in virtual time: one table, a column for each policy, and "
        "charts.\n\n`monitor` is not a policy of the gateway but a plain poller, for comparison. Exit code 1: "
        "a rule was broken; the command that repeats it is printed. The result does not depend on the number "
        "of processes."
    ): (
        "Simula muitas sessões com falhas geradas por uma semente, em tempo virtual: uma tabela, uma coluna "
        "por política, e gráficos.\n\n`monitor` não é uma política do gateway, e sim uma simples consulta "
        "periódica, para comparar. Código de saída 1: uma regra foi violada; o comando que repete o caso é "
        "mostrado. O resultado não depende do número de processos."
    ),
    "Number of sessions. [60; in a swarm 20]": "Número de sessões. [60; em um enxame 20]",
    "Hours of virtual time. [12; in a swarm 1]": "Horas de tempo virtual. [12; em um enxame 1]",
    "Seed of the fleet, the traffic and the faults.": "Semente das sessões, do tráfego e das falhas.",
    "May be repeated; default: default, seeds and monitor.": ("Pode ser repetida; padrão: default, seeds e monitor."),
    "Write the report, its charts and numbers here.": "Grava aqui o relatório, com os gráficos e os números.",
    "Run this many small seeds instead, starting at --seed.": (
        "Roda esta quantidade de sementes pequenas, a partir de --seed."
    ),
    "End the swarm after this real time.": "Encerra o enxame depois deste tempo real.",
    "How many gateways share the servers; default: one for five.": (
        "Quantos gateways dividem os servidores; padrão: um para cada cinco."
    ),
    "Processes at a time; default: as many as there are cores.": (
        "Processos ao mesmo tempo; padrão: o número de núcleos."
    ),
    "Judge a recorded journal again: what would be decided now, and where that differs.": (
        "Julga de novo um diário gravado: o que seria decidido agora e onde isso difere."
    ),
    "A journal, as `esteio export` writes it.": "Um diário, como `esteio export` grava.",
    "Instead of the journal's own.": "No lugar da política do próprio diário.",
    "Measure, and print one JSON line at the end (docs/benchmarks.md).": (
        "Mede e mostra uma linha JSON no fim (docs/benchmarks.md)."
    ),
    "From a POST to a settled message, on SQLite, beside the bare loop.": (
        "De um POST até a mensagem resolvida, em SQLite, ao lado do laço puro."
    ),
    "How many messages in a round.": "Quantas mensagens por rodada.",
    "How many different chats.": "Quantas conversas diferentes.",
    "How many sessions they belong to.": "A quantas sessões elas pertencem.",
    "Keep-alive connections of the load.": "Conexões keep-alive da carga.",
    "How many rounds; the figure is the median.": "Quantas rodadas; o número é a mediana.",
    "Run the gateway under cProfile and write it here; the figures mean nothing then.": (
        "Roda o gateway com cProfile e grava aqui; nesse caso os números não valem nada."
    ),
    "Messages handed in, each on disk before its 202, beside a bare durable POST.": (
        "Mensagens recebidas, cada uma no disco antes do 202, ao lado de um POST durável puro."
    ),
    "How long each offered rate is held.": "Por quanto tempo cada taxa é mantida.",
    "Provider webhooks, each on disk before its 200, and on to a subscriber, beside a bare durable POST.": (
        "Webhooks do provedor, cada um no disco antes do 200 e entregue a um assinante, ao lado de um POST "
        "durável puro."
    ),
    "How many webhooks in a round.": "Quantos webhooks por rodada.",
    "Webhooks a second while the subscriber is away.": "Webhooks por segundo enquanto o assinante está fora.",
    "Webhooks a second once it is there.": "Webhooks por segundo depois que ele volta.",
    "What it costs to watch many sessions that are well, in real time.": (
        "Quanto custa observar muitas sessões saudáveis, em tempo real."
    ),
    "How many idle sessions.": "Quantas sessões ociosas.",
    "On how many stub servers.": "Em quantos servidores simulados.",
    "How long it is measured.": "Por quanto tempo se mede.",
    "How often each is probed.": "De quanto em quanto tempo cada uma é consultada.",
    "Minutes of load at half the peak rate: whether memory, tasks or open files grow.": (
        "Minutos de carga na metade da taxa máxima: se crescem a memória, as tarefas ou os arquivos abertos."
    ),
    "How long the load is held.": "Por quanto tempo a carga é mantida.",
    "Messages a second, and as many webhooks; 0: half the peak.": (
        "Mensagens por segundo, e o mesmo de webhooks; 0: metade do pico."
    ),
    "How many of each the peak is found with.": "Com quantas de cada se mede o pico.",
}

FRAME: Mapping[str, str] = {
    "ARGUMENTS_PANEL_TITLE": "Argumentos",
    "OPTIONS_PANEL_TITLE": "Opções",
    "COMMANDS_PANEL_TITLE": "Comandos",
    "DEFAULT_STRING": "[padrão: {}]",
    "REQUIRED_LONG_STRING": "[obrigatório]",
}
"""The words that Typer puts around them, by the name of its constant."""

HELP_OPTION = "Mostra esta ajuda e termina."
