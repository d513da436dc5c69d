"""One endpoint as the rules see it: the inputs of the component `bandplan:index:Endpoint`.

Tokens per second are input and output tokens together. A number is None where it does not apply, or is not known yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from bandplan.policies.plain import flag, number, record, records, text, texts, whole
from bandplan.policies.waiver import Waiver, read_waivers
from bandplan.wire.sentinels import UNKNOWN, is_unknown

_SIZES: Final = (
    "chunkTokensPerSecond",
    "minBands",
    "maxBands",
    "floorTokensPerSecond",
    "ceilingTokensPerSecond",
    "modelUnits",
)


@dataclass(frozen=True, slots=True)
class Entity:
    """One served entity; `is_sized` is False while its numbers hang on a version that is still to be registered."""

    served_name: str
    model: str
    alias: str
    traffic_percent: int
    chunk_tokens_per_second: int | None
    min_bands: int | None
    max_bands: int | None
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    model_unit_chunk_size: int | None
    burst: bool
    workload: str
    scale_to_zero: bool
    is_sized: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what; `principal` is a group, a user or a service principal."""

    principal: str
    is_group: bool
    level: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`has_gateway`: whether an AI gateway is stated at all; `inference_table` is empty where none is on.

    `is_rolling_out`: the last entity is the version that is wanted, with all that is wanted; those before it go.
    """

    name: str
    task: str
    family: str
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    estimated_tokens_per_second: float | None
    demand_tokens_per_second: Fraction | None
    headroom_percent: Fraction | None
    entities: tuple[Entity, ...]
    tags: Mapping[str, str]
    waivers: tuple[Waiver, ...]
    access: tuple[Access, ...]
    has_gateway: bool
    tracks_usage: bool
    inference_table: str
    region: str
    is_rolling_out: bool

    def where(self, entity: Entity) -> str:
        """How a message about an entity begins: the engine names the endpoint, so with the entity of several alone."""
        return "" if len(self.wanted) == 1 else f"entity {entity.served_name}: "

    @property
    def wanted(self) -> tuple[Entity, ...]:
        """What models.yaml asks for: the entities, but for those that a rollout leaves behind."""
        return self.entities[-1:] if self.is_rolling_out else self.entities

    def share(self, entity: Entity) -> Fraction:
        """The part of the demand that a wanted entity is there for: its traffic, or in a rollout that of its end."""
        return Fraction(1) if self.is_rolling_out else Fraction(entity.traffic_percent, 100)

    @property
    def is_sized(self) -> bool:
        """Whether every number of its wanted capacity is known."""
        return all(entity.is_sized for entity in self.wanted)


def read_endpoint(name: str, properties: Mapping[str, Any]) -> Endpoint:
    """An endpoint from the component's inputs; `name` is that of the resource."""
    demand = number(properties, "demandTokensPerSecond")
    headroom = number(properties, "headroomPercent")
    gateway = record(properties, "gateway")
    return Endpoint(
        name=text(properties, "name") or name,
        task=text(properties, "task"),
        family=text(properties, "family"),
        floor_tokens_per_second=whole(properties, "floorTokensPerSecond"),
        ceiling_tokens_per_second=whole(properties, "ceilingTokensPerSecond"),
        model_units=whole(properties, "modelUnits"),
        estimated_tokens_per_second=number(properties, "estimatedTokensPerSecond"),
        # The shortest decimal that is this double is what models.yaml came to: 2764.8, not 2764.800000000000181.
        demand_tokens_per_second=None if demand is None else Fraction(repr(demand)),
        headroom_percent=None if headroom is None else Fraction(repr(headroom)),
        entities=tuple(_entity(item) for item in _entities(properties)),
        tags=texts(properties, "tags"),
        waivers=read_waivers(properties),
        access=tuple(_access(item) for item in records(properties, "access")),
        has_gateway="gateway" in properties,
        tracks_usage=flag(gateway, "tracksUsage"),
        inference_table=text(gateway, "inferenceTable"),
        region=text(properties, "region"),
        is_rolling_out="rollout" in properties,
    )


def _entities(properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where it is not known yet which there are, one of which nothing is known."""
    if properties.get("entities") == UNKNOWN:
        return [dict.fromkeys(_SIZES, UNKNOWN)]
    return records(properties, "entities")


def _entity(item: Mapping[str, Any]) -> Entity:
    percent = whole(item, "trafficPercent")
    return Entity(
        served_name=text(item, "servedName"),
        model=text(item, "model"),
        alias=text(item, "alias"),
        traffic_percent=0 if percent is None else percent,
        chunk_tokens_per_second=whole(item, "chunkTokensPerSecond"),
        min_bands=whole(item, "minBands"),
        max_bands=whole(item, "maxBands"),
        floor_tokens_per_second=whole(item, "floorTokensPerSecond"),
        ceiling_tokens_per_second=whole(item, "ceilingTokensPerSecond"),
        model_units=whole(item, "modelUnits"),
        model_unit_chunk_size=whole(item, "modelUnitChunkSize"),
        burst=flag(item, "burst"),
        workload=" ".join(filter(None, (text(item, "workloadType"), text(item, "workloadSize")))),
        scale_to_zero=flag(item, "scaleToZero"),
        is_sized=not any(is_unknown(item.get(key)) for key in _SIZES),
    )


def _access(item: Mapping[str, Any]) -> Access:
    group = text(item, "groupName")
    principal = group or text(item, "userName") or text(item, "servicePrincipalName")
    return Access(principal, bool(group), text(item, "permissionLevel"))
