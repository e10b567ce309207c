"""Which dialect speaks for which kind of server, and a world that has them all. Never lives here: a dialect's words."""

from __future__ import annotations

from esteio.sim.clock.virtual_loop import START_EPOCH
from esteio.sim.providers.baileys import BaileysFace
from esteio.sim.providers.evolution.routes import EvolutionFace
from esteio.sim.providers.wapi.routes import WapiFace
from esteio.sim.world.world import Faces, World

FACES: Faces = {"evolution": EvolutionFace, "baileys": BaileysFace, "wapi": WapiFace}


def new_world(seed: int = 0, epoch0: float = START_EPOCH) -> World:
    """A world whose servers may be of every kind that is simulated; `epoch0`: see `Environment`."""
    return World(FACES, seed, epoch0)
