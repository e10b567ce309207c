"""What has to be said to use a W-API account and its instances.

Never lives here: a request, an answer's meaning.
"""

from __future__ import annotations

from esteio.providers.base import Where
from esteio.providers.declaration import Declaration, Field

DECLARATION = Declaration(
    label="W-API",
    ref=(
        Field(
            "instance_id",
            "the instance's id, as the vendor's panel shows it",
            "o id da instância, como o painel da W-API mostra",
            example="LITE-ABC123-DEF456",
        ),
        Field(
            "token",
            "the instance's own token, beside its id in the panel",
            "o token da própria instância, ao lado do id no painel",
            secret=True,
        ),
    ),
    instance="instance_id",
    proved_by_secret=True,
)


def secrets(where: Where) -> tuple[str, ...]:
    """Every secret that is known for this place, to be kept out of words."""
    return DECLARATION.secrets(where.credentials, where.ref)
