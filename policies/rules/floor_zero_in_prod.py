"""A floor of 0: the first request after a quiet time waits for a scale-up (S12)."""

from collections.abc import Iterator

from policies.endpoint import Endpoint
from policies.finding import Finding
from policies.rule import EndpointRule, Settings


def check(endpoint: Endpoint, _settings: Settings) -> Iterator[Finding]:
    """Bands that start at 0, and legacy compute that scales to zero."""
    for entity in endpoint.entities:
        if entity.min_bands == 0 or (entity.min_bands is None and entity.floor_tokens_per_second == 0):
            most = "" if entity.max_bands is None else f", max: {entity.max_bands}"
            yield Finding(
                f"{endpoint.where(entity)}the band starts at 0 chunks, so the first request waits for a scale-up; "
                f"write bands: {{min: 1{most}}}"
            )
        elif entity.scale_to_zero:
            yield Finding(
                f"{endpoint.where(entity)}scales to zero, so the first request waits for a scale-up; "
                "write scale_to_zero: false"
            )


RULE = EndpointRule(
    "floor-zero-in-prod", "No endpoint scales to nothing: at least one chunk is always there.", "advisory", check
)
