"""What every room's tests share: how hypothesis behaves, and modules beside this file. Rooms keep their fixtures."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# No deadline: no assertion on absolute time, and two workers under coverage share the machine.
settings.register_profile("esteio", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esteio")
