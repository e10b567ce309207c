"""An answer put on the wire, as ASGI wants it. Never lives here: what is answered."""

from __future__ import annotations

from typing import Any

from esteio.api.http.request import ApiResponse, ClientGone


async def send_response(sent: ApiResponse, send: Any, *, head: bool = False) -> None:
    """All of it; `head`: without the body."""
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in sent.headers.items()]
    if sent.stream is None:
        headers.append((b"content-length", str(len(sent.body)).encode()))
    if sent.body or sent.stream:
        headers.append((b"content-type", sent.kind.encode()))
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    if sent.stream is not None and not head:

        async def write(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        try:
            await sent.stream(write)
        except ClientGone:
            # Not even the end is written: who takes nothing would hold it up.
            return
    await send({"type": "http.response.body", "body": b"" if head else sent.body})
