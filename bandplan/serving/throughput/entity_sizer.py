"""One served entity sized by the platform's answer about its version, with the rules that this shows to be broken."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.problem import Problem, Rule
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import (
    AutoThroughput,
    BandRange,
    BandThroughput,
    ModelUnitThroughput,
    TokenRange,
    TokensPerSecondThroughput,
    WantedBandRange,
    WantedTokenRange,
)
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput import bands, model_units, rules
from bandplan.serving.throughput.entity_sizing import EntitySizing, Family, SizedEntity
from bandplan.serving.throughput.families import SYSTEM_AI_MODELS, family_of, is_preinstalled
from bandplan.serving.throughput.legacy import legacy_problems, workload_type_for
from bandplan.serving.throughput.naming import ANOTHER_MODEL, naming_problems
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.serving.throughput.registering import registration_problems, task_place
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

MANY_BANDS = 100  # arbitrary: 100 chunks of 980 are 98,000 tokens/s


def size_entity(
    entry: Entry,
    entity: Entity,
    answer: OptimizationInfo | Unavailable | None,
    allow_legacy: bool,
    source: Source,
    policies: BandPolicies = NO_POLICIES,
) -> SizedEntity:
    """Size one entity; `answer` is None for a version that this deploy registers, or that an alias is yet to tell."""
    sizer = _Sizer(entry, entity, source, policies)
    info = answer if isinstance(answer, OptimizationInfo) else None
    sizer.problems += naming_problems(entry, entity, info, source)
    sizer.problems += registration_problems(entry, entity, source)
    if isinstance(entity.throughput, Workload):
        sizer.problems += legacy_problems(entry, entity, entity.throughput, allow_legacy, source)
        return sizer.workload(entity.throughput)
    if any(problem.id in ANOTHER_MODEL for problem in sizer.problems):
        return sizer.set_aside()
    match answer:
        case None:
            return sizer.not_known_yet()
        case Unavailable(reason):
            return sizer.unanswered(reason)
        case _:
            return sizer.answered(answer)


def eligibility_deferred(entry: str, model: str) -> str:
    """What is said of a version that does not exist yet."""
    return (
        f"{entry}: whether {model} is eligible, and its chunk size, are checked once this deploy has registered the "
        "version, before the endpoint is created"
    )


class _Sizer:
    """One entity under sizing: what is wrong with it is collected in `problems`."""

    def __init__(self, entry: Entry, entity: Entity, source: Source, policies: BandPolicies) -> None:
        self.policies = policies
        self.entry, self.entity, self.source = entry, entity, source
        self.path = f"models/{entry.name}/{entity.path}"
        self.model_path = f"models/{entry.name}/{entity.model_path}"
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
        """Nothing more is said of a model that has to be another one."""
        return self._result(None, self._asked_family())

    def not_known_yet(self) -> SizedEntity:
        """Eligibility, and numbers that need the chunk, are known once the version is there."""
        entry, model = self.entry.name, self.entity.model
        if self.entity.register is not None:
            deferred = eligibility_deferred(entry, model)
        else:
            deferred = (
                f"{entry}: whether {model} is eligible, and its chunk size, are checked once the workspace has told "
                f"which version the alias {self.entity.alias} points to"
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
                return self._result(replace(self.sizing, min_bands=bands.AUTO_MIN_BANDS), "bands", deferred)

    def unanswered(self, reason: str) -> SizedEntity:
        """No answer: an error, and what the table of families can still say."""
        model = self.entity.model
        known = family_of(model)
        mistyped = is_preinstalled(model) and model not in SYSTEM_AI_MODELS
        meant = self.source.suggestions.nearest(model, SYSTEM_AI_MODELS) if mistyped else None
        step = (
            f"did you mean {meant}?"
            if meant is not None
            else "check the name and the version, then run again with --refresh"
        )
        self._problem(
            rules.NO_INFO,
            self.model_path,
            f"nothing is known about {model} version {self.entity.version}: {reason}",
            step,
        )
        if known is not None and is_preinstalled(model):
            self._family_problem(known.kind, f"{known.name} is sold in", None)
        return self._result(None, self._asked_family())

    def answered(self, info: OptimizationInfo) -> SizedEntity:
        if not info.optimizable:
            finding = f"{self.entity.model} version {self.entity.version} is not eligible for provisioned throughput"
            self._problem(rules.NOT_ELIGIBLE, self.model_path, finding, "serve another version or model")
            return self._result(None, self._asked_family())
        chunk = info.throughput_chunk_size
        sold_in: Literal["bands", "model_units"] = "model_units" if chunk is None else "bands"
        increment = chunk or info.model_unit_chunk_size
        if self._family_problem(sold_in, f"{self.entity.model} is sold in", increment):
            return self._result(None, self._asked_family())
        match self.entity.throughput:
            case ModelUnitThroughput() as units:
                return self._result(self._whole_units(units, info.model_unit_chunk_size), "model_units")
            case BandThroughput(bands=band) if chunk is not None:
                self._warn_of_many_bands(band, chunk)
                return self._result(self._band(band.min, band.max, chunk, _accepted(band)), "bands")
            case TokensPerSecondThroughput(tokens_per_second=band) if chunk is not None:
                return self._tokens_per_second(band, chunk)
            case AutoThroughput() if chunk is not None and self.entry.demand is not None:
                return self._result(self._band(bands.AUTO_MIN_BANDS, self._auto_bands(chunk), chunk), "bands")
        return self._result(None, self._asked_family())

    def _tokens_per_second(self, band: TokenRange | WantedTokenRange, chunk: int) -> SizedEntity:
        sound = True
        bounds = [("min", band.min, 0)]
        if isinstance(band, WantedTokenRange):
            bounds += [("want", band.want, 1), ("accept", band.accept, 1)]
        else:
            bounds.append(("max", band.max, 1))
        for bound, amount, least in bounds:
            if not bands.is_multiple_of_chunk(amount, chunk):
                nearest_legal = " or ".join(map(str, bands.nearest_multiples(amount, chunk, least)))
                if band.max < chunk:
                    nearest_legal += f", or write bands in place of tokens_per_second if {amount} counts chunks"
                path = f"{self.path}throughput/tokens_per_second/{bound}"
                self._problem(
                    rules.WHOLE_CHUNKS, path, f"{amount} is not a multiple of {chunk}", f"use {nearest_legal}"
                )
                sound = False
        accepted = _accepted(band)
        chunks = (band.min // chunk, band.max // chunk, chunk, None if accepted is None else accepted // chunk)
        return self._result(self._band(*chunks) if sound else None, "bands")

    def _band(self, low: int, high: int, chunk: int, accepted: int | None = None) -> EntitySizing:
        self._warn_of_no_floor(low, chunk)
        return replace(
            self.sizing,
            chunk_tokens_per_second=chunk,
            min_bands=low,
            max_bands=high,
            min_provisioned_throughput=low * chunk,
            max_provisioned_throughput=high * chunk,
            accepted_max_bands=accepted,
            accepted_max_provisioned_throughput=None if accepted is None else accepted * chunk,
        )

    def _whole_units(self, units: ModelUnitThroughput, chunk: int | None) -> EntitySizing | None:
        """The sizing, or None with a problem for each amount that is not a multiple of `chunk`, if that is known."""
        amounts = [("model_units", units.wanted_units)]
        if units.accepted_units is not None:
            amounts = [("model_units/want", units.wanted_units), ("model_units/accept", units.accepted_units)]
        sound = True
        for key, amount in amounts:
            if chunk is not None and not bands.is_multiple_of_chunk(amount, chunk):
                nearest_legal = " or ".join(map(str, bands.nearest_multiples(amount, chunk, 1)))
                path = f"{self.path}throughput/{key}"
                finding = f"{amount} is not a multiple of {chunk}"
                self._problem(rules.WHOLE_UNITS, path, finding, f"use {nearest_legal}")
                sound = False
        return replace(self._units(units), model_unit_chunk_size=chunk) if sound else None

    def _units(self, units: ModelUnitThroughput) -> EntitySizing:
        demand = self.entry.demand
        estimate = None
        if demand is not None:
            shape = (demand.input_tokens, demand.output_tokens)
            estimate = model_units.estimated_tokens_per_second(self.entity.model, units.wanted_units, *shape)
            if estimate is None:
                tokens = f"{shape[0]} input and {shape[1]} output tokens"
                finding = f"no estimate is published for {self.entity.model} with {tokens}"
                self._problem(
                    rules.NON_LINEAR,
                    f"{self.path}throughput/model_units",
                    finding,
                    "load-test before relying on the number",
                )
        return replace(
            self.sizing,
            model_units=units.wanted_units,
            burst=units.burst,
            estimated_tokens_per_second=estimate,
            accepted_model_units=units.accepted_units,
        )

    def _family_problem(self, sold_in: Literal["bands", "model_units"], words: str, chunk: int | None) -> bool:
        """Whether the entity asks for the wrong kind; then that has been noted, with the line to write instead.

        `chunk` is the increment of what the model is sold in, None where it is not known.
        """
        units = chunk or model_units.EXAMPLE_UNITS
        if isinstance(self.entity.throughput, AutoThroughput) and sold_in == "model_units":
            step = f"write `throughput: {{model_units: {units}}}` with units from a load test"
            self._problem(rules.AUTO_UNITS, f"{self.path}throughput", f"{words} model units", step)
            return True
        if self._asked_family() == sold_in:
            return False
        if sold_in == "model_units":
            finding, line = (
                f"{words} model units, not bands",
                f"throughput: {{model_units: {units}}}",
            )
        else:
            low, high = 2, 3  # the platform's own sample
            if chunk is not None and self.entry.demand is not None:
                low, high = self._suggested_band(chunk)
            finding, line = f"{words} bands, not model units", f"throughput: {{bands: {{min: {low}, max: {high}}}}}"
        self._problem(rules.FAMILY, f"{self.path}throughput", finding, f"write `{line}`")
        return True

    def _suggested_band(self, chunk: int) -> tuple[int, int]:
        """(min, max) for the demand, within the stack's policies as far as its own headroom lets it."""
        high = self._auto_bands(chunk)
        low = max(bands.AUTO_MIN_BANDS, self.policies.least_chunks(self._demand(), chunk))
        most = self.policies.most_chunks(self._demand(), chunk)
        high = max(high if most is None else min(high, most), low)
        return low, high

    def _auto_bands(self, chunk: int) -> int:
        demand = self.entry.demand
        if demand is None:
            return bands.AUTO_MIN_BANDS
        share = demand.exact_tokens_per_second() * Fraction(self.entity.traffic_percent, 100)
        percent = self.entry.headroom_percent
        return bands.bands_for(share, bands.DEFAULT_HEADROOM_PERCENT if percent is None else percent, chunk)

    def _asked_family(self) -> Literal["bands", "model_units"]:
        return "model_units" if isinstance(self.entity.throughput, ModelUnitThroughput) else "bands"

    def _warn_of_no_floor(self, low: int, chunk: int | None = None) -> None:
        if low == 0:
            least = 1 if chunk is None else max(1, self.policies.least_chunks(self._demand(), chunk))
            chunks = "1 chunk" if least == 1 else f"{least} chunks"
            path = f"{self.path}throughput"
            step = f"write a min of {chunks}, or waive floor-zero"
            self._problem(rules.FLOOR_ZERO, path, "the band starts at 0", step)

    def _demand(self) -> Fraction:
        """This entity's share of the demand in tokens/s; 0 where none is stated."""
        if self.entry.demand is None:
            return Fraction(0)
        return self.entry.demand.exact_tokens_per_second() * Fraction(self.entity.traffic_percent, 100)

    def _warn_of_many_bands(self, band: BandRange | WantedBandRange, chunk: int | None) -> None:
        """Tokens per second written as bands cost a thousand times what was meant."""
        if band.max < MANY_BANDS:
            return
        if chunk is not None and self.entry.demand is not None and band.max <= 10 * self._auto_bands(chunk):
            return
        path = f"{self.path}throughput/bands"
        finding = f"{band.max:,} bands" + ("" if chunk is None else f" of {chunk} are {band.max * chunk:,} tokens/s")
        step = "if tokens/s are meant, write tokens_per_second in place of bands; else waive bands-many"
        self._problem(rules.BANDS_MANY, path, finding, step)

    def _problem(self, rule: Rule, path: str, finding: str, step: str) -> None:
        self.problems.append(rule.problem(self.source, path, finding, step))

    def _result(self, sizing: EntitySizing | None, family: Family, deferred: str = "") -> SizedEntity:
        return SizedEntity(sizing, family, tuple(self.problems), deferred)


def _accepted(band: BandRange | WantedBandRange | TokenRange | WantedTokenRange) -> int | None:
    """The ceiling that will do; None where only the wanted one does."""
    return band.accept if isinstance(band, (WantedBandRange, WantedTokenRange)) else None
