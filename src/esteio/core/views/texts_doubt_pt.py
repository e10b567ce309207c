"""The sentences of messages in doubt, in Portuguese, as data; `texts_doubt_en` has the same codes.

See `texts_pt`. Never lives here: a rule.
"""

from __future__ import annotations

from collections.abc import Mapping

DOUBTS: Mapping[str, tuple[str, str]] = {
    "in-doubt": (
        "Não se sabe se esta mensagem saiu: a resposta do servidor não chegou. Estamos procurando antes de reenviar.",
        "",
    ),
    "in-doubt-answered": (
        (
            "Não se sabe se esta mensagem saiu: o servidor falhou durante o envio[: {detail}]. "
            "Estamos procurando antes de reenviar."
        ),
        "",
    ),
    "in-doubt-refused": (
        (
            "Não se sabe se esta mensagem saiu: a recusa do servidor não esclarece[: {detail}]. "
            "Estamos procurando antes de reenviar."
        ),
        "",
    ),
    "in-doubt-proxy": (
        (
            "Não se sabe se esta mensagem saiu: um proxy na frente do servidor respondeu no lugar dele[: {detail}]. "
            "Estamos procurando antes de reenviar."
        ),
        "",
    ),
    "in-doubt-unstored": (
        (
            "Não se sabe se esta mensagem saiu: o banco de dados do servidor falhou[: {detail}]. Nesse caso é comum a "
            "mensagem ter saído sem ser gravada, e por isso a lista do servidor não prova nada."
        ),
        "",
    ),
    "in-doubt-restarted": (
        (
            "Não se sabe se esta mensagem saiu: o processo do servidor parou durante o envio e pode tê-la enviado sem "
            "gravar. A lista do servidor não prova nada."
        ),
        "",
    ),
    "in-doubt-held": (
        (
            "Não foi possível saber se esta mensagem saiu. Para não chegar em dobro, ela não é reenviada sozinha; "
            "a conversa segue sem ela."
        ),
        "Olhe a conversa no celular: se a mensagem não estiver lá, use reenviar.",
    ),
    "in-doubt-held-unstored": (
        (
            "O banco de dados do servidor falhou na hora deste envio[: {detail}]: ela pode ter saído mesmo sem "
            "estar na lista do servidor. Para não chegar em dobro, ela não é reenviada sozinha; a conversa segue."
        ),
        (
            "Olhe a conversa no celular: se a mensagem não estiver lá, use reenviar. "
            "E verifique o banco de dados e o disco do servidor."
        ),
    ),
    "in-doubt-held-restarted": (
        (
            "O processo do servidor parou enquanto enviava esta mensagem: ela pode ter saído mesmo sem estar na lista "
            "do servidor. Para não chegar em dobro, ela não é reenviada sozinha; a conversa segue."
        ),
        "Olhe a conversa no celular: se a mensagem não estiver lá, use reenviar.",
    ),
    "doubts-wait": (
        "Não foi possível saber se estas mensagens saíram[: {count}]. Elas não são reenviadas sozinhas.",
        (
            "Elas estão em dead-letters (estado in_doubt). Olhe cada conversa no celular e use reenviar no que não "
            "estiver lá."
        ),
    ),
    "in-doubt-failed": (
        "Não foi possível saber se esta mensagem saiu, e por isso ela foi dada como falha.",
        "Olhe a conversa no celular antes de reenviar.",
    ),
    "resent-after-doubt": (
        "Não foi possível saber se esta mensagem saiu; pela política, ela é reenviada e pode chegar em dobro.",
        "",
    ),
    "not-sent-after-all": ("A mensagem não estava entre as enviadas: ela é enviada de novo.", ""),
    "not-sent-overtaken": (
        "Esta mensagem com certeza não saiu, e outras da mesma conversa já saíram depois dela.",
        "Se ainda fizer sentido depois delas, reenvie.",
    ),
}
