"""How long the engine lets an endpoint take, per operation.

The published provider stops waiting after 10 minutes (provisioned throughput) or 45 (the rest) and then deletes the
endpoint that it created, so every endpoint has its own, generous limits. Building and placing a model may take 30
minutes or more, a legacy image an hour or more (docs.databricks.com, "Optimized large language model serving"). The
hours below are our choice: long enough that only a real hang reaches them.
"""

from dataclasses import dataclass

from bandplan.serving.throughput.sizing import EndpointSizing

HOUR_SECONDS = 3600
DEFAULT_SECONDS = 4 * HOUR_SECONDS
DEFAULT_LEGACY_SECONDS = 6 * HOUR_SECONDS
DEFAULT_DELETE_SECONDS = HOUR_SECONDS


@dataclass(frozen=True)
class Timeouts:
    """Limits of one endpoint, in seconds."""

    create_seconds: int
    update_seconds: int
    delete_seconds: int

    @property
    def ready_seconds(self) -> int:
        """How long the endpoint may take to be ready, whichever operation changed it."""
        return max(self.create_seconds, self.update_seconds)


def timeouts(sizing: EndpointSizing) -> Timeouts:
    """Return the entry's own limits if stated, else hours: four, six for a legacy workload, one for a delete."""
    default = DEFAULT_LEGACY_SECONDS if sizing.family == "workload" else DEFAULT_SECONDS
    stated = sizing.entry.timeouts
    if stated is None:
        return Timeouts(default, default, DEFAULT_DELETE_SECONDS)
    return Timeouts(
        create_seconds=stated.create_seconds or default,
        update_seconds=stated.update_seconds or default,
        delete_seconds=stated.delete_seconds or DEFAULT_DELETE_SECONDS,
    )
