"""Which face speaks for which kind of server. Never lives here: a dialect's words."""

from __future__ import annotations

from esteio.sim.face_baileys import BaileysFace
from esteio.sim.face_evolution import EvolutionFace
from esteio.sim.face_wapi import WapiFace
from esteio.sim.server import Face, SimServer


def face_for(server: SimServer) -> Face:
    """The HTTP side of a server of this kind; ValueError for an unknown kind."""
    if server.kind == "evolution":
        return EvolutionFace(server)
    if server.kind == "baileys":
        return BaileysFace(server)
    if server.kind == "wapi":
        return WapiFace(server)
    raise ValueError(f"no face for servers of kind {server.kind!r}; known: evolution, baileys, wapi")
