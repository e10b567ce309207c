"""The style and the script, as files with an ETag. Nothing of a page comes from elsewhere. Never lives here: a page."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FILES = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in KINDS}
"""Name → bytes."""
TAGS = {name: f'"{hashlib.sha256(body).hexdigest()[:16]}"' for name, body in FILES.items()}
VERSION = hashlib.sha256("".join(TAGS.values()).encode()).hexdigest()[:8]
"""Changes with any of them: pages name them with it, so that a browser never mixes two releases."""
