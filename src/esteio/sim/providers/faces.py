"""Which face speaks for which kind of server. Never lives here: a dialect's words."""

from __future__ import annotations

from esteio.sim.providers.baileys import BaileysFace
from esteio.sim.providers.evolution.routes import EvolutionFace
from esteio.sim.providers.wapi.routes import WapiFace
from esteio.sim.world.server import Face, SimServer


def face_for(server: SimServer) -> Face:
    """The HTTP side of a server of this kind; ValueError for an unknown kind."""
    if server.kind == "evolution":
        return EvolutionFace(server)
    if server.kind == "baileys":
        return BaileysFace(server)
    if server.kind == "wapi":
        return WapiFace(server)
    raise ValueError(f"no face for servers of kind {server.kind!r}; known: evolution, baileys, wapi")
