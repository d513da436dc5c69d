"""The least ceiling that a suggestion from observed use may have."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from bandplan.serving.spec import rules
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.shape import IfGiven, Shape, Whole
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import KINDS

Path = tuple[str | int, ...]

Amount = IfGiven[Annotated[Whole, Field(ge=1)]]


class NeverBelow(Shape):
    """A ceiling, in the unit of the entry's throughput."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (KINDS,)

    bands: Amount = Field(default=None, description="Whole chunks.", examples=[3])
    tokens_per_second: Amount = Field(default=None, description="Tokens/s, a multiple of the chunk.", examples=[2940])
    model_units: Amount = Field(default=None, description="Model units.", examples=[50])


def never_below_problems(raw: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Report a `never_below` of another unit than the throughput, on the values as written.

    One above the ceiling is accepted: it lowers nothing, and a stack may override the throughput alone.
    """
    least, throughput = raw.get("never_below"), raw.get("throughput")
    if not isinstance(least, dict):
        return []
    path = (*base, "never_below")
    if not isinstance(throughput, dict):
        finding = "the entry has no throughput of its own that could be lowered"
        return [rules.NEVER_BELOW.problem(source, path, finding, "remove never_below, or write the throughput")]
    given = [key for key in least if least[key] is not None]
    unit = next((one for one in KINDS if one in throughput), None)
    if len(given) != 1 or unit is None or given == [unit]:
        return []
    return [rules.NEVER_BELOW.problem(source, path, f"the throughput is in {unit}", f"write `{{{unit}: ...}}`")]
