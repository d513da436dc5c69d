"""A plan in words and as JSON."""

import math
from typing import Any

from bandplan.planner.alone import apart, shown
from bandplan.planner.arithmetic import batch_seconds, batch_takes
from bandplan.planner.jump import Jump
from bandplan.planner.load import Load
from bandplan.planner.plan import Plan
from bandplan.planner.trials import Estimate, Evidence

_MORE_DIGITS = 1
"""One decimal more than a refusal has: these are figures of a simulation."""

TITLES = {"latency": "latency", "ttft": "time to first token", "tpot": "time per output token", "queue": "queue"}


def described(plan: Plan, *, rows: int | None = None, cost: str = "", jump: Jump | None = None) -> str:
    """Return the answer, one thought a line."""
    capacity, peak, mean = plan.capacity, plan.peak, plan.mean
    floor, ceiling = plan.floor, plan.ceiling
    percentile = f"p{plan.target.percentile:g}"
    lines, where = [f"units    {capacity.described(ceiling.steps)}"], "At this size"
    if capacity.is_range:
        lines = [f"floor    {capacity.described(floor.steps)}", f"ceiling  {capacity.described(ceiling.steps)}"]
        where = "At the ceiling"
    if cost:
        lines.append(f"cost     {cost}")
    lines += ["", f"{where}, with {_load(peak)}:"]
    lines.append(f"  in use       {ceiling.utilisation:.0%} of what it can serve; {plan.headroom:,.0%} more fits")
    for name, limit in {"latency": None, "ttft": None, "tpot": None, **plan.target.limits}.items():
        if name == "tpot" and not peak.shape.output_tokens:
            continue
        bound = "" if limit is None else f", at most {_in_unit(name, limit)} wanted"
        mean_of, worst = ceiling.means[name], ceiling.percentiles[name]
        lines.append(
            f"  {name:<12} {_estimate(name, worst)} at {percentile}, {_in_unit(name, mean_of)} on average{bound}"
        )
    lines.append(f"  in flight    {ceiling.in_flight:.1f} on average, {ceiling.waiting:.1f} waiting")
    if ceiling.refused_percent:
        lines.append(f"  refused      {ceiling.refused_percent:.1f}%, because the queue is full")
    lines.append("")
    lines.append(_less(plan))
    if plan.for_headroom and plan.target.limits:
        lines.append(f"The headroom of {plan.headroom_percent:g}% decides here, not the target.")
    if plan.target.limits:
        lines.append(f"With more load, the first to break is: {TITLES[plan.breaks_first]}.")
    lines.append(f"With twice the load: {_doubled(plan)}")
    if capacity.is_range and floor is not ceiling:
        lines.append(f"The floor holds the average, {_load(mean)}; chunks above it start on demand.")
    if jump is not None:
        lines.append(_jump(jump, percentile))
    if rows is not None:
        lines.append(_batch(plan, rows))
    lines += ["", "From:"]
    lines += [f"- {line}" for line in capacity.provenance(peak.shape, peak.has_lengths)]
    runs = f"{ceiling.seeds} seeded runs, intervals of 95%" if ceiling.seeds else "not simulated: beyond its capacity"
    lines.append(f"- latency by simulation: {'one replay of the trace' if ceiling.seeds == 1 else runs}")
    return "\n".join(lines)


def as_json(plan: Plan, jump: Jump | None = None) -> dict[str, Any]:
    """Return the answer as plain values; seconds, and null for what has no end."""
    capacity = plan.capacity

    def evidence(one: Evidence) -> dict[str, Any]:
        return {
            capacity.unit: capacity.amount(one.steps),
            "utilisation": round(one.utilisation, 4),
            **{
                f"{name}_seconds": {
                    "mean": _finite(one.means[name]),
                    f"p{plan.target.percentile:g}": _finite(estimate.value),
                    "plus_minus": _finite(estimate.half_width),
                }
                for name, estimate in one.percentiles.items()
            },
            "in_flight": _finite(one.in_flight),
            "waiting": _finite(one.waiting),
            "refused_percent": round(one.refused_percent, 3),
            "misses": one.misses(plan.target),
        }

    return {
        "unit": capacity.unit,
        "increment": capacity.increment,
        "source": capacity.source,
        "floor": evidence(plan.floor),
        "ceiling": evidence(plan.ceiling),
        "one_step_less": evidence(plan.less) if plan.less is not None else None,
        "twice_the_load": evidence(plan.doubled),
        "jump": None
        if jump is None
        else {
            "chunks_to_start": jump.chunks,
            "startup_seconds": jump.startup_seconds,
            "seconds": jump.seconds,
            f"latency_seconds_p{plan.target.percentile:g}": _finite(jump.latency_seconds),
            "refused_percent": round(jump.refused_percent, 3),
        },
        "breaks_first": plan.breaks_first,
        "headroom": round(plan.headroom, 4),
        "assumptions": capacity.provenance(plan.peak.shape, plan.peak.has_lengths),
    }


def _load(load: Load) -> str:
    cached = f", {load.cache_hit_percent:g}% of prompts cached" if load.cache_hit_percent else ""
    if load.trace is not None and load.requests_per_second is not None:
        return (
            f"the {len(load.trace.times):,} requests of the trace, at {load.requests_per_second:.3g} requests/s on "
            f"average and {load.tokens_per_second:,.0f} tokens/s in the busiest minute, of {load.shape} tokens on "
            f"average{cached}"
        )
    if load.concurrent_requests is not None:
        often = f"{load.concurrent_requests:,} requests always in flight"
    else:
        often = f"{load.requests_per_second:g} requests/s ({load.arrivals})"
    spread = f", lengths spread by {load.spread_percent:g}%" if load.spread_percent else ""
    spread = ", lengths of the trace" if load.trace is not None else spread
    return f"{often} of {load.shape} tokens{spread}{cached}"


def _doubled(plan: Plan) -> str:
    twice, load = plan.doubled, plan.peak
    use = f"{twice.utilisation:.0%} in use"
    if math.isinf(twice.percentiles["latency"].value) and load.requests_per_second is not None:
        if twice.seeds:
            return f"{use}; {twice.refused_percent:.0f}% are refused, as the queue is full."
        most = twice.requests_per_second
        refused = 1 - most / (2 * load.requests_per_second)
        done = f"at most {most:.3g} requests/s complete"
        return f"{use}; {done}, so the queue fills and {max(0, refused):.0%} are refused."
    missed = [name for name in twice.misses(plan.target) if name != "queue"]
    figures = [f"{TITLES[name]} {_in_unit(name, twice.percentiles[name].value)}" for name in missed or ["latency"]]
    kept = f"more than the {'target' if len(missed) == 1 else 'targets'}" if missed else "within the target"
    kept = f", {kept}" if plan.target.limits else ""
    return f"{use}; {', '.join(figures)} at p{plan.target.percentile:g}{kept}."


def _jump(jump: Jump, percentile: str) -> str:
    chunks = "one chunk starts" if jump.chunks == 1 else f"{jump.chunks} chunks start one after another"
    latency = f"{percentile} of latency is {_in_unit('latency', jump.latency_seconds)}"
    if math.isinf(jump.latency_seconds):
        latency = f"{percentile} of latency is unbounded"
    refused = f", as {jump.refused_percent:.0f}% of the requests are refused" if jump.refused_percent >= 0.5 else ""
    return (
        f"A jump from the average to the peak: {chunks}, {jump.startup_seconds:g} s each (assumed). For "
        f"{jump.seconds:g} s, {latency}{refused}; a higher floor shortens that."
    )


def _less(plan: Plan) -> str:
    less = plan.less
    if less is None:
        return "This is the smallest capacity that is sold."
    what = f"One step less, {plan.capacity.described(less.steps)},"
    if math.isinf(less.percentiles["latency"].value):
        return f"{what} is not enough: it would be {less.utilisation:.0%} in use, and the queue fills."
    missed = [name for name in less.misses(plan.target) if name != "queue"]
    if missed:
        limits = plan.target.limits
        worst = []
        for name in missed:
            takes, wanted = apart(name, less.percentiles[name].value, limits[name], _MORE_DIGITS)
            worst.append(f"{TITLES[name]} would be {takes}, {wanted} wanted")
        return f"{what} is not enough: {'; '.join(worst)}."
    if plan.for_headroom:
        kept = "keeps the target" if plan.target.limits else "takes the load"
        return f"{what} {kept} but not the headroom of {plan.headroom_percent:g}%."
    return f"{what} is {less.utilisation:.0%} in use."


def _batch(plan: Plan, rows: int) -> str:
    rate = plan.capacity.tokens_per_second(plan.ceiling.steps)
    seconds = batch_seconds(rows, plan.peak.shape, rate)
    takes = batch_takes(plan.peak.shape)
    about = {
        "longer": "longer than that, as the rows are longer than 2048/256",
        "shorter": "shorter than that, as the rows are shorter than 2048/256",
        "about as long": "about that long",
        "not known": "not known more precisely, because the rows mix longer and shorter than 2048/256",
    }[takes]
    return f"A batch of {rows:,} rows: {seconds:,.0f} s by tokens alone at {rate:,.0f} tokens/s; in practice {about}."


def _estimate(name: str, estimate: Estimate) -> str:
    if math.isinf(estimate.value):
        return "without end"
    if not estimate.half_width:
        return _in_unit(name, estimate.value)
    if name == "tpot":
        return f"{estimate.value * 1000:.1f} ms ± {estimate.half_width * 1000:.1f}"
    return f"{estimate.value:.2f} s ± {estimate.half_width:.2f}"


def _in_unit(name: str, seconds: float) -> str:
    return shown(name, seconds, _MORE_DIGITS)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
