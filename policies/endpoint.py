"""One endpoint as the rules see it: the inputs of the component `bandplan:index:Endpoint`.

Tokens per second are input and output tokens together. A number is None if it does not apply or is not known yet.
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
    """An endpoint with its entities, demand and settings.

    `is_rolling_out`: the last entity is the wanted version, with all the wanted capacity; the earlier ones are going
    away.
    """

    def where(self, entity: Entity) -> str:
        """Return the start of a message about an entity: its name if there are several.

        The engine itself names the endpoint.
        """
        return "" if len(self.wanted) == 1 else f"entity {entity.served_name}: "

    @property
    def wanted(self) -> tuple[Entity, ...]:
        """The entities that models.yaml declares, without those that a rollout leaves behind."""
        return self.entities[-1:] if self.is_rolling_out else self.entities

    def share(self, entity: Entity) -> Fraction:
        """Return a wanted entity's share of the demand: its traffic, in a rollout the traffic at its end."""
        return Fraction(1) if self.is_rolling_out else Fraction(entity.traffic_percent or 0, 100)

    @property
    def is_sized(self) -> bool:
        """Whether every number of its wanted capacity is known."""
        return all(entity.is_sized for entity in self.wanted)

    @cached_property
    def dated_waivers(self) -> tuple[Waiver, ...]:
        """The endpoint's waivers that have a day; a waiver without one never holds."""
        return dated(self.waivers)


def read_endpoint(name: str, properties: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint in the component's inputs; `name` is that of the resource.

    If the entities are not known yet, the endpoint has one entity with nothing known about it.
    """
    endpoint = read(properties, name, Endpoint)
    if properties.get("entities") == UNKNOWN:
        return replace(endpoint, entities=(Entity(is_sized=False),))
    return endpoint
