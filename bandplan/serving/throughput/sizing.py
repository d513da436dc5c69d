"""Turn an entry and the platform's answers about its models into plain numbers or problems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeVar

from bandplan.planner.sizes import Sizes
from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, in_order
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.demand_limits import limit_problems
from bandplan.serving.throughput.entity_sizer import size_entity
from bandplan.serving.throughput.entity_sizing import EntitySizing, SizedEntity
from bandplan.serving.throughput.headroom import headroom_problems
from bandplan.serving.throughput.latency import target_of
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.regional import regional_problems
from bandplan.serving.throughput.regions import RegionTable
from bandplan.serving.throughput.registrations import registration_conflicts
from bandplan.serving.throughput.rollout import Stage
from bandplan.serving.throughput.waivers import Waived, waive, waiver_problems
from bandplan.wire.band_policies import BUDGET, NO_POLICIES, BandPolicies

Family = Literal["bands", "model_units", "workload"]
Amount = TypeVar("Amount", int, float)
Answers = Mapping[ModelVersion, OptimizationInfo | Unavailable]

__all__ = ["EndpointSizing", "EntitySizing", "Sized", "size", "size_entry"]


@dataclass(frozen=True)
class EndpointSizing:
    """The capacity of one endpoint.

    Units: tokens per second, input and output together. A number is None if it does not apply (a floor in model units)
    or is not known yet; `deferred` then lists what is checked later. `headroom` is ceiling over demand: 1.2 is 20
    percent, rounded to 3 decimals. `estimated_tokens_per_second` is published for model units and requests of the
    demand's shape; it holds for no other shape. `entities` are those of the rollout's stage, if there is one.
    """

    entry: Entry
    family: Family
    entities: tuple[EntitySizing, ...]
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    demand_tokens_per_second: float | None
    headroom: float | None
    burst: bool
    deferred: tuple[str, ...]
    estimated_tokens_per_second: float | None = None
    rollout: Stage | None = None

    @property
    def has_latency_target(self) -> bool:
        """Whether the entry's demand limits what its requests may take."""
        return self.entry.demand is not None and bool(target_of(self.entry.demand).limits)

    @property
    def accepts_less(self) -> bool:
        """Whether the entry accepts less than the wanted capacity while the platform has no GPU capacity (S18)."""
        return any(entity.accepts_less for entity in self.entities)

    @property
    def accepted_ceiling_tokens_per_second(self) -> int | None:
        """The acceptable fallback ceiling; None if the entry accepts no less, or if it is not known yet."""
        if self.family != "bands" or not self.accepts_less:
            return None
        return _total([accepted_maximum(entity) for entity in self.entities])

    @property
    def accepted_model_units(self) -> int | None:
        """The acceptable fallback model units; None if the entry accepts no less."""
        if self.family != "model_units" or not self.accepts_less:
            return None
        return _total([accepted_units(entity) for entity in self.entities])


def accepted_maximum(entity: EntitySizing) -> int | None:
    """Return the lowest acceptable ceiling in tokens/s."""
    accepted = entity.accepted_max_provisioned_throughput
    if accepted is not None or entity.accepted_max_bands is not None:
        return accepted
    return entity.max_provisioned_throughput


def accepted_units(entity: EntitySizing) -> int | None:
    """Return the lowest acceptable number of model units."""
    return entity.model_units if entity.accepted_model_units is None else entity.accepted_model_units


@dataclass(frozen=True)
class Sized:
    """The endpoints that could be sized, in the order of the file; problems by place; and the waived warnings."""

    endpoints: tuple[EndpointSizing, ...]
    problems: tuple[Problem, ...]
    waived: tuple[Waived, ...] = ()


@dataclass(frozen=True)
class SizingRequest:
    """What the sizes of a fleet depend on besides its entries and the optimization info.

    Without `today` no waiver is applied, and every warning stands. `regions` replaces the shipped table. Suggested
    bands comply with `policies`. Versions in `unknown` are sized as if they did not exist yet. `sizes` has the
    planner's answers so far, and gets those that are added.
    """

    today: date | None = None
    regions: RegionTable | None = None
    policies: BandPolicies = NO_POLICIES
    unknown: Collection[ModelVersion] = ()
    sizes: Sizes | None = None


def size(
    fleet: Fleet,
    answers: Answers,
    source: Source,
    found: Iterable[Problem] = (),
    request: SizingRequest = SizingRequest(),
) -> Sized:
    """Size every entry of `fleet`.

    `answers` holds the optimization info of `needed.model_versions(fleet)`; a missing answer counts as unavailable.
    `found` are problems of the same entries found elsewhere, to be waived and ordered with the rest.
    """
    today, unknown, sizes = request.today, request.unknown, Sizes() if request.sizes is None else request.sizes
    endpoints: list[EndpointSizing] = []
    problems: list[Problem] = list(found)
    policies = request.policies.without({BUDGET} & {waiver.policy for waiver in fleet.waivers})
    for entry in fleet.models:
        entities = tuple(
            replace(one, version=None) if ModelVersion(one.model, one.version or "") in unknown else one
            for one in entry.entities
        )
        sized, of_entry = _size_entry(entry, entities, fleet.allow_legacy, answers, source, policies, sizes)
        problems += of_entry
        if sized is not None:
            endpoints.append(sized)
    problems += registration_conflicts(fleet, source)
    problems += limit_problems(fleet, source)
    problems += regional_problems(fleet, source, request.regions)
    problems += waiver_problems(fleet, source)
    if today is None:
        return Sized(tuple(endpoints), in_order(problems))
    standing, waived = waive(problems, fleet, today, source)
    return Sized(tuple(endpoints), standing, waived)


def size_entry(
    entry: Entry,
    answers: Answers,
    registered: Mapping[str, str],
    source: Source,
    *,
    allow_legacy: bool = False,
    policies: BandPolicies = NO_POLICIES,
    sizes: Sizes | None = None,
) -> tuple[EndpointSizing | None, tuple[Problem, ...]]:
    """Size one entry once versions that the fleet registers exist: `registered` has them by entity path."""
    entities = tuple(
        replace(entity, version=registered[entity.path]) if entity.path in registered else entity
        for entity in entry.entities
    )
    sized, problems = _size_entry(entry, entities, allow_legacy, answers, source, policies, sizes or Sizes())
    return sized, in_order(problems)


def _size_entry(
    entry: Entry,
    entities_wanted: tuple[Entity, ...],
    allow_legacy: bool,
    answers: Answers,
    source: Source,
    policies: BandPolicies,
    sizes: Sizes,
) -> tuple[EndpointSizing | None, list[Problem]]:
    policies = policies.without({waiver.policy for waiver in entry.waivers})
    told = [_answer(answers, entity.model, entity.version) for entity in entities_wanted]
    sized = [
        size_entity(entry, entity, answer, allow_legacy, source, policies, sizes)
        for entity, answer in zip(entities_wanted, told, strict=True)
    ]
    # Entities with the same chunk miss a target of the entry alike.
    problems = list(dict.fromkeys(problem for one in sized for problem in one.problems))
    families = {one.family for one in sized if one.family is not None}
    if len(families) > 1:
        finding = f"the entities use {' and '.join(sorted(families))}"
        step = "serve them from two endpoints, or give all the same kind"
        problems.append(rules.MIXED.problem(source, f"models/{entry.name}/entities", finding, step))
        return None, problems
    entities = [one.sizing for one in sized if one.sizing is not None]
    if len(entities) < len(sized) or not families:
        return None, problems
    endpoint = _endpoint(entry, families.pop(), tuple(entities), sized)
    return endpoint, [*problems, *headroom_problems(entry, endpoint.entities, source, policies)]


def _endpoint(
    entry: Entry, family: Family, entities: tuple[EntitySizing, ...], sized: list[SizedEntity]
) -> EndpointSizing:
    floor = _total([entity.min_provisioned_throughput for entity in entities])
    ceiling = _total([entity.max_provisioned_throughput for entity in entities])
    demand = entry.demand.tokens_per_second if entry.demand is not None else None
    return EndpointSizing(
        entry=entry,
        family=family,
        entities=entities,
        floor_tokens_per_second=floor,
        ceiling_tokens_per_second=ceiling,
        model_units=_total([entity.model_units for entity in entities]),
        demand_tokens_per_second=demand,
        headroom=round(ceiling / demand, 3) if ceiling is not None and demand else None,
        burst=any(entity.may_burst for entity in entities),
        deferred=tuple(one.deferred for one in sized if one.deferred),
        estimated_tokens_per_second=_total([entity.estimated_tokens_per_second for entity in entities]),
    )


def _answer(answers: Answers, model: str, version: str | None) -> OptimizationInfo | Unavailable | None:
    """Return the answer about a version; None for a version that does not exist yet."""
    if version is None:
        return None
    return answers.get(ModelVersion(model, version)) or Unavailable("the workspace was not contacted")


def _total(amounts: list[Amount | None]) -> Amount | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None
