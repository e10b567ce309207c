"""What has to be said to use a W-API account and its instances.

Never lives here: a request, an answer's meaning.
"""

from __future__ import annotations

from esteio.providers.base import SessionEndpoint
from esteio.providers.declaration import Declaration, Field

DECLARATION = Declaration(
    label="W-API",
    ref=(
        Field("instance_id", example="LITE-ABC123-DEF456"),
        Field("token", secret=True),
    ),
    instance="instance_id",
    proved_by_secret=True,
)


def secrets(where: SessionEndpoint) -> tuple[str, ...]:
    """Every secret that is known for this place, to be kept out of words."""
    return DECLARATION.secrets(where.credentials, where.ref)
