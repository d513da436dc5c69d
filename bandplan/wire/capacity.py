"""The units that capacity is sold in, and the figures of an endpoint that are added up, shown and priced.

All code that adds up or shows figures uses these tables, so another way of selling capacity is a row here and a field
in each shape. Tokens per second are input and output tokens together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bandplan.wire.names import to_api_name, to_property_name


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount of an endpoint. `name` is its name in stack outputs; a component's inputs have it in camelCase.

    `served` is the property that holds it in a served entity of the serving resources, and of their guard.
    """

    name: str
    title: str
    family: str
    served: str

    @property
    def property_name(self) -> str:
        """The name of the figure in resource properties."""
        return to_property_name(self.name)


FLOOR: Final = Figure("floor_tokens_per_second", "floor", "bands", "minProvisionedThroughput")
CEILING: Final = Figure("ceiling_tokens_per_second", "ceiling", "bands", "maxProvisionedThroughput")
MODEL_UNITS: Final = Figure("model_units", "model units", "model_units", "provisionedModelUnits")

FIGURES: Final = (FLOOR, CEILING, MODEL_UNITS)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, with the figures of its least and most; both are the same if no range is sold.

    `label` follows a figure (`1,960 tokens/s`); `noun`, if any, is counted (`1 model unit`). `accepted` names the
    amount that is acceptable while the platform has no GPU capacity for more, `increment` the size of one step.
    """

    key: str
    label: str
    low: Figure
    high: Figure
    accepted: str
    increment: str
    noun: str = ""

    @property
    def family(self) -> str:
        """The family of endpoints whose capacity is sold in this unit."""
        return self.low.family

    @property
    def is_range(self) -> bool:
        """Whether an endpoint has a least and a most of this unit."""
        return self.low is not self.high

    def of(self, sized: Any) -> tuple[int | None, int | None]:
        """Return the least and the most that an endpoint, an entity or a sum has of this unit."""
        return getattr(sized, self.low.name), getattr(sized, self.high.name)


SERVED: Final = tuple(figure.served for figure in FIGURES)
"""Properties of a served entity that state its capacity."""

SERVED_FIELDS: Final = tuple(map(to_api_name, SERVED))
"""The same properties under the platform's names."""

UNITS: Final = (
    Unit(
        "tokens_per_second", "tokens/s", FLOOR, CEILING, "accepted_ceiling_tokens_per_second", "chunk_tokens_per_second"
    ),
    Unit(
        "model_units",
        "model units",
        MODEL_UNITS,
        MODEL_UNITS,
        "accepted_model_units",
        "model_unit_chunk_size",
        noun="model unit",
    ),
)

SERVED_AT_MOST: Final = {unit.high.served: unit.label for unit in UNITS}
"""Properties that may be less than wanted while there is no GPU capacity, each with the label of its unit."""

SERVED_FIELDS_AT_MOST: Final = tuple(map(to_api_name, SERVED_AT_MOST))
"""The same properties under the platform's names."""

COUNTED: Final = tuple(unit for unit in UNITS if not unit.is_range)
"""Units that are bought by number, may burst beyond it, and are all that the `/pt` API sells."""

COUNTED_KEYS: Final = tuple(unit.key for unit in COUNTED)

FAMILIES: Final = tuple(unit.family for unit in UNITS)
"""Families whose capacity has figures; a legacy `workload` has none."""


def figures_of(sized: Any) -> dict[str, Any]:
    """Return the figures of an endpoint, an entity or a sum, by name."""
    return {figure.name: getattr(sized, figure.name) for figure in FIGURES}


def priced_amounts(sized: Any) -> Mapping[str, tuple[int | None, int | None]]:
    """Return (least, most) of each unit that a price may be for; `sized` also has `min_bands` and `max_bands`."""
    return {"chunks": (sized.min_bands, sized.max_bands), **{unit.key: unit.of(sized) for unit in UNITS}}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of figures: tokens/s of the endpoints in bands, and model units."""

    floor_tokens_per_second: int = 0
    ceiling_tokens_per_second: int = 0
    model_units: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(mine + theirs for mine, theirs in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(*(mine - theirs for mine, theirs in zip(self.parts, other.parts, strict=True)))

    @property
    def parts(self) -> tuple[int, ...]:
        """The sums in the order of `FIGURES`."""
        return tuple(getattr(self, figure.name) for figure in FIGURES)
