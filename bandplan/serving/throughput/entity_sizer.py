"""Size one served entity with the platform's answer about its version, and report the rules that it breaks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from bandplan.planner.sizes import Sizes
from bandplan.serving.spec.entity import Entity, EntityThroughput
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.problem import Problem, Rule
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import (
    AutoThroughput,
    BandRange,
    BandThroughput,
    ModelUnitThroughput,
    StatedThroughput,
    TokenRange,
    TokensPerSecondThroughput,
    WantedBandRange,
    WantedTokenRange,
)
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput import bands, model_units, rules
from bandplan.serving.throughput.asked import Asked, Unit, capacity_problems, wanted_in
from bandplan.serving.throughput.entity_sizing import EntitySizing, Family, SizedEntity
from bandplan.serving.throughput.families import GUESSED_INCREMENTS, Kind
from bandplan.serving.throughput.latency import planned_of
from bandplan.serving.throughput.legacy import legacy_problems, workload_type_for
from bandplan.serving.throughput.naming import ANOTHER_MODEL, naming_problems
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.serving.throughput.registration_rules import registration_problems, task_place
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

MANY_BANDS = 100  # arbitrary: 100 chunks of 980 are 98,000 tokens/s


def size_entity(
    entry: Entry,
    entity: Entity,
    answer: OptimizationInfo | Unavailable | None,
    allow_legacy: bool,
    source: Source,
    policies: BandPolicies = NO_POLICIES,
    sizes: Sizes | None = None,
) -> SizedEntity:
    """Size one entity; `answer` is None for a version that this deployment registers or whose alias is not resolved
    yet. `sizes` has the planner's answers so far.
    """
    sizer = _Sizer(entry, entity, source, policies, sizes or Sizes())
    info = answer if isinstance(answer, OptimizationInfo) else None
    sizer.problems += naming_problems(sizer.asked, info, source)
    sizer.problems += registration_problems(entry, entity, source)
    if isinstance(entity.throughput, Workload):
        sizer.problems += legacy_problems(entry, entity, entity.throughput, allow_legacy, source)
        return sizer.workload(entity.throughput)
    if any(problem.id in ANOTHER_MODEL for problem in sizer.problems):
        return sizer.set_aside()
    match answer:
        case None:
            return sizer.not_known_yet()
        case _:
            return sizer.answered(answer)


def eligibility_deferred(entry: str, model: str) -> str:
    """Return the notice for a version that does not exist yet."""
    return (
        f"{entry}: whether {model} is eligible, and its chunk size, are checked once this deployment has "
        "registered the version, before the endpoint is created"
    )


class _Sizer:
    """An entity being sized: its problems are collected in `problems`."""

    def __init__(self, entry: Entry, entity: Entity, source: Source, policies: BandPolicies, sizes: Sizes) -> None:
        self.policies, self.sizes = policies, sizes
        self.entry, self.entity, self.source = entry, entity, source
        self.asked = asked_of_entity(entry, entity)
        self.path = self.asked.path
        self.problems: list[Problem] = []
        version = entity.register.mlflow_version if entity.register is not None else None
        self.sizing = EntitySizing(
            entity.served_name,
            entity.model,
            entity.version,
            entity.traffic_percent,
            task_place=task_place(version) if version else None,
            alias=entity.alias,
        )

    def workload(self, workload: Workload) -> SizedEntity:
        sizing = replace(
            self.sizing,
            workload_type=workload.type or workload_type_for(workload.parameters_billion),
            workload_size=workload.size,
            scale_to_zero=workload.scale_to_zero,
        )
        return self._result(sizing if sizing.workload_type is not None else None, "workload")

    def set_aside(self) -> SizedEntity:
        """Skip all further checks of a model that has to be replaced by another one."""
        return self._result(None, self.asked.sold_in)

    def not_known_yet(self) -> SizedEntity:
        """Defer the eligibility check, and numbers that depend on the chunk, until the version exists."""
        entry, model = self.entry.name, self.entity.model
        if self.entity.register is not None:
            deferred = eligibility_deferred(entry, model)
        else:
            deferred = (
                f"{entry}: whether {model} is eligible, and its chunk size, are checked once the workspace has "
                f"resolved the alias {self.entity.alias}"
            )
        match self.entity.throughput:
            case BandThroughput(bands=band):
                self._warn_of_no_floor(band.min)
                self._warn_of_many_bands(band, None)
                sizing = replace(
                    self.sizing, min_bands=band.min, max_bands=band.max, accepted_max_bands=_accepted(band)
                )
                return self._result(sizing, "bands", deferred)
            case TokensPerSecondThroughput(tokens_per_second=band):
                self._warn_of_no_floor(band.min)
                sizing = replace(
                    self.sizing,
                    min_provisioned_throughput=band.min,
                    max_provisioned_throughput=band.max,
                    accepted_max_provisioned_throughput=_accepted(band),
                )
                return self._result(sizing, "bands", deferred)
            case ModelUnitThroughput() as units:
                return self._result(self._units(units), "model_units", deferred)
            case _:
                low = bands.AUTO_MIN_BANDS if self.asked.wanted is None else None
                return self._result(replace(self.sizing, min_bands=low), "bands", deferred)

    def answered(self, answer: OptimizationInfo | Unavailable) -> SizedEntity:
        problems = capacity_problems(self.asked, answer, self.source, self.policies, self.sizes)
        self.problems += problems
        if problems or isinstance(answer, Unavailable):
            return self._result(None, self.asked.sold_in)
        chunk = answer.throughput_chunk_size
        match self.entity.throughput:
            case ModelUnitThroughput() as units:
                return self._result(self._planned_units(self._units(units), answer), "model_units")
            case AutoThroughput() if chunk is None:
                return self._result(self._auto_units(answer), "model_units")
            case BandThroughput(bands=band) if chunk is not None:
                self._warn_of_many_bands(band, chunk)
                return self._result(self._band(band.min, band.max, chunk, _accepted(band)), "bands")
            case TokensPerSecondThroughput(tokens_per_second=band) if chunk is not None:
                accepted = _accepted(band)
                chunks = (band.min // chunk, band.max // chunk, chunk, None if accepted is None else accepted // chunk)
                return self._result(self._band(*chunks), "bands")
            case AutoThroughput() if chunk is not None and self.entry.demand is not None:
                return self._result(self._band(*self.asked.auto_bands(chunk, self.sizes), chunk), "bands")
        return self._result(None, self.asked.sold_in)

    def _band(self, low: int, high: int, chunk: int, accepted: int | None = None) -> EntitySizing:
        sizing = self._planned(self.sizing, "bands", chunk)
        self._warn_of_no_floor(low, chunk, None if sizing.planned is None else sizing.planned.low)
        return replace(
            sizing,
            chunk_tokens_per_second=chunk,
            min_bands=low,
            max_bands=high,
            min_provisioned_throughput=low * chunk,
            max_provisioned_throughput=high * chunk,
            accepted_max_bands=accepted,
            accepted_max_provisioned_throughput=None if accepted is None else accepted * chunk,
        )

    def _planned(self, sizing: EntitySizing, sold_in: Kind, increment: int) -> EntitySizing:
        """Add what the latency target needs, or why nothing meets it."""
        size, wanted = self.asked.planned_size(sold_in, increment, self.sizes), self.asked.wanted
        if size is None or wanted is None:
            return sizing
        if size.refusal:
            return replace(sizing, unmeetable=size.refusal)
        return replace(sizing, planned=planned_of(wanted, sold_in, increment, size))

    def _planned_units(self, sizing: EntitySizing, answer: OptimizationInfo) -> EntitySizing:
        step = answer.increment or GUESSED_INCREMENTS["model_units"]
        return self._planned(replace(sizing, model_unit_chunk_size=answer.model_unit_chunk_size), "model_units", step)

    def _auto_units(self, answer: OptimizationInfo) -> EntitySizing:
        """Return the units that the latency target needs. They do not burst: they hold the peak by themselves."""
        sizing = self._planned_units(self.sizing, answer)
        assert sizing.planned is not None
        units = sizing.planned.high
        estimate = self._estimate(units, f"{self.path}throughput")
        return replace(sizing, model_units=units, burst=False, estimated_tokens_per_second=estimate)

    def _units(self, units: ModelUnitThroughput) -> EntitySizing:
        return replace(
            self.sizing,
            model_units=units.wanted_units,
            burst=units.burst,
            estimated_tokens_per_second=self._estimate(units.wanted_units, f"{self.path}throughput/model_units"),
            accepted_model_units=units.accepted_units,
        )

    def _estimate(self, units: int, path: str) -> float | None:
        """Return the published estimate for the demand's shape; warn if there is a demand and none is published."""
        demand = self.entry.demand
        if demand is None:
            return None
        shape = (demand.input_tokens, demand.output_tokens)
        estimate = model_units.estimated_tokens_per_second(self.entity.model, units, *shape)
        if estimate is None:
            tokens = f"{shape[0]} input and {shape[1]} output tokens"
            finding = f"no estimate is published for {self.entity.model} with {tokens}"
            self._problem(rules.NON_LINEAR, path, finding, "load-test before relying on the number")
        return estimate

    def _warn_of_no_floor(self, low: int, chunk: int | None = None, planned: int | None = None) -> None:
        if low == 0:
            demand = self.asked.demand or Fraction(0)
            least = 1 if chunk is None else max(1, self.policies.least_chunks(demand, chunk, planned))
            chunks = "1 chunk" if least == 1 else f"{least} chunks"
            path = f"{self.path}throughput"
            step = f"write a min of {chunks}, or waive floor-zero"
            self._problem(rules.FLOOR_ZERO, path, "the band starts at 0", step)

    def _warn_of_many_bands(self, band: BandRange | WantedBandRange, chunk: int | None) -> None:
        """Warn of many bands: tokens per second written as bands cost a thousand times what was meant."""
        if band.max < MANY_BANDS:
            return
        if chunk is not None and self.entry.demand is not None:
            _, enough = self.asked.auto_bands(chunk, self.sizes)
            if band.max <= 10 * enough:
                return
        path = f"{self.path}throughput/bands"
        finding = f"{band.max:,} bands" + ("" if chunk is None else f" of {chunk} are {band.max * chunk:,} tokens/s")
        step = "if you mean tokens/s, write tokens_per_second in place of bands; otherwise waive bands-many"
        self._problem(rules.BANDS_MANY, path, finding, step)

    def _problem(self, rule: Rule, path: str, finding: str, step: str) -> None:
        self.problems.append(rule.problem(self.source, path, finding, step))

    def _result(self, sizing: EntitySizing | None, family: Family, deferred: str = "") -> SizedEntity:
        return SizedEntity(sizing, family, tuple(self.problems), deferred)


def asked_of_entity(entry: Entry, entity: Entity) -> Asked:
    """Return the requested capacity of the entity, as plain values."""
    share = Fraction(entity.traffic_percent, 100)
    percent = bands.DEFAULT_HEADROOM_PERCENT if entry.headroom_percent is None else entry.headroom_percent
    unit, amounts = _amounts(entity.throughput)
    return Asked(
        entry.name,
        f"models/{entry.name}/{entity.path}",
        f"models/{entry.name}/{entity.model_path}",
        entry.task,
        entity.model,
        entity.version,
        unit,
        amounts,
        None if entry.demand is None else entry.demand.share_of_tokens(entity.traffic_percent),
        percent,
        (entity.register.model_type if entity.register is not None else None) or "",
        wanted_in(unit, entry.demand, share, percent),
        entity.register is not None,
    )


def _amounts(capacity: EntityThroughput) -> tuple[Unit, tuple[tuple[str, int], ...]]:
    match capacity:
        case StatedThroughput():
            return capacity.unit, tuple(capacity.amounts.items())
        case Workload():
            return "workload", ()
    return "auto", ()


def _accepted(band: BandRange | WantedBandRange | TokenRange | WantedTokenRange) -> int | None:
    """Return the acceptable fallback ceiling, or None if the entry accepts no less than the wanted one."""
    return band.accept if isinstance(band, (WantedBandRange, WantedTokenRange)) else None
