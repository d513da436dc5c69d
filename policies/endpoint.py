"""One endpoint as the rules see it: the inputs of the component `bandplan:index:Endpoint`.

Tokens per second are input and output tokens together. A number is None where it does not apply, or is not known yet.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from bandplan.policies.waiver import Waiver, dated
from bandplan.wire import endpoint as wire
from bandplan.wire.endpoint import Entity
from bandplan.wire.endpoint import read_endpoint as read
from bandplan.wire.sentinels import UNKNOWN

__all__ = ["Endpoint", "Entity", "read_endpoint"]


class Endpoint(wire.Endpoint):
    """`is_rolling_out`: the last entity is the version that is wanted, with all that is wanted; those before it go."""

    def where(self, entity: Entity) -> str:
        """How a message about an entity begins: the engine names the endpoint, so with the entity of several alone."""
        return "" if len(self.wanted) == 1 else f"entity {entity.served_name}: "

    @property
    def wanted(self) -> tuple[Entity, ...]:
        """What models.yaml asks for: the entities, but for those that a rollout leaves behind."""
        return self.entities[-1:] if self.is_rolling_out else self.entities

    def share(self, entity: Entity) -> Fraction:
        """The part of the demand that a wanted entity is there for: its traffic, or in a rollout that of its end."""
        return Fraction(1) if self.is_rolling_out else Fraction(entity.traffic_percent or 0, 100)

    @property
    def is_sized(self) -> bool:
        """Whether every number of its wanted capacity is known."""
        return all(entity.is_sized for entity in self.wanted)

    @cached_property
    def dated_waivers(self) -> tuple[Waiver, ...]:
        """Its waivers, with their day; one without a day holds on none."""
        return dated(self.waivers)


def read_endpoint(name: str, properties: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint in the component's inputs; `name` is that of the resource.

    Where it is not known yet which entities there are, there is one of which nothing is known.
    """
    endpoint = read(properties, name, Endpoint)
    if properties.get("entities") == UNKNOWN:
        return replace(endpoint, entities=(Entity(is_sized=False),))
    return endpoint
