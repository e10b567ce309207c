"""What is wrong with a server, as a reason that people read: each cause has its own words and its own advice.

Never lives here: which health a server has (`server`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from esteio.core.model.server import Server
from esteio.core.model.state import Reason

_BY_CAUSE: Mapping[str, Reason] = {
    "server_unknown_host": Reason("server-unknown-host"),
    "server_certificate_refused": Reason("server-certificate"),
    "server_tls_failed": Reason("server-tls"),
    "server_html": Reason("server-wrong-path"),
    "server_no_route": Reason("server-wrong-path"),
    "server_wrong_kind": Reason("server-wrong-kind"),
}


def reason(server: Server) -> Reason:
    """Why nothing can be done through it; for `down` without a cause of its own the common sentence names the cause."""
    args = {"server": str(server.name), "detail": server.health_because, "kind": server.kind}
    if server.health == "wall":
        return Reason("server-wall", args | {"detail": server.facts.wall_detail or server.health_because})
    if server.health == "refused":
        return Reason("server-refused", args)
    found = _BY_CAUSE.get(server.health_because) or Reason("server-down")
    return msgspec.structs.replace(found, args=args)
