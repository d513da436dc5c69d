"""Migrate legacy optimized serving to provisioned throughput (S28): each entity's band, the reasons, the unknowns.

The mapping follows the two payloads: `served_models` to `served_entities`, `model_name` and `model_version` to
`entity_name` and `entity_version` (models.yaml has `model` and `version` for both), `workload_type` and `workload_size`
to a band, `scale_to_zero_enabled` to nothing. Sources: "Optimized large language model serving" and "Provisioned
throughput Foundation Model APIs", docs.databricks.com; no conversion of sizes is published. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandplan.serving.editing.edits import CannotEdit, Edit, Put, Remove, edited
from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput.bands import AUTO_MIN_BANDS, DEFAULT_HEADROOM_PERCENT, bands_for
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable

Answers = Mapping[ModelVersion, OptimizationInfo | Unavailable]

_MLFLOW = "2.11"
"""The MLflow version that provisioned throughput requires to have logged a model ("Provisioned throughput ...",
requirements).
"""


DEPLOYMENT = (
    "`up` updates the endpoint in place (served_models to served_entities, one config update). The current entities "
    "keep serving until the new ones are ready. There is no downtime, but the update needs GPU capacity for both",
    "if the update fails, the legacy workload keeps serving, and the next preview shows it",
    "callers must change: the legacy request formats (dataframe_split, dataframe_records, instances, inputs) become "
    "the task's own (`prompt`, `max_tokens`, ...)",
)
"""What an `up` of a migrated entry does; the platform keeps the old config serving during an update."""


@dataclass(frozen=True)
class Band:
    """The band that replaces one entity's workload, in chunks; `is_guess` if there is no demand to size it from."""

    path: str
    min_bands: int
    max_bands: int
    chunk_tokens_per_second: int
    is_guess: bool

    @property
    def value(self) -> dict[str, Any]:
        """The entity's `throughput`."""
        return {"bands": {"min": self.min_bands, "max": self.max_bands}}


@dataclass(frozen=True)
class Migration:
    """One migrated entry: the bands of its entities, and a reviewer's notes, a line each. DEPLOYMENT applies to all."""

    name: str
    bands: tuple[Band, ...]
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Left:
    """An entry that stays legacy, and the reason."""

    name: str
    reason: str


def legacy_versions(fleet: Fleet) -> tuple[ModelVersion, ...]:
    """Return the versions whose optimization info `migrations` needs."""
    return tuple(
        dict.fromkeys(
            ModelVersion(entity.model, entity.version)
            for entry in fleet.models
            for entity in legacy_entities(entry)
            if entity.version is not None
        )
    )


def legacy_entities(entry: Entry) -> tuple[Entity, ...]:
    return tuple(entity for entity in entry.entities if isinstance(entity.throughput, Workload))


def migrations(
    fleet: Fleet, data: Mapping[str, Any], answers: Answers, names: Sequence[str] = ()
) -> tuple[Migration | Left, ...]:
    """Migrate every legacy entry, or those in `names`; `data` is models.yaml as written."""
    return tuple(
        _migration(entry, data, answers)
        for entry in fleet.models
        if legacy_entities(entry) and (not names or entry.name in names)
    )


def migrated(text: str, data: Mapping[str, Any], found: Sequence[Migration]) -> str:
    """Replace the workloads in the text by the bands. Errors: CannotEdit."""
    entries = data.get("models") or []
    indexes = {entry.get("name"): index for index, entry in enumerate(entries) if isinstance(entry, dict)}
    edits: list[Edit] = []
    for one in found:
        index = indexes[one.name]
        for band in one.bands:
            place = [int(part) if part.isdigit() else part for part in band.path.split("/") if part]
            at = ("models", index, *place)
            edits.append(Put((*at, "throughput"), band.value, _comment(band), instead_of="workload"))
        if "allow_legacy" in entries[index]:
            edits.append(Remove(("models", index, "allow_legacy")))
    new = edited(text, edits)
    if new == text and found:
        raise CannotEdit("nothing could be replaced")
    return new


def _migration(entry: Entry, data: Mapping[str, Any], answers: Answers) -> Migration | Left:
    overridden = [
        stack
        for stack, entries in (data.get("overrides") or {}).items()
        if isinstance(entries, dict) and _has_workload(entries.get(entry.name))
    ]
    if overridden:
        return Left(entry.name, f"overrides of {', '.join(overridden)} change its workload; remove that first")
    bands: list[Band] = []
    reasons: list[str] = []
    unknown: list[str] = []
    for entity in legacy_entities(entry):
        band = _band(entry, entity, answers)
        if isinstance(band, str):
            return Left(entry.name, band)
        bands.append(band)
        reasons += _reasons(entity, band)
        unknown += _unknown(entry, entity, band)
    if len(bands) < len(entry.entities):
        reasons.append("its other entities are already on provisioned throughput")
    reasons.append(_permission(entry.name, data))
    return Migration(entry.name, tuple(bands), tuple(reasons), tuple(unknown))


def _permission(name: str, data: Mapping[str, Any]) -> str:
    entries = [entry for entry in data.get("models") or () if isinstance(entry, dict) and entry.get("name") == name]
    if any("allow_legacy" in entry for entry in entries):
        return "allow_legacy is no longer needed"
    return "the file's own allow_legacy stays: remove it once no entry is legacy"


def _has_workload(override: Any) -> bool:
    if not isinstance(override, dict):
        return False
    inner = override.get("entities")
    return "workload" in override or any(
        isinstance(one, dict) and "workload" in one for one in (inner if isinstance(inner, list) else ())
    )


def _band(entry: Entry, entity: Entity, answers: Answers) -> Band | str:
    """Return the band, or the reason why there is none."""
    version = ModelVersion(entity.model, entity.version or "")
    info = answers.get(version)
    if info is None or isinstance(info, Unavailable):
        told = info.reason if info is not None else "its version is unknown"
        return f"{entity.model}: {told}"
    if not info.optimizable:
        return (
            f"{entity.model} version {entity.version} is not eligible for provisioned throughput: log the model again "
            f"with MLflow {_MLFLOW} or later and its task, register it, and name the new version"
        )
    if info.throughput_chunk_size is None:
        return f"{entity.model} is sold in model units: write `throughput: {{{info.sold_in}: ...}}` from a load test"
    workload = entity.throughput
    idles = isinstance(workload, Workload) and workload.scale_to_zero and workload.type == "CPU"
    low = 0 if idles else AUTO_MIN_BANDS
    high, is_guess = AUTO_MIN_BANDS, True
    share = None if entry.demand is None else entry.demand.share_of_tokens(entity.traffic_percent)
    if share is not None:
        percent = DEFAULT_HEADROOM_PERCENT if entry.headroom_percent is None else entry.headroom_percent
        high, is_guess = bands_for(share, percent, info.throughput_chunk_size), False
    return Band(entity.path, low, high, info.throughput_chunk_size, is_guess)


def _reasons(entity: Entity, band: Band) -> list[str]:
    workload = entity.throughput
    if not isinstance(workload, Workload):
        return []
    compute = " ".join(filter(None, (workload.type, workload.size)))
    floor, ceiling = band.min_bands * band.chunk_tokens_per_second, band.max_bands * band.chunk_tokens_per_second
    size = f"{floor:,} to {ceiling:,} tokens/s, input and output together"
    found = [
        f"{entity.served_name}: workload {compute} becomes a band of {band.min_bands} to {band.max_bands} chunks of "
        f"{band.chunk_tokens_per_second:,} ({size})",
        "parameters_billion and gpu_access_confirmed are removed: a band is sized in tokens/s, not by the model's size",
    ]
    if workload.scale_to_zero:
        found.append("scale_to_zero becomes a floor of 0: the first request waits for a scale-up")
    return found


def _unknown(entry: Entry, entity: Entity, band: Band) -> list[str]:
    found = []
    if band.is_guess:
        found.append(
            f"{entity.served_name}: its demand: {entry.name} declares none, and the platform "
            "publishes no conversion of workload sizes, so the band is the smallest possible"
        )
    else:
        found.append(f"{entity.served_name}: whether the declared demand is what the endpoint really gets")
    found.append(
        f"{entity.served_name}: how it was logged: the platform says that the version is eligible, which a model of an "
        f"MLflow before {_MLFLOW} may not be"
    )
    return found


def _comment(band: Band) -> tuple[str, ...]:
    if not band.is_guess:
        return ()
    tokens = band.max_bands * band.chunk_tokens_per_second
    return (f"The smallest band, up to {tokens:,} tokens/s, because no demand is declared. Load-test it.",)
