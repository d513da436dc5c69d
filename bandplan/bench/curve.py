"""What one run measured: endpoint, load and points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bandplan.bench.lengths import Length
from bandplan.bench.level import Point, Slo

PLATEAU_GAIN: Final = 0.05
"""A level that adds less than this share adds nothing."""


@dataclass(slots=True)
class Curve:
    """A run. It fills as it goes, so that an interruption keeps what was measured."""

    name: str
    task: str
    address: str
    route: str
    streamed: bool
    mode: str
    input: Length
    output: Length
    token_source: str
    seed: int
    started_at: str
    model: str | None = None
    served: str | None = None
    arrivals: str | None = None
    burstiness: float | None = None
    slo: Slo | None = None
    client: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    stopped: str = ""
    points: list[Point] = field(default_factory=list)

    @property
    def levels(self) -> list[tuple[int, float]]:
        """(requests in flight, tokens/s) of the valid levels of a closed loop."""
        return [(one.parallel, rate_of(one)) for one in self.points if one.parallel and one.is_valid]

    @property
    def plateau(self) -> int | None:
        return plateau_of(self.levels)

    @property
    def chosen(self) -> Point | None:
        """The valid level with the most good requests per second; without an SLO the one at the plateau."""
        valid = [one for one in self.points if one.is_valid]
        if not valid:
            return None
        if self.slo is not None:
            best = max(valid, key=lambda one: one.goodput or 0.0)
            return best if best.goodput else None
        at = self.plateau
        return next((one for one in valid if one.parallel == at), None) if at else None


def rate_of(point: Point) -> float:
    """Return the output tokens/s; for embeddings, which have none, the tokens/s of their inputs."""
    return point.output.value or point.total.value


def plateau_of(levels: Sequence[tuple[int, float]]) -> int | None:
    """Return the parallelism after which two levels in a row each added under 5%, or None."""
    for place in range(2, len(levels)):
        first, second, third = (levels[place - 2][1], levels[place - 1][1], levels[place][1])
        if second < first * (1 + PLATEAU_GAIN) and third < max(first, second) * (1 + PLATEAU_GAIN):
            return levels[place - 2][0]
    return None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A law through the levels, fitted elsewhere: its tokens/s by requests in flight.

    `limit` is what they rise to, the plateau if one was reached, and `half` how many in flight give half of it.
    Both are None if no limit is seen.
    """

    at: Callable[[float], float]
    limit: float | None = None
    half: float | None = None
