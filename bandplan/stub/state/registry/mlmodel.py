"""Read the `MLmodel` file of an uploaded model: plain YAML of bounded size and depth; nothing in it is executed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
"""Arbitrary bounds, far above what MLflow writes. libyaml crashes the process on a document that is nested too deeply.
"""


class UnreadableModel(Exception):
    """The file is not a valid MLmodel file; the message says why."""


@dataclass(frozen=True, slots=True)
class MlModel:
    """The parts of an MLmodel file that the workspace uses: `flavors` by name, `metadata` as logged, and the MLflow
    version that logged it.
    """

    flavors: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    mlflow_version: str | None = None

    @property
    def transformers(self) -> Mapping[str, Any] | None:
        return _mapping(self.flavors.get("transformers")) if "transformers" in self.flavors else None


def read(data: bytes) -> MlModel:
    """Read the contents of an MLmodel file. Raises UnreadableModel."""
    if len(data) > MAX_BYTES:
        raise UnreadableModel(f"is larger than {MAX_BYTES} bytes")
    document = _load(data)
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise UnreadableModel("has no flavors")
    version = document.get("mlflow_version")
    return MlModel(
        flavors=document["flavors"],
        metadata=_mapping(document.get("metadata")),
        mlflow_version=str(version) if version is not None else None,
    )


def _load(data: bytes) -> Any:
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        def flatten_mapping(self, node: Any) -> None:
            """Leave merge keys unexpanded, unlike a safe loader: a few lines of them can fill the memory."""

    try:
        text = data.decode()
        depth = 0
        for event in yaml.parse(text, Loader=base):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise UnreadableModel(f"is nested more than {MAX_DEPTH} levels deep")
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableModel("is not valid YAML") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
