"""What every room's tests share: how hypothesis behaves. Rooms keep their own fixtures beside their tests."""

from hypothesis import HealthCheck, settings

# No deadline: no assertion on absolute time, and two workers under coverage share the machine.
settings.register_profile("esteio", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("esteio")
