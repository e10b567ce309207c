"""What can be wrong with a server, and what is said of an adoption, in both languages (read as `texts_pt` says).

Never lives here: which of them it is (`core.model.server_reason`).
"""

from __future__ import annotations

from collections.abc import Mapping

PT: Mapping[str, tuple[str, str]] = {
    "webhook-adopted": (
        "A sessão foi adotada: os eventos passam a vir para cá, e o webhook anterior fica guardado.",
        "",
    ),
    "adopted-closed": (
        "A instância existe no provedor e não está conectada. Adotar não mexe nela: nada foi reiniciado.",
        "Use `esteio recover NOME`, ou pareie a sessão com um QR code.",
    ),
    "server-unknown-host": (
        "O endereço do servidor {server} não existe: o nome não pôde ser resolvido (DNS).",
        "Confira o base_url do servidor e o DNS desta máquina; em contêineres, confira o nome do serviço e a rede.",
    ),
    "server-certificate": (
        "O certificado TLS do servidor {server} não foi aceito.",
        (
            "Se ele foi emitido por uma autoridade própria, indique o arquivo dela na variável SSL_CERT_FILE e "
            "reinicie o Esteio; se venceu ou é de outro nome, troque o certificado."
        ),
    ),
    "server-tls": (
        "Não foi possível abrir uma conexão TLS com o servidor {server}.",
        "Confira se o base_url deve ser http em vez de https, e se a porta é a certa.",
    ),
    "server-refused": (
        "O servidor {server} recusa a nossa chave. Nada é perdido: as mensagens esperam aqui.",
        "Confira a chave (apikey) deste servidor e corrija-a em PATCH /v1/servers/{server}.",
    ),
    "server-wrong-path": (
        "No endereço do servidor {server} responde algo que não conhece estas rotas[: {detail}]",
        "Confira o base_url: um caminho a mais ou a menos, outra porta, ou um proxy que responde no lugar dele.",
    ),
    "server-wrong-kind": (
        "O que responde no endereço do servidor {server} não é um servidor {kind}.",
        "Confira o base_url e o tipo (kind) deste servidor.",
    ),
}

EN: Mapping[str, tuple[str, str]] = {
    "webhook-adopted": (
        "The session was adopted: its events come here from now on, and its previous webhook is kept.",
        "",
    ),
    "adopted-closed": (
        "The instance exists at the provider and is not connected. An adoption leaves it alone: nothing was restarted.",
        "Use `esteio recover NAME`, or pair it with a QR code.",
    ),
    "server-unknown-host": (
        "The address of the server {server} does not exist: its name could not be resolved (DNS).",
        "Check the server's base_url and this machine's DNS; in containers, check the service's name and the network.",
    ),
    "server-certificate": (
        "The TLS certificate of the server {server} was not accepted.",
        (
            "If it was issued by an authority of your own, name that authority's file in the variable SSL_CERT_FILE "
            "and restart Esteio; if it has expired or is for another name, replace the certificate."
        ),
    ),
    "server-tls": (
        "No TLS connection to the server {server} could be opened.",
        "Check whether the base_url should be http instead of https, and whether the port is right.",
    ),
    "server-refused": (
        "The server {server} refuses our key. Nothing is lost: messages wait here.",
        "Check this server's key (apikey) and correct it by PATCH /v1/servers/{server}.",
    ),
    "server-wrong-path": (
        "What answers at the address of the server {server} does not know these routes[: {detail}]",
        "Check the base_url: a path too many or missing, another port, or a proxy that answers in its place.",
    ),
    "server-wrong-kind": (
        "What answers at the address of the server {server} is not a {kind} server.",
        "Check the base_url and the kind of this server.",
    ),
}

PT_SEEN: Mapping[str, str] = {
    "server_no_route": "O servidor responde, mas não conhece as rotas deste tipo de servidor.",
    "server_wrong_kind": "O que responde ali não responde como este tipo de servidor.",
    "server_unknown_host": "O nome do servidor não pôde ser resolvido (DNS).",
    "server_certificate_refused": "O certificado TLS do servidor não foi aceito.",
    "server_tls_failed": "A conexão TLS com o servidor falhou.",
}

EN_SEEN: Mapping[str, str] = {
    "server_no_route": "The server answers, and does not know the routes of this kind of server.",
    "server_wrong_kind": "What answers there does not answer as this kind of server does.",
    "server_unknown_host": "The server's name could not be resolved (DNS).",
    "server_certificate_refused": "The server's TLS certificate was not accepted.",
    "server_tls_failed": "The TLS connection to the server failed.",
}
