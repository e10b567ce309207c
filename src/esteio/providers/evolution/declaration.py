"""What has to be said to use an Evolution API server and its instances.

Never lives here: a request, an answer's meaning.
"""

from __future__ import annotations

from esteio.providers.base import Where
from esteio.providers.declaration import SESSION, Declaration, Field

DECLARATION = Declaration(
    label="Evolution",
    ref=(
        Field(
            "instance_name",
            "the instance's name at the server",
            "o nome da instância no servidor",
            default=SESSION,
            example="clinic-prod",
        ),
        Field(
            "token",
            "the instance's own key, which the server tells when it creates it",
            "a chave da própria instância, que o servidor informa ao criá-la",
            secret=True,
            learned=True,
        ),
    ),
    instance="instance_name",
    credentials=(
        Field(
            "apikey",
            "the server's AUTHENTICATION_API_KEY",
            "a AUTHENTICATION_API_KEY do servidor",
            secret=True,
        ),
    ),
    webhook_addresses=("server_url", "serverUrl"),
)


def secrets(where: Where) -> tuple[str, ...]:
    """Every secret that is known for this place, to be kept out of words."""
    return DECLARATION.secrets(where.credentials, where.ref)
