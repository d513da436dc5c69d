"""The inputs of the component `bandplan:index:Endpoint`: the declared endpoint, in plain figures.

`components/` writes them; the report, the policies and readers of saved states use `read_endpoint`, whichever version
of bandplan wrote them. `format` is their form. It is left out in form 1, which has no number in states from before
`format` existed: a new number would show as a change of every endpoint.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, TypeVar

from bandplan.wire.capacity import FIGURES
from bandplan.wire.names import to_property_name
from bandplan.wire.planned import Planned, read_planned
from bandplan.wire.reader import LENIENT, Reader
from bandplan.wire.sentinels import is_unknown

FORMAT: Final = 1
"""The form that is written, and the latest that can be read."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One served entity. A number is None if it does not apply or is not stated.

    `is_sized` is False while a figure depends on an unregistered version. `burst`: the entity may burst. `planned` is
    what a latency target needs, None without one.
    """

    served_name: str = ""
    model: str = ""
    version: str | None = None
    alias: str | None = None
    traffic_percent: int | None = None
    chunk_tokens_per_second: int | None = None
    min_bands: int | None = None
    max_bands: int | None = None
    floor_tokens_per_second: int | None = None
    ceiling_tokens_per_second: int | None = None
    model_units: int | None = None
    workload: str = ""
    model_unit_chunk_size: int | None = None
    burst: bool = False
    scale_to_zero: bool = False
    is_sized: bool = True
    planned: Planned | None = None

    @property
    def planned_bands(self) -> Planned | None:
        """The band that a latency target needs; None without one, or in another unit."""
        return self.planned if self.planned is not None and self.planned.unit == "bands" else None

    @property
    def planned_units(self) -> Planned | None:
        """The model units that a latency target needs; None without one, or in another unit."""
        return self.planned if self.planned is not None and self.planned.unit == "model_units" else None

    @property
    def size(self) -> tuple[int | str | None, ...]:
        """The capacity to provision for this entity, ignoring version and traffic share."""
        band = (self.min_bands, self.max_bands) if self.floor_tokens_per_second is None else ()
        return (*(getattr(self, figure.name) for figure in FIGURES), *band, self.workload)


@dataclass(frozen=True, slots=True)
class Waiver:
    """A policy or warning that does not apply to an endpoint until a day, an ISO date."""

    policy: str
    expires: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepOfRollout:
    """The split of traffic between two versions: at step `step` of `steps`, the new one has `percent`."""

    step: int
    steps: int
    percent: int
    version: str
    from_version: str
    from_model: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what; `principal` is a group, a user or a service principal."""

    principal: str
    is_group: bool
    level: str


@dataclass(frozen=True)
class Endpoint:
    """A declared endpoint. `accepted_` amounts are acceptable while there is no GPU capacity for more.

    `concurrent_requests` are always in flight, instead of a demand in tokens per second. `has_gateway`: an AI gateway
    is stated; `inference_table` is empty if none is enabled. `is_rolling_out`: a rollout is in progress, or that is not
    known yet; then the last entity is the wanted version.
    """

    name: str
    family: str = ""
    floor_tokens_per_second: int | None = None
    ceiling_tokens_per_second: int | None = None
    model_units: int | None = None
    estimated_tokens_per_second: float | None = None
    demand_tokens_per_second: Fraction | None = None
    concurrent_requests: int | None = None
    headroom: float | None = None
    burst: bool = False
    entities: tuple[Entity, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    accepted_ceiling_tokens_per_second: int | None = None
    accepted_model_units: int | None = None
    step_of_rollout: StepOfRollout | None = None
    task: str = ""
    headroom_percent: Fraction | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    access: tuple[Access, ...] = ()
    has_gateway: bool = False
    tracks_usage: bool = False
    inference_table: str = ""
    region: str = ""
    is_rolling_out: bool = False


Read = TypeVar("Read", bound=Endpoint)

_SIZES: Final = (
    "chunkTokensPerSecond",
    "minBands",
    "maxBands",
    *(figure.property_name for figure in FIGURES),
)


def write(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs of the component, or of one of its entities: names in camelCase, None left out."""
    return {to_property_name(name): value for name, value in values.items() if value is not None}


def read_endpoint(
    inputs: Mapping[str, Any], name: str, make: type[Read], reader: Reader = LENIENT, place: str = ""
) -> Read:
    """Return the endpoint in the component's inputs; `name` is the resource's, `place` where the inputs are."""

    def at(key: str) -> tuple[Any, str]:
        return inputs.get(key), f"{place}.{key}"

    form = LENIENT.whole(*at("format"))
    if form is not None and form > FORMAT:
        reader.note(f"{place}.format", f"found {form}, written by a later bandplan; this one reads up to {FORMAT}")
    gateway = LENIENT.record(*at("gateway"))
    figures: dict[str, Any] = {
        name: reader.whole(*at(to_property_name(name)))
        for name in (
            *(figure.name for figure in FIGURES),
            "accepted_ceiling_tokens_per_second",
            "accepted_model_units",
        )
    }
    return make(
        name=reader.text(*at("name")) or name,
        family=reader.text(*at("family")) or "",
        **figures,
        estimated_tokens_per_second=reader.number(*at("estimatedTokensPerSecond")),
        demand_tokens_per_second=_exact(reader.number(*at("demandTokensPerSecond"))),
        concurrent_requests=LENIENT.whole(*at("concurrentRequests")),
        headroom=reader.number(*at("headroom")),
        burst=reader.flag(*at("burst")),
        entities=tuple(_entity(item, where, reader) for item, where in _records(*at("entities"), reader)),
        waivers=read_waivers(inputs, reader, place),
        step_of_rollout=_step_of_rollout(*at("rollout"), reader),
        task=LENIENT.text(*at("task")) or "",
        headroom_percent=_exact(LENIENT.number(*at("headroomPercent"))),
        tags={key: value for key, value in LENIENT.record(*at("tags")).items() if isinstance(value, str)},
        access=tuple(_access(item) for item, _ in _records(*at("access"), LENIENT)),
        has_gateway="gateway" in inputs,
        tracks_usage=LENIENT.flag(gateway.get("tracksUsage"), ""),
        inference_table=LENIENT.text(gateway.get("inferenceTable"), "") or "",
        region=LENIENT.text(*at("region")) or "",
        is_rolling_out="rollout" in inputs,
    )


def read_waivers(properties: Mapping[str, Any], reader: Reader = LENIENT, place: str = "") -> tuple[Waiver, ...]:
    """Return the waivers of an endpoint's inputs, or of the fleet's outputs."""
    return tuple(
        Waiver(*(reader.text(item.get(key), f"{at}.{key}") or "" for key in ("policy", "expires", "owner", "reason")))
        for item, at in _records(properties.get("waivers"), f"{place}.waivers", reader)
    )


def _records(value: Any, place: str, reader: Reader) -> Iterable[tuple[Mapping[str, Any], str]]:
    for index, item in enumerate(reader.items(value, place)):
        at = f"{place}[{index}]"
        if isinstance(item, Mapping) or reader is not LENIENT:
            yield reader.record(item, at), at


def _entity(item: Mapping[str, Any], place: str, reader: Reader) -> Entity:
    def whole(key: str) -> int | None:
        return reader.whole(item.get(key), f"{place}.{key}")

    def text(key: str) -> str | None:
        return reader.text(item.get(key), f"{place}.{key}")

    return Entity(
        served_name=text("servedName") or "",
        model=text("model") or "",
        version=text("version"),
        alias=text("alias"),
        traffic_percent=whole("trafficPercent"),
        chunk_tokens_per_second=whole("chunkTokensPerSecond"),
        min_bands=whole("minBands"),
        max_bands=whole("maxBands"),
        **_by_name(whole),
        workload=" ".join(filter(None, (text("workloadType"), text("workloadSize")))),
        model_unit_chunk_size=LENIENT.whole(item.get("modelUnitChunkSize"), place),
        burst=LENIENT.flag(item.get("burst"), place),
        scale_to_zero=LENIENT.flag(item.get("scaleToZero"), place),
        is_sized=not any(is_unknown(item.get(key)) for key in _SIZES),
        planned=read_planned(item.get("planned")),
    )


def _by_name(whole: Callable[[str], int | None]) -> dict[str, Any]:
    return {figure.name: whole(figure.property_name) for figure in FIGURES}


def _step_of_rollout(value: Any, place: str, reader: Reader) -> StepOfRollout | None:
    item = reader.record(value, place)
    if not item:
        return None
    step, steps, percent = (reader.whole(item.get(key), f"{place}.{key}") or 0 for key in ("step", "steps", "percent"))
    texts = (reader.text(item.get(key), f"{place}.{key}") or "" for key in ("version", "fromVersion", "fromModel"))
    return StepOfRollout(step, steps, percent, *texts)


def _access(item: Mapping[str, Any]) -> Access:
    group, user, principal, level = (
        LENIENT.text(item.get(key), "") or ""
        for key in ("groupName", "userName", "servicePrincipalName", "permissionLevel")
    )
    return Access(group or user or principal, bool(group), level)


def _exact(number: float | None) -> Fraction | None:
    """Return the shortest decimal that is this double: models.yaml came to 2764.8, not to 2764.800000000000181."""
    return None if number is None else Fraction(repr(number))
