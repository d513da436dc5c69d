"""Settings of hypothesis for a machine that may stall: an example takes as long as it takes."""

from hypothesis import HealthCheck, settings

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
