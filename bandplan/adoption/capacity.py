"""The capacity of a live entity in the terms of models.yaml: whole chunks, model units, or a legacy workload. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from bandplan.serving.endpoint.live_endpoint import ServedEntity
from bandplan.serving.spec.workload import WorkloadSize, WorkloadType
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable

_BILLIONS = re.compile(r"(?<![0-9a-z])(\d+(?:[._]\d+)?)b(?![0-9a-z])")
# The largest compute is for 70 billion, the others for less ("Optimized LLM serving", docs.databricks.com).
_USUAL_BILLIONS = {"GPU_LARGE_2": 70}
_ACCOUNT_TEAM_BILLION = 50


class NotSayable(Exception):
    """models.yaml cannot declare this capacity; the message says why and what to do."""


@dataclass(frozen=True)
class EntryCapacity:
    """A capacity to declare. `key` is `throughput` or `workload`; `notes` say what was guessed or cannot be read."""

    key: str
    value: Mapping[str, Any]
    notes: tuple[str, ...] = field(default_factory=tuple)


def throughput(entity: ServedEntity, info: OptimizationInfo | Unavailable | None) -> EntryCapacity:
    """Convert to a band or model units, using the platform's answer about the version. Errors: NotSayable."""
    units = entity.settings.get("provisioned_model_units")
    if isinstance(info, Unavailable) or info is None:
        raise NotSayable(info.reason if info is not None else "the workspace was not asked for its optimization info")
    if not info.optimizable:
        raise NotSayable(f"{model_of(entity)} is no longer eligible for provisioned throughput")
    if units:
        if info.throughput_chunk_size is not None:
            raise NotSayable(f"{entity.name} runs in model units, but its model is now sold in bands")
        return _units(entity, int(units))
    return _band(entity, info.throughput_chunk_size)


def workload(entity: ServedEntity) -> EntryCapacity:
    """Convert to a legacy workload. Errors: NotSayable for a type or size that models.yaml does not accept."""
    settings = entity.settings
    kind, size = settings.get("workload_type") or "CPU", settings.get("workload_size") or "Small"
    if kind not in get_args(WorkloadType):
        raise NotSayable(f"{entity.name} runs on {kind}; models.yaml accepts {', '.join(get_args(WorkloadType))}")
    if size not in get_args(WorkloadSize):
        raise NotSayable(f"{entity.name} has the size {size}; models.yaml accepts {', '.join(get_args(WorkloadSize))}")
    billions, notes = _billions(entity, str(kind))
    value: dict[str, Any] = {"type": kind, "size": size, "parameters_billion": billions}
    if settings.get("scale_to_zero_enabled"):
        value["scale_to_zero"] = True
    if billions >= _ACCOUNT_TEAM_BILLION:
        value["gpu_access_confirmed"] = True
    return EntryCapacity("workload", value, notes)


def model_of(entity: ServedEntity) -> str:
    """Format model and version for people."""
    settings = entity.settings
    name = settings.get("entity_name") or settings.get("model_name")
    return f"{name} version {settings.get('entity_version') or settings.get('model_version')}"


def _units(entity: ServedEntity, units: int) -> EntryCapacity:
    burst = entity.settings.get("burst_scaling_enabled")
    if burst is not None:
        return EntryCapacity("throughput", {"model_units": units, "burst": bool(burst)})
    note = (
        f"{entity.name}: the platform does not report whether it may burst, which is the default; a "
        "deployment leaves that setting alone unless you write `burst: true` or `burst: false`"
    )
    return EntryCapacity("throughput", {"model_units": units}, (note,))


def _band(entity: ServedEntity, chunk: int | None) -> EntryCapacity:
    if chunk is None:
        raise NotSayable(f"{entity.name} runs in tokens/s, but its model is now sold in model units")
    low = int(entity.settings.get("min_provisioned_throughput") or 0)
    high = int(entity.settings.get("max_provisioned_throughput") or 0)
    for word, bound in (("minimum", low), ("maximum", high)):
        if bound % chunk:
            below = bound // chunk * chunk
            raise NotSayable(
                f"the {word} of {entity.name} is {bound} tokens/s, which is not a multiple of its chunk, "
                f"{chunk}: set it to "
                f"{below or chunk} or {below + chunk} in the workspace first, then adopt it"
            )
    if high < chunk:
        raise NotSayable(
            f"{entity.name} has a maximum of {high} tokens/s; models.yaml requires at least one chunk ({chunk})"
        )
    return EntryCapacity("throughput", {"bands": {"min": low // chunk, "max": high // chunk}})


def _billions(entity: ServedEntity, kind: str) -> tuple[float | int, tuple[str, ...]]:
    last = str(entity.settings.get("model_name") or entity.settings.get("entity_name")).rsplit(".", 1)[-1].lower()
    found = _BILLIONS.search(last.replace("-", "_").replace("_", " "))
    if found is not None:
        number = float(found[1].replace("_", "."))
        return (int(number) if number.is_integer() else number), ()
    usual = _USUAL_BILLIONS.get(kind, 7)
    note = (
        f"{entity.name}: its model's name does not contain the number of parameters; {usual} billion is a "
        f"guess based on {kind}"
    )
    return usual, (note,)
