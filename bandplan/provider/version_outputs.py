"""The outputs of a ModelVersion: from a live version and the platform's answer about it, and back. Pure."""

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.values import UNKNOWN, property_values
from bandplan.provider.existing_version import live_differences
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.serving.workspace.registry_entries import RegisteredVersion

OUTPUTS = ("version", "status", "adopted", "optimizable", "modelType", "throughputChunkSize", "runId")


def unknown_outputs(inputs: dict[str, PropertyValue]) -> dict[str, PropertyValue]:
    """Return the outputs of a version that does not exist yet."""
    return {**inputs, **property_values(dict.fromkeys(OUTPUTS, UNKNOWN))}


def version_outputs(
    inputs: dict[str, PropertyValue],
    live: RegisteredVersion,
    answer: OptimizationInfo | Unavailable,
    *,
    is_adopted: bool,
) -> dict[str, PropertyValue]:
    """Return the outputs of an existing version; without an answer it counts as not eligible."""
    info = answer if isinstance(answer, OptimizationInfo) else OptimizationInfo(optimizable=False)
    values = {
        "version": live.version,
        "status": live.status,
        "adopted": is_adopted,
        "optimizable": info.optimizable,
        # Never absent: at a preview, a program treats an absent output as an unknown one.
        "modelType": info.model_type or "",
        "throughputChunkSize": info.throughput_chunk_size or 0,
        "runId": live.run_id,
    }
    return {**inputs, **property_values(values)}


def recorded_answer(state: Mapping[str, Any]) -> OptimizationInfo | None:
    """Return the answer in the state; None if it was a no, which may have changed.

    Also None for a version in model units: the state does not hold their increment.
    """
    chunk = state.get("throughputChunkSize")
    if state.get("optimizable") is not True or not chunk:
        return None
    return OptimizationInfo(True, state.get("modelType") or None, chunk)


def as_live(known: Mapping[str, Any], live: RegisteredVersion) -> dict[str, Any]:
    """Return the live values of the properties that differ; None or {} for one that no longer exists."""
    changes: dict[str, Any] = {}
    for difference in live_differences(known, live):
        match difference.path:
            case ("description",):
                changes["description"] = live.description
            case ("tags", str(key)):
                tags = changes.setdefault("tags", dict(known.get("tags") or {}))
                if difference.live is None:
                    tags.pop(key)
                else:
                    tags[key] = difference.live
    return changes
