"""How long the property tests look: short in ``make test``, and always at the same sequences; ``--hypothesis-profile=long``."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_ALWAYS = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}

settings.register_profile("short", max_examples=20, stateful_step_count=30, derandomize=True, **_ALWAYS)
settings.register_profile("long", max_examples=1000, stateful_step_count=60, **_ALWAYS)
