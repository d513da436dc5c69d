"""What one run measured: endpoint, load and points; and the law through its closed levels."""

from collections.abc import Sequence
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
    def plateau(self) -> int | None:
        return plateau_of([(one.parallel, rate_of(one)) for one in self.points if one.parallel and one.is_valid])

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
    """Output tokens/s; of embeddings, which have none, the tokens/s of their inputs."""
    return point.output.value or point.total.value


def plateau_of(levels: Sequence[tuple[int, float]]) -> int | None:
    """The parallelism after which two levels in a row each added under 5 %; None while none did."""
    for place in range(2, len(levels)):
        first, second, third = (levels[place - 2][1], levels[place - 1][1], levels[place][1])
        if second < first * (1 + PLATEAU_GAIN) and third < max(first, second) * (1 + PLATEAU_GAIN):
            return levels[place - 2][0]
    return None


@dataclass(frozen=True, slots=True)
class Law:
    """Throughput of C requests in flight: C / (`t0` + `s` C). Its limit is 1/s, and half of it is reached at t0/s."""

    t0: float
    s: float

    def at(self, parallel: float) -> float:
        return parallel / (self.t0 + self.s * parallel)


def fitted(levels: Sequence[tuple[int, float]]) -> Law | None:
    """The law by non-negative least squares, weighted so that relative residuals count; None of under 3 levels."""
    known = [(float(parallel), rate) for parallel, rate in levels if rate > 0]
    if len(known) < 3:
        return None
    # C/X = t0 + s C, each row over C/X, so that each residual is a share.
    rows = [(rate / parallel, rate) for parallel, rate in known]
    aa, ab, bb = (sum(a * a for a, _ in rows), sum(a * b for a, b in rows), sum(b * b for _, b in rows))
    ay, by = sum(a for a, _ in rows), sum(b for _, b in rows)
    determinant = aa * bb - ab * ab
    if determinant > 1e-12 * aa * bb:
        t0, s = (ay * bb - by * ab) / determinant, (aa * by - ab * ay) / determinant
        if t0 >= 0 and s >= 0:
            return Law(t0, s)
    return min(Law(ay / aa, 0.0), Law(0.0, by / bb), key=lambda law: _residual(law, rows))


def _residual(law: Law, rows: Sequence[tuple[float, float]]) -> float:
    return sum((a * law.t0 + b * law.s - 1) ** 2 for a, b in rows)
