"""Two curves side by side: differences with intervals, and limits that a pipeline sets on them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bandplan.bench.level import PERCENTILES
from bandplan.bench.problem import BenchProblem
from bandplan.bench.statistics import samples_needed

DISTRIBUTIONS: Final = ("ttft", "tpot", "itl", "latency", "scheduled_latency")
FIGURES: Final = ("p50", "p95", "p99", "mean")
RATES: Final = {
    "output_tokens_per_second": "output_tokens_per_second",
    "total_tokens_per_second": "total_tokens_per_second",
    "requests_per_second": "requests_per_second",
    "goodput": "goodput_requests_per_second",
    "attainment": "attainment",
}
METRICS: Final = (*RATES, *(f"{figure}_{kind}" for kind in DISTRIBUTIONS for figure in FIGURES))
SAME_LENGTH: Final = 0.05
"""Mean lengths that differ by less are the same load; ours."""

SHOWN: Final = (
    "output_tokens_per_second", "total_tokens_per_second", "p50_ttft", "p95_ttft", "p50_tpot", "p95_tpot",
    "p50_latency", "p95_latency", "p95_scheduled_latency", "attainment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric at one level of both. `change` is a share of the first; its bounds are None where none are known.

    `after` and `change` are infinite for a percentile that lies among failed requests.
    """

    level: str
    metric: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True)
class Rule:
    """`metric` must not rise (`>`) or fall (`<`) by more than `share`."""

    metric: str
    sign: str
    share: float
    text: str

    def is_broken(self, difference: Difference) -> bool:
        return difference.change > self.share if self.sign == ">" else difference.change < self.share


def parse_rule(text: str) -> Rule:
    """Parse a rule: `p95_ttft > 5%` fails on a rise of over 5%, `output_tokens_per_second < -5%` on such a fall."""
    found = re.fullmatch(r"\s*(\w+)\s*([<>])\s*([+-]?\d+(?:\.\d+)?)\s*%\s*", text)
    if found is None:
        step = "write METRIC > N% or METRIC < -N%, such as 'p95_ttft > 5%'"
        raise BenchProblem(f"--fail-if '{text}': not a rule; {step}")
    if found[1] not in METRICS:
        from difflib import get_close_matches

        near = get_close_matches(found[1], METRICS, 1)
        step = f"did you mean {near[0]}?" if near else f"the metrics are: {', '.join(METRICS)}"
        raise BenchProblem(f"--fail-if '{text}': no metric {found[1]}; {step}")
    return Rule(found[1], found[2], float(found[3]) / 100, text.strip())


def compare(before: Mapping[str, Any], after: Mapping[str, Any], metrics: Sequence[str] = METRICS) -> list[Difference]:
    """Return the differences at the levels that both have. Errors: BenchProblem if there are none."""
    ours, theirs = _levels(before), _levels(after)
    for which, levels in (("first", ours), ("second", theirs)):
        if not levels:
            raise BenchProblem(f"the {which} file has no valid level; its notes say why: measure it again")
    common = [level for level in ours if level in theirs]
    if not common:
        raise BenchProblem(
            f"no valid level in common: {', '.join(ours)} and {', '.join(theirs)}; "
            "measure both with the same --parallel or --rate"
        )
    found = (_difference(level, metric, ours[level], theirs[level]) for level in common for metric in metrics)
    return [one for one in found if one is not None]


def other_load(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in what the loads differ, so that a difference of figures is not one of the endpoints."""
    found = []
    for what in ("input", "output"):
        ours, theirs = (_asked(one, what) for one in (before, after))
        if ours is not None and theirs is not None and abs(theirs - ours) > SAME_LENGTH * max(ours, theirs):
            found.append(f"{what} tokens of {ours:,.6g} and {theirs:,.6g}")
    for part, key in (("load", "arrivals"), ("endpoint", "task"), ("endpoint", "streamed")):
        ours, theirs = (_part(one, part).get(key) for one in (before, after))
        if ours is not None and theirs is not None and ours != theirs:
            found.append(f"{key} {str(ours).lower()} and {str(theirs).lower()}")
    return found


def _asked(document: Mapping[str, Any], what: str) -> float | None:
    mean = _part(_part(document, "load"), f"{what}_tokens").get("mean")
    return float(mean) if isinstance(mean, (int, float)) else None


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def broken(rules: Sequence[Rule], differences: Sequence[Difference]) -> list[tuple[Rule, Difference]]:
    """Return the differences past a limit. Errors: BenchProblem for a rule that no level can be judged by."""
    found = []
    for rule in rules:
        judged = [one for one in differences if one.metric == rule.metric]
        if not judged:
            raise BenchProblem(
                f"--fail-if '{rule.text}': not measured in both files, or with too few samples; measure longer"
            )
        found += [(rule, one) for one in judged if rule.is_broken(one)]
    return found


def table(differences: Sequence[Difference], metrics: Sequence[str] = SHOWN) -> str:
    """Format a block for each level."""
    lines = []
    level = None
    for one in differences:
        if one.metric not in metrics:
            continue
        if one.level != level:
            level = one.level
            lines.append(f"{level}")
        bounds = "" if one.low is None or one.high is None else f" ({one.low:+.1%} to {one.high:+.1%})"
        mark = "" if one.is_clear or not bounds else "  noise"
        if math.isinf(one.change):
            lines.append(f"  {one.metric:<24} {one.before:>9,.4g} {'-':>9}  among the failed requests")
            continue
        lines.append(f"  {one.metric:<24} {one.before:>9,.4g} {one.after:>9,.4g}  {one.change:+.1%}{bounds}{mark}")
    return "\n".join(lines)


def _levels(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {_level(point): point for point in document["curve"] if point.get("valid", True)}


def _level(point: Mapping[str, Any]) -> str:
    if point.get("parallel") is not None:
        return f"{point['parallel']:,} in flight"
    offered = point.get("offered_requests_per_second")
    return "one level" if offered is None else f"{offered:.3g} requests/s"


def _difference(level: str, metric: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference | None:
    ours, theirs = _figure(before, metric), _figure(after, metric)
    if ours is not None and theirs is None and _is_among_failures(after, metric):
        return Difference(level, metric, ours[0], math.inf, math.inf, None, None)
    if ours is None or theirs is None or ours[0] == 0:
        return None
    (a, a_low, a_high), (b, b_low, b_high) = ours, theirs
    low = high = None
    if a_low is not None and a_high is not None and b_low is not None and b_high is not None:
        # Of two independent intervals (Newcombe; "square and add").
        low = (b - a - math.hypot(b - b_low, a_high - a)) / a
        high = (b - a + math.hypot(b_high - b, a - a_low)) / a
    return Difference(level, metric, a, b, (b - a) / a, low, high)


def _is_among_failures(point: Mapping[str, Any], metric: str) -> bool:
    """Whether a percentile is missing because too many requests failed, and not because there were too few."""
    figure, _, kind = metric.partition("_")
    found = _part(point, f"{kind}_seconds")
    samples, failed = found.get("samples"), _part(found, "histogram").get("infinite")
    if figure not in PERCENTILES or not isinstance(samples, int) or not isinstance(failed, int):
        return False
    share = PERCENTILES[figure]
    return samples >= samples_needed(share) and math.ceil(share * samples) > samples - failed


def _figure(point: Mapping[str, Any], metric: str) -> tuple[float, float | None, float | None] | None:
    if metric in RATES:
        value = point.get(RATES[metric])
    else:
        figure, _, kind = metric.partition("_")
        value = (point.get(f"{kind}_seconds") or {}).get(figure)
    if isinstance(value, Mapping):
        return value["value"], value.get("low"), value.get("high")
    return None if value is None else (value, None, None)
