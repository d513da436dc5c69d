"""The capacity that a served entity requests of a model version, as plain values, and whether the version can provide
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from bandplan.planner.sizes import Size, Sizes, Wanted
from bandplan.serving.spec import throughput
from bandplan.serving.spec.demand import Demand
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import bands, rules
from bandplan.serving.throughput.families import GUESSED_INCREMENTS, SYSTEM_AI_MODELS, Kind, family_of, is_preinstalled
from bandplan.serving.throughput.latency import size_for, wanted_of
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

Unit = throughput.Unit | Literal["auto", "workload"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The requested capacity of a served entity.

    `path` and `model_path` are the places of the entity and its model in models.yaml, `path` with a trailing `/`.
    `amounts` are by key (`min`, `max`, `want`, `accept`; "" for a plain number of model units). `demand` is the
    entity's share in tokens/s, `wanted` that share with its latency target, None without one. `logged_type` is the
    model_type that a version to register is logged with; `is_registered` says that this deployment registers it.
    """

    entry: str
    path: str
    model_path: str
    task: str
    model: str
    version: str | None
    unit: Unit
    amounts: tuple[tuple[str, int], ...] = ()
    demand: Fraction | None = None
    headroom_percent: int = bands.DEFAULT_HEADROOM_PERCENT
    logged_type: str = ""
    wanted: Wanted | None = None
    is_registered: bool = False

    @property
    def sold_in(self) -> Kind:
        """The kind of capacity that the model is sold in."""
        return "model_units" if self.unit == "model_units" else "bands"

    def auto_bands(self, chunk: int, sizes: Sizes) -> tuple[int, int]:
        """Return the (min, max) bands that cover the demand and its headroom, and keep its latency target."""
        least = bands.AUTO_MIN_BANDS
        high = least if self.demand is None else bands.bands_for(self.demand, self.headroom_percent, chunk)
        size = self.planned_size("bands", chunk, sizes)
        if size is None or size.refusal:
            return least, high
        return size.floor, max(high, size.ceiling)

    def planned_size(self, sold_in: Kind, increment: int, sizes: Sizes) -> Size | None:
        """Return the planner's answer for the latency target, in steps of `increment`; None without a target."""
        return None if self.wanted is None else size_for(self.wanted, sold_in, increment, sizes)


def wanted_in(unit: Unit, demand: Demand | None, share: Fraction, headroom_percent: int) -> Wanted | None:
    """Return what the planner is asked for an entity; it knows nothing of legacy workloads."""
    return None if unit == "workload" else wanted_of(demand, share, headroom_percent)


def capacity_problems(
    asked: Asked,
    answer: OptimizationInfo | Unavailable,
    source: Source,
    policies: BandPolicies = NO_POLICIES,
    sizes: Sizes | None = None,
) -> list[Problem]:
    """Report what keeps the version from providing the requested capacity (S1, S5, S6, S8, S10, S11 and S35), each an
    error.

    Suggested bands comply with `policies`, as far as the entry's own headroom permits. `sizes` has the planner's
    answers so far.
    """
    return list(_problems(asked, answer, source, policies, sizes or Sizes()))


def _problems(
    asked: Asked, answer: OptimizationInfo | Unavailable, source: Source, policies: BandPolicies, sizes: Sizes
) -> Iterator[Problem]:
    model = asked.model
    if isinstance(answer, Unavailable):
        yield _unanswered(asked, answer.reason, source)
        known = family_of(model)
        if known is not None and is_preinstalled(model):
            yield from _family_problems(asked, known.kind, f"{known.name} is sold in", None, source, policies, sizes)
        return
    if not answer.optimizable:
        finding = f"{model} version {asked.version} is not eligible for provisioned throughput"
        yield rules.NOT_ELIGIBLE.problem(source, asked.model_path, finding, "serve another version or model")
        return
    increment = answer.increment
    wrong = list(_family_problems(asked, answer.sold_in, f"{model} is sold in", increment, source, policies, sizes))
    yield from wrong or _increment_problems(asked, increment, source)
    if not wrong and asked.unit == "auto":
        step = increment or GUESSED_INCREMENTS[answer.sold_in]
        yield from _unmeetable(asked, answer.sold_in, asked.planned_size(answer.sold_in, step, sizes), source)


def _unmeetable(asked: Asked, sold_in: Kind, size: Size | None, source: Source) -> Iterator[Problem]:
    """Report a latency target that no capacity keeps."""
    if size is not None and size.refusal:
        finding, _, step = size.refusal.partition("; ")
        if sold_in == "model_units":
            step = f"{step}; the law of model units is assumed: if a load test says otherwise, write its model_units"
        yield rules.UNMEETABLE.problem(source, f"models/{asked.entry}/demand", finding, step)


def _unanswered(asked: Asked, reason: str, source: Source) -> Problem:
    """Report that there is no answer about the version; the table of families can still reveal a mistyped name."""
    model = asked.model
    mistyped = is_preinstalled(model) and model not in SYSTEM_AI_MODELS
    meant = source.suggestions.nearest(model, SYSTEM_AI_MODELS) if mistyped else None
    step = (
        f"did you mean {meant}?"
        if meant is not None
        else "check the name and the version, then run again with --refresh"
    )
    finding = f"nothing is known about {model} version {asked.version}: {reason}"
    return rules.NO_INFO.problem(source, asked.model_path, finding, step)


def _family_problems(
    asked: Asked,
    sold_in: Kind,
    words: str,
    increment: int | None,
    source: Source,
    policies: BandPolicies,
    sizes: Sizes,
) -> Iterator[Problem]:
    """Report a request for the wrong kind of capacity, with the line to write instead.

    `increment` is the model's increment of that capacity, None if unknown.
    """
    path = f"{asked.path}throughput"
    units = increment or GUESSED_INCREMENTS["model_units"]
    if asked.unit == "auto" and sold_in == "model_units":
        yield from _auto_units(asked, f"{words} model units", units, source, sizes)
    elif asked.sold_in != sold_in and sold_in == "model_units":
        size = asked.planned_size("model_units", units, sizes)
        wanted = units if size is None or size.refusal else size.ceiling * units
        line = f"throughput: {{model_units: {wanted}}}"
        yield rules.FAMILY.problem(source, path, f"{words} model units, not bands", f"write `{line}`")
    elif asked.sold_in != sold_in:
        low, high = 2, 3  # the platform's own sample
        if increment is not None and (asked.demand is not None or asked.wanted is not None):
            low, high = _suggested_band(asked, asked.demand or Fraction(0), increment, policies, sizes)
        line = f"throughput: {{bands: {{min: {low}, max: {high}}}}}"
        yield rules.FAMILY.problem(source, path, f"{words} bands, not model units", f"write `{line}`")


def _auto_units(asked: Asked, finding: str, increment: int, source: Source, sizes: Sizes) -> Iterator[Problem]:
    """Report `auto` where no latency target decides the units, or where they are needed before the model is known."""
    path = f"{asked.path}throughput"
    size = asked.planned_size("model_units", increment, sizes)
    if size is None or size.refusal:
        if size is None or asked.is_registered:
            step = f"write `throughput: {{model_units: {increment}}}` with units from a load test"
            yield rules.AUTO_UNITS.problem(source, path, finding, step)
    elif asked.is_registered:
        step = f"write `throughput: {{model_units: {size.ceiling * increment}}}`, and load-test them"
        finding = f"{finding}, which are planned before this deployment has registered the version"
        yield rules.AUTO_UNITS.problem(source, path, finding, step)


def _suggested_band(
    asked: Asked, demand: Fraction, chunk: int, policies: BandPolicies, sizes: Sizes
) -> tuple[int, int]:
    """Return (min, max) for the demand, within the stack's policies as far as the entry's own headroom permits."""
    size = asked.planned_size("bands", chunk, sizes)
    planned = (None, None) if size is None or size.refusal else (size.floor, size.ceiling)
    _, high = asked.auto_bands(chunk, sizes)
    low = max(bands.AUTO_MIN_BANDS, policies.least_chunks(demand, chunk, planned[0]))
    most = policies.most_chunks(demand, chunk, planned[1])
    return low, max(high if most is None else min(high, most), low)


def _increment_problems(asked: Asked, increment: int | None, source: Source) -> Iterator[Problem]:
    """Report amounts that are not whole increments, each with the nearest valid amounts."""
    if increment is None or asked.unit not in ("tokens_per_second", "model_units"):
        return
    rule = rules.WHOLE_UNITS if asked.unit == "model_units" else rules.WHOLE_CHUNKS
    amounts = dict(asked.amounts)
    most = amounts.get("want", amounts.get("max", 0))
    together: dict[str, tuple[int, ...]] = {}
    if "want" in amounts and "accept" in amounts:
        both = bands.nearest_wanted(amounts["want"], amounts["accept"], increment)
        together = dict(zip(("want", "accept"), both, strict=True))
    for key, amount in asked.amounts:
        if bands.is_multiple_of_chunk(amount, increment):
            continue
        nearest = together.get(key) or bands.nearest_multiples(amount, increment, 0 if key == "min" else 1)
        nearest_legal = " or ".join(map(str, nearest))
        if asked.unit == "tokens_per_second" and most < increment:
            nearest_legal += f", or write bands in place of tokens_per_second if {amount} counts chunks"
        path = f"{asked.path}throughput/{asked.unit}" + (f"/{key}" if key else "")
        yield rule.problem(source, path, f"{amount} is not a multiple of {increment}", f"use {nearest_legal}")
