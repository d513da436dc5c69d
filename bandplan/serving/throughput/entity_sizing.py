"""The capacity of one served entity, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.workload import WorkloadSize, WorkloadType
from bandplan.serving.throughput.registration_rules import TaskPlace
from bandplan.wire.planned import Planned

Family = Literal["bands", "model_units", "workload"]


@dataclass(frozen=True)
class EntitySizing:
    """The capacity of one served entity: a band, model units, or a legacy workload; the fields of the others are None.

    Units: tokens per second, input and output together. For a version still to be registered, values that depend on its
    chunk are None. `burst` is the declared value, or None; `model_unit_chunk_size` is the increment of units, None if
    unknown. `estimated_tokens_per_second` is for model units and the one published shape. `task_place` is where MLflow
    takes the task if this deployment logs the model. `alias` is the one that the entity follows. Maxima and units are
    the wanted ones; `accepted_` ones are the acceptable fallback while there is no GPU capacity, None if the entry
    accepts no less. `planned` is what the demand's latency target needs, None without one or if nothing keeps it;
    `unmeetable` then says why.
    """

    served_name: str
    model: str
    version: str | None
    traffic_percent: int
    chunk_tokens_per_second: int | None = None
    min_bands: int | None = None
    max_bands: int | None = None
    min_provisioned_throughput: int | None = None
    max_provisioned_throughput: int | None = None
    model_units: int | None = None
    burst: bool | None = False
    workload_type: WorkloadType | None = None
    workload_size: WorkloadSize | None = None
    scale_to_zero: bool | None = None
    estimated_tokens_per_second: float | None = None
    task_place: TaskPlace | None = None
    alias: str | None = None
    accepted_max_bands: int | None = None
    accepted_max_provisioned_throughput: int | None = None
    accepted_model_units: int | None = None
    model_unit_chunk_size: int | None = None
    planned: Planned | None = None
    unmeetable: str = ""

    @property
    def floor_tokens_per_second(self) -> int | None:
        """The floor, under the name that endpoints, shares and outputs use."""
        return self.min_provisioned_throughput

    @property
    def ceiling_tokens_per_second(self) -> int | None:
        """The ceiling, under the name that endpoints, shares and outputs use."""
        return self.max_provisioned_throughput

    @property
    def accepted_ceiling_tokens_per_second(self) -> int | None:
        """The acceptable fallback ceiling, under the name that endpoints and outputs use."""
        return self.accepted_max_provisioned_throughput

    @property
    def may_burst(self) -> bool:
        """Whether the entity may scale past its model units: true unless declared otherwise, the platform's default."""
        return self.model_units is not None and self.burst is not False

    @property
    def accepts_less(self) -> bool:
        """Whether the entry accepts less than the wanted capacity while there is no GPU capacity."""
        accepted = (self.accepted_max_bands, self.accepted_max_provisioned_throughput, self.accepted_model_units)
        return any(amount is not None for amount in accepted)


@dataclass(frozen=True)
class SizedEntity:
    """The sizing, or None if it is impossible; the kind of capacity requested; and the deferred checks."""

    sizing: EntitySizing | None
    family: Family | None
    problems: tuple[Problem, ...]
    deferred: str = ""
