"""The pytest plugin (entry point `pytest11`): a failed assertion of the suite shows its values, as one's own do.

It is loaded in every pytest run where Esteio is installed, so it imports nothing and adds nothing else.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("esteio.testing.conformance")
