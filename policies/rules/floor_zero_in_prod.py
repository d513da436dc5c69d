"""A floor of 0: the first request after a quiet time waits for a scale-up (S12)."""

from collections.abc import Iterator

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding
from bandplan.policies.fitting import Bound, suggestion
from bandplan.policies.rule import EndpointRule, Settings

ID = "floor-zero-in-prod"


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Find bands that start at 0, and legacy compute that scales to zero."""
    for entity in endpoint.entities:
        if entity.min_bands == 0 or (entity.min_bands is None and entity.floor_tokens_per_second == 0):
            step = "write bands with min: 1" if entity.max_bands is None else suggestion(endpoint, entity, settings)
            yield Finding(
                f"{endpoint.where(entity)}the band starts at 0 chunks, so the first request waits for a scale-up; "
                f"{step}"
            )
        elif entity.scale_to_zero:
            yield Finding(
                f"{endpoint.where(entity)}scales to zero, so the first request waits for a scale-up; "
                "write scale_to_zero: false"
            )


def bounds(_endpoint: Endpoint, _entity: Entity, _settings: Settings) -> Iterator[Bound]:
    """Require a min of at least one chunk."""
    yield Bound("least min", 1, ID)


RULE = EndpointRule(
    ID, "No endpoint scales to zero: at least one chunk is always provisioned.", "advisory", check, bounds=bounds
)
