"""What has to be said to use an Evolution API server and its instances.

Never lives here: a request, an answer's meaning.
"""

from __future__ import annotations

from esteio.providers.base import SessionEndpoint
from esteio.providers.declaration import SESSION, Declaration, Field

DECLARATION = Declaration(
    label="Evolution",
    ref=(
        Field("instance_name", default=SESSION, example="clinic-prod"),
        Field("token", secret=True, learned=True),
    ),
    instance="instance_name",
    credentials=(Field("apikey", secret=True),),
    webhook_addresses=("server_url", "serverUrl"),
)


def secrets(where: SessionEndpoint) -> tuple[str, ...]:
    """Every secret that is known for this place, to be kept out of words."""
    return DECLARATION.secrets(where.credentials, where.ref)
