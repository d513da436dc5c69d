"""A stack's fleet as the rules see it: the outputs of the component `bandplan:index:Fleet`, and the stack's own.

Tokens per second are input and output tokens together. A number is None while it hangs on a version that is still to be
registered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.policies.plain import records, text, whole
from bandplan.policies.waiver import Waiver, read_waivers
from bandplan.wire.sentinels import is_unknown


@dataclass(frozen=True, slots=True)
class Share:
    """What the endpoints of one team have of one model. `team` is empty for endpoints without the tag `team`."""

    team: str
    model: str
    family: str
    min_bands: int | None
    max_bands: int | None
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    is_sized: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """One endpoint of the stack's output `endpoints`."""

    name: str
    ceiling_tokens_per_second: int | None
    model_units: int | None
    is_sized: bool


@dataclass(frozen=True, slots=True)
class Fleet:
    """A stack. `endpoints` is None where the stack has no such output."""

    shares: tuple[Share, ...]
    endpoints: tuple[Capacity, ...] | None
    waivers: tuple[Waiver, ...]


def read_fleet(outputs: Mapping[str, Any], stack_outputs: Mapping[str, Any]) -> Fleet:
    """A fleet from the outputs of its component and of the stack."""
    endpoints = read_capacities(stack_outputs["endpoints"]) if "endpoints" in stack_outputs else None
    return Fleet(tuple(map(_share, records(outputs, "capacity"))), endpoints, read_waivers(outputs))


def read_capacities(endpoints: Any) -> tuple[Capacity, ...]:
    """Endpoints in the shape of the stack's output `endpoints`."""
    return tuple(
        Capacity(
            name=text(item, "name"),
            ceiling_tokens_per_second=whole(item, "ceiling_tokens_per_second"),
            model_units=whole(item, "model_units"),
            is_sized=not any(is_unknown(item.get(key)) for key in ("ceiling_tokens_per_second", "model_units")),
        )
        for item in records({"endpoints": endpoints}, "endpoints")
    )


def total(amounts: Iterable[int | None]) -> int:
    """The sum of those that are known."""
    return sum(amount for amount in amounts if amount is not None)


def _share(item: Mapping[str, Any]) -> Share:
    sizes = ("minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond", "modelUnits")
    return Share(
        team=text(item, "team"),
        model=text(item, "model"),
        family=text(item, "family"),
        min_bands=whole(item, "minBands"),
        max_bands=whole(item, "maxBands"),
        floor_tokens_per_second=whole(item, "floorTokensPerSecond"),
        ceiling_tokens_per_second=whole(item, "ceilingTokensPerSecond"),
        model_units=whole(item, "modelUnits"),
        is_sized=not any(is_unknown(item.get(key)) for key in sizes),
    )
