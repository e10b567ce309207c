"""`python -m esteio`: the same as the command `esteio`. Nothing else lives here."""

from __future__ import annotations

from esteio.cli import main

if __name__ == "__main__":
    main()
