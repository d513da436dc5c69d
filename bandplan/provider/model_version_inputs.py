"""The inputs of a ModelVersion: what they may contain, checked before anything is read or sent. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.provider.input_kinds import InputProblem, of_kind, unknown_names
from bandplan.wire.property_path import property_path

INPUTS = (
    "name",
    "source",
    "task",
    "metadata",
    "mlflowVersion",
    "description",
    "tags",
    "retain",
    "throughput",
    "digest",
)
REPLACING = ("name", "digest")
"""Inputs whose change requires a new version; a source that was only moved has the same digest."""

_TEXTS = ("name", "source", "task", "mlflowVersion", "description", "digest")
_REQUIRED = ("name", "source", "task")
_MAPS = ("metadata", "tags")
_ASKED_KEYS = ("endpoint", "entity", "task", "trafficPercent", "throughput", "demand", "headroomPercent")


@dataclass(frozen=True)
class WantedVersion:
    """Checked inputs, all of them known."""

    name: str
    source: str
    task: str
    digest: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    mlflow_version: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    retain: bool = True
    throughput: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> "WantedVersion":
        retain = inputs.get("retain")
        return cls(
            name=inputs["name"],
            source=inputs["source"],
            task=inputs["task"],
            digest=inputs.get("digest") or "",
            metadata=inputs.get("metadata") or {},
            mlflow_version=inputs.get("mlflowVersion") or None,
            description=inputs.get("description") or None,
            tags=inputs.get("tags") or {},
            retain=True if retain is None else retain,
            throughput=tuple(inputs.get("throughput") or ()),
        )


def version_findings(inputs: Mapping[str, Any]) -> tuple[InputProblem, ...]:
    """Return everything wrong with the plain inputs; unknown values pass."""
    return tuple(_findings(inputs))


def _findings(inputs: Mapping[str, Any]) -> Iterator[InputProblem]:
    yield from unknown_names((), inputs, INPUTS)
    for name in _TEXTS:
        yield from of_kind((name,), inputs.get(name), str, required=name in _REQUIRED)
    model = inputs.get("name")
    if isinstance(model, str) and model.count(".") != 2:
        yield InputProblem("name", f"is {model!r}; a registered model has a three-level name, catalog.schema.model")
    yield from of_kind(("retain",), inputs.get("retain"), bool)
    for key in _MAPS:
        yield from of_kind((key,), inputs.get(key), dict)
        value = inputs.get(key)
        for inner, text in value.items() if isinstance(value, Mapping) else ():
            yield from of_kind((key, inner), text, str)
    yield from _asked_findings(inputs.get("throughput"))


def _asked_findings(asked: Any) -> Iterator[InputProblem]:
    yield from of_kind(("throughput",), asked, list)
    for index, item in enumerate(asked if isinstance(asked, list) else ()):
        yield from of_kind(("throughput", index), item, dict, required=True)
        if not isinstance(item, Mapping):
            continue
        yield from unknown_names(("throughput", index), item, _ASKED_KEYS)
        for key in ("endpoint", "task", "throughput"):
            if item.get(key) is None:
                yield InputProblem(property_path(("throughput", index)), f"has no {key}")
        if any(value is UNKNOWN for value in item.values()):
            yield InputProblem(property_path(("throughput", index)), "must be known before the deployment")
