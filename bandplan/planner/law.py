"""The law of step times, `t = t0 + a B + k K + p P`, and its fit to measured curves.

One step with `B` requests, `K` tokens of context read and `P` prompt tokens. With `C` requests of one shape in flight,
an output token takes `t0 + s C` with `s = a + k (input + output / 2) + p input / output`, so the throughput is
`X(C) = C / (t0 + s C) = X_max C / (C + C_half)`, with `X_max = 1 / s` and `C_half = t0 / s`, until no more are let in.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bandplan.planner.load import Shape
from bandplan.planner.published import output_weight, prompt_weight, weight
from bandplan.planner.service import Service

MOST_RESIDUAL = 0.15
"""A fit that misses a point by more is rejected."""

PLATEAU_GAIN = 0.05
"""A level that adds less throughput than this belongs to the plateau."""


class NoLaw(ValueError):
    """The points cannot be described by the law; the message says why."""


@dataclass(frozen=True, slots=True)
class Point:
    """A measured level: requests in flight and output tokens/s of the whole endpoint, for requests of a shape."""

    shape: Shape
    parallel: float
    output_tokens_per_second: float

    @property
    def seconds_per_token(self) -> float:
        return self.parallel / self.output_tokens_per_second


@dataclass(frozen=True, slots=True)
class Law:
    """Seconds; `cap` is the most in flight. `a` holds all of `s` if only one shape was measured (`knows_shapes` false).

    `worst_residual` is the largest relative miss of a point of the fit.
    """

    t0: float
    a: float
    k: float
    p: float
    cap: float
    shape: Shape
    knows_shapes: bool
    worst_residual: float = 0.0

    def s(self, shape: Shape) -> float:
        """Return the seconds that each request in flight adds to every output token."""
        if not self.knows_shapes:
            return self.a
        context = shape.input_tokens + shape.output_tokens / 2
        return self.a + self.k * context + self.p * shape.input_tokens / shape.output_tokens

    def half(self, shape: Shape) -> float:
        """Return the requests in flight with which half of the greatest throughput is reached."""
        s = self.s(shape)
        return self.t0 / s if s > 0 else math.inf

    def throughput(self, shape: Shape, parallel: float) -> float:
        """Return the output tokens/s with `parallel` requests in flight; flat beyond the cap."""
        inside = min(parallel, self.cap)
        return inside / (self.t0 + self.s(shape) * inside)

    def service(self, capacity: int, shape: Shape) -> Service:
        """Return the service of one of the `capacity` chunks that were measured together, for loads of about `shape`.

        Alone in each of them, requests are `capacity` in flight. With one shape measured, the shares of prompt and
        output, and lengths that vary about it, go by the weights of the published figures.
        """
        slots = max(1, round(self.cap / capacity))

        def measured(one: Shape, cache_hit_percent: float) -> tuple[float, float]:
            prompt = capacity * self.p * one.input_tokens
            whole = one.output_tokens * (self.t0 + capacity * self.s(one))
            return prompt * (1 - cache_hit_percent / 100), whole - prompt

        def weighed(one: Shape, cache_hit_percent: float) -> tuple[float, float]:
            per_weight = self.shape.output_tokens * (self.t0 + capacity * self.a) / weight(self.shape)
            return per_weight * prompt_weight(one, cache_hit_percent), per_weight * output_weight(one)

        return Service(slots, self.half(shape) / capacity, measured if self.knows_shapes else weighed)


def rising(points: Sequence[Point]) -> tuple[list[Point], float]:
    """Return the points of one shape up to the plateau, and the parallelism where it begins: the cap.

    It begins where the flat throughput crosses the rise before it; without a plateau it is the last level measured.
    """
    ordered = sorted(points, key=lambda point: point.parallel)
    best = max(point.output_tokens_per_second for point in ordered)
    rise = [ordered[0]]
    for before, point in itertools.pairwise(ordered):
        if point.output_tokens_per_second < before.output_tokens_per_second * (1 + PLATEAU_GAIN):
            break
        rise.append(point)
    if len(rise) == len(ordered):
        return rise, ordered[-1].parallel
    return rise, max(rise[-1].parallel, _crossing(rise, best))


def _crossing(rise: Sequence[Point], best: float) -> float:
    """Where the law of the points before the last would reach `best`; the last point may lie on the plateau itself."""
    if len(rise) < 3:
        return rise[-1].parallel
    rows = [(1.0, point.parallel) for point in rise[:-1]]
    t0, s = non_negative_least_squares(rows, [point.seconds_per_token for point in rise[:-1]])
    if 1 / best <= s:
        return rise[-1].parallel
    return min(rise[-1].parallel, t0 / (1 / best - s))


def fit(points: Sequence[Point]) -> Law:
    """Fit the law to the levels of one or more shapes, each up to its plateau.

    Errors: NoLaw, with a plot of what was measured and fitted if the fit is too bad.
    """
    if not points:
        raise NoLaw("no level was measured; measure at least 3")
    shapes = list(dict.fromkeys(point.shape for point in points))
    used: list[Point] = []
    caps = []
    for shape in shapes:
        of_shape = [point for point in points if point.shape == shape]
        if len(of_shape) < 3:
            raise NoLaw(f"{len(of_shape)} levels of {shape}: a law takes at least 3; measure more levels")
        rise, cap = rising(of_shape)
        if len(rise) < 2:
            raise NoLaw(f"the throughput of {shape} does not rise with parallelism; start the sweep at 1")
        used += rise
        caps.append(cap)
    knows_shapes = len(shapes) > 1
    rows = []
    for point in used:
        context = point.shape.input_tokens + point.shape.output_tokens / 2
        per_output = point.shape.input_tokens / point.shape.output_tokens
        terms = (1.0, point.parallel)
        rows.append((*terms, point.parallel * context, point.parallel * per_output) if knows_shapes else terms)
    found = non_negative_least_squares(rows, [point.seconds_per_token for point in used])
    t0, a, k, p = (*found, 0.0, 0.0)[:4]
    law = Law(t0, a, k, p, min(caps), shapes[0], knows_shapes)
    residuals = [
        abs(law.throughput(point.shape, point.parallel) / point.output_tokens_per_second - 1)
        for point in used
        if point.parallel <= law.cap
    ]
    worst = max(residuals, default=0.0)
    if worst > MOST_RESIDUAL:
        raise NoLaw(
            f"the law misses a measured level by {worst:.0%}, more than {MOST_RESIDUAL:.0%}; "
            f"measure again on an idle endpoint\n{plot(law, points)}"
        )
    return Law(t0, a, k, p, law.cap, law.shape, knows_shapes, worst)


def fit_levels(levels: Sequence[tuple[float, float]]) -> Law:
    """Fit the law to (requests in flight, tokens/s) levels of one shape, whichever tokens they count. Errors: NoLaw."""
    return fit([Point(Shape(1, 1), parallel, rate) for parallel, rate in levels if rate > 0])


def plot(law: Law, points: Sequence[Point]) -> str:
    """Return the measured (o) and the fitted (-) throughput as lines of text, one for each level."""
    most = max(point.output_tokens_per_second for point in points)
    lines = []
    for point in sorted(points, key=lambda one: (str(one.shape), one.parallel)):
        fitted = law.throughput(point.shape, point.parallel)
        width = 50
        o, line = (min(width, round(width * value / most)) for value in (point.output_tokens_per_second, fitted))
        bar = ["-" if index <= line else " " for index in range(width + 1)]
        bar[o] = "o"
        measured = f"{point.output_tokens_per_second:>9,.0f} measured {fitted:>9,.0f} fitted"
        lines.append(f"{point.shape!s:>12} {point.parallel:>5g} |{''.join(bar)}| {measured}")
    return "\n".join(lines)


def non_negative_least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[float, ...]:
    """Return the coefficients of 0 or more with the least sum of squared relative misses.

    Every set of coefficients that may be above 0 is tried: with four there are fifteen, and the best is exact.
    """
    width = len(rows[0])
    scaled = [[term / value for term in row] for row, value in zip(rows, values, strict=True)]
    sizes = [max(abs(row[column]) for row in scaled) or 1.0 for column in range(width)]
    scaled = [[term / size for term, size in zip(row, sizes, strict=True)] for row in scaled]
    best, least = (0.0,) * width, math.inf
    for count in range(1, width + 1):
        for columns in itertools.combinations(range(width), count):
            solved = _solve(
                [[sum(row[i] * row[j] for row in scaled) for j in columns] for i in columns],
                [sum(row[i] for row in scaled) for i in columns],
            )
            if solved is None or min(solved) < 0:
                continue
            taken = dict(zip(columns, solved, strict=True))
            miss = sum((1 - sum(row[column] * value for column, value in taken.items())) ** 2 for row in scaled)
            if miss < least * (1 - 1e-9):
                best, least = tuple(taken.get(column, 0.0) for column in range(width)), miss
    return tuple(value / size for value, size in zip(best, sizes, strict=True))


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Solve by elimination with pivots; None if a column says nothing new."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda index: abs(rows[index][column]))
        if abs(rows[pivot][column]) < 1e-12:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for index in range(size):
            if index != column:
                factor = rows[index][column] / rows[column][column]
                rows[index] = [one - factor * two for one, two in zip(rows[index], rows[column], strict=True)]
    return [row[size] / row[index] for index, row in enumerate(rows)]
