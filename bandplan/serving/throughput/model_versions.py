"""The model versions to ask a workspace about."""

from __future__ import annotations

from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput.optimization_info import ModelVersion


def has_legacy(fleet: Fleet) -> bool:
    """Whether an entry has a legacy workload, whose version is checked in Unity Catalog itself."""
    return any(isinstance(entity.throughput, Workload) for entry in fleet.models for entity in entry.entities)


def model_versions(fleet: Fleet) -> tuple[ModelVersion, ...]:
    """Return the distinct versions, in order, without versions still to be registered and legacy workloads."""
    return tuple(
        sorted(
            {
                ModelVersion(entity.model, entity.version)
                for entry in fleet.models
                for entity in entry.entities
                if entity.version is not None and not isinstance(entity.throughput, Workload)
            }
        )
    )
