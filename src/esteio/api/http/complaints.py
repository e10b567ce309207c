"""Why a value is refused, as half a sentence in Portuguese and in English: "must be text, not a whole number".

msgspec's own complaints are put into words here; what our code says is English and has its Portuguese in `PORTUGUESE`.
A test finds every phrase of ours that has none. Never lives here: a whole sentence (`problems`), when something is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_KINDS: Mapping[str, tuple[str, str]] = {
    "str": ("text", "texto"),
    "int": ("a whole number", "um número inteiro"),
    "float": ("a number", "um número"),
    "bool": ("true or false", "true ou false"),
    "object": ("an object", "um objeto"),
    "array": ("a list", "uma lista"),
    "null": ("null", "null"),
}
_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`$")
_BOUND = re.compile(r"Expected `\w+(?: \| \w+)*` (>=|<=|>|<) (\S+)$")
_LENGTH = re.compile(r"Expected `(\w+)(?: \| \w+)*` of length (>=|<=|==) (\d+)$")
_FORM = re.compile(r"Expected `str(?: \| \w+)*` matching regex .*$", re.DOTALL)
_SIGNS = {
    ">=": ("at least", "no mínimo"),
    "<=": ("at most", "no máximo"),
    "==": ("exactly", "exatamente"),
    ">": ("more than", "mais que"),
    "<": ("less than", "menos que"),
}

PORTUGUESE: Mapping[str, str] = {
    r"is needed": "é obrigatório",
    r"is empty": "está vazio",
    r"is not valid base64": "não é base64 válido",
    r"belongs to media only": "só existe junto de media",
    r"exactly one of (.+) is needed": "informe exatamente um: {0}",
    r"must not be more than there are options": "não pode ser maior que o número de opções",
    r"must differ from each other": "devem ser diferentes entre si",
    r"must not lie before from": "não pode ser anterior a from",
    r"must lie in the future": "deve estar no futuro",
    r"must be an RFC 3339 time": "deve ser uma data e hora RFC 3339",
    r"must be an RFC 3339 time with its offset \(Z\)": "deve ser uma data e hora RFC 3339 com o fuso (Z)",
    r"must be the `next` of a page of this list": "deve ser o `next` de uma página desta lista",
    r"must not be \. or \.\.": "não pode ser . nem ..",
    r"must not be empty; leave it out to mean all": "não pode ser vazio; omita para valer para todas",
    r"must hold neither a user nor a fragment": "não pode ter usuário nem fragmento",
    r"must not contain a user, query or fragment; credentials have their own field": (
        "não pode ter usuário, query ou fragmento; as credenciais têm campo próprio"
    ),
    r"must be an http or https URL that can be called": "deve ser uma URL http ou https que possa ser chamada",
    r"must be a whole number from (\S+) to (\S+)": "deve ser um número inteiro de {0} a {1}",
    r"contains the character U\+0000": "contém o caractere U+0000",
    r"is (\S+) already and cannot change": "já é {0} e não pode mudar",
    r"is no policy of the settings": "não é uma política da configuração",
    r"holds a header that cannot be sent, or that we set ourselves": (
        "tem um cabeçalho que não pode ser enviado ou que nós mesmos definimos"
    ),
    r"goes with adopt: true": "só existe junto de adopt: true",
    r"the address there holds a user or a fragment, which a subscription may not": (
        "o endereço que está lá tem usuário ou fragmento, o que uma assinatura não aceita"
    ),
    r"the webhook there signs with (\S+), which a subscription cannot": (
        "o webhook que está lá assina com {0}, o que uma assinatura não faz"
    ),
    r"must look like (.+)": "deve ter a forma {0}",
    r"an? (\S.*) session needs (.+)": "uma sessão {0} precisa de {1}",
    r"an? (\S.*) server needs (.+)": "um servidor {0} precisa de {1}",
}
_OURS = tuple((re.compile(pattern), told) for pattern, told in PORTUGUESE.items())


def told(why: str, language: str) -> str:
    """The half sentence in this language; one that nobody knows stays as it is."""
    place = 1 if language.lower().startswith("pt") else 0
    for pattern, words in _FROM_MSGSPEC:
        if found := pattern.match(why):
            return words(found)[place]
    if place:
        for pattern, portuguese in _OURS:
            if found := pattern.fullmatch(why):
                return portuguese.format(*found.groups())
    return why


def _kinds(text: str, place: int) -> str:
    parts = [_KINDS.get(part.strip(), (part.strip(),) * 2)[place] for part in text.split("|")]
    return (" or ", " ou ")[place].join(parts)


def _type(found: re.Match[str]) -> tuple[str, str]:
    return (
        f"must be {_kinds(found[1], 0)}, not {_kinds(found[2], 0)}",
        f"deve ser {_kinds(found[1], 1)}, e não {_kinds(found[2], 1)}",
    )


def _bound(found: re.Match[str]) -> tuple[str, str]:
    english, portuguese = _SIGNS[found[1]]
    return f"must be {english} {found[2]}", f"deve ser {portuguese} {found[2]}"


def _length(found: re.Match[str]) -> tuple[str, str]:
    english, portuguese = _SIGNS[found[2]]
    if found[1] == "str":
        things = ("character", "caractere") if found[3] == "1" else ("characters", "caracteres")
    else:
        things = ("entry", "item") if found[3] == "1" else ("entries", "itens")
    return f"must have {english} {found[3]} {things[0]}", f"deve ter {portuguese} {found[3]} {things[1]}"


def _form(_found: re.Match[str]) -> tuple[str, str]:
    return "contains a character that is not allowed here", "contém um caractere que não é aceito aqui"


_FROM_MSGSPEC: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, str]]], ...] = (
    (_TYPE, _type),
    (_BOUND, _bound),
    (_LENGTH, _length),
    (_FORM, _form),
)
