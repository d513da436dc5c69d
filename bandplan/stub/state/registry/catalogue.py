"""What the platform knows about model versions: task, capacity, chunk size. The figures are in catalogue.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Capacity = Literal["bands", "model_units", "none"]

MOST_OUTPUT_TOKENS = 8192
"""Maximum output of one answer, for a model without a published figure: what a workspace reported for a Llama
(github.com/databricks/databricks-sdk-go issue 1183, 2025-03).
"""

DATA_FILE = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one model version; `chunk_tokens_per_second` is set for `bands` only, `dimension` (of a vector) for
    embedding models only. `unit_chunk` is the increment of model units, where it has been observed. `context_tokens` is
    the maximum for a prompt and its answer together, None if unknown. `sizes` are those of a user's config.json.
    """

    task: str | None
    capacity: Capacity
    model_type: str | None = None
    chunk_tokens_per_second: int | None = None
    chunk_source: str | None = None
    normalised: bool = False
    dimension: int | None = None
    is_base_llama: bool = False
    unit_chunk: int | None = None
    context_tokens: int | None = None
    context_source: str | None = None
    most_output_tokens: int = MOST_OUTPUT_TOKENS
    sizes: Mapping[str, Any] | None = None

    @property
    def is_optimizable(self) -> bool:
        return self.capacity != "none"


@dataclass(frozen=True, slots=True)
class PayPerToken:
    """One of the platform's own endpoints; `model` is the preinstalled model it serves, "" if it is in no catalog."""

    name: str
    task: str
    title: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Preinstalled models (name to version to facts), the facts of each family of users' models, the catalogs, and the
    platform's own endpoints.
    """

    models: Mapping[str, Mapping[str, Facts]]
    families: Mapping[str, Facts]
    catalogs: Mapping[str, tuple[str, ...]]
    pay_per_token: tuple[PayPerToken, ...]

    def user_model(
        self,
        family: str | None,
        task: str | None,
        dimension: int | None,
        context_tokens: int | None,
        sizes: Mapping[str, Any] | None,
    ) -> Facts:
        """Return the facts of a user's version; it is not eligible unless the platform optimizes its family."""
        known = self.families.get(family or "")
        return (
            replace(
                known,
                task=task,
                dimension=dimension or known.dimension,
                context_tokens=context_tokens,
                sizes=sizes,
            )
            if known
            else Facts(task=task, capacity="none")
        )


def load(path: Path = DATA_FILE) -> Catalogue:
    """Load the data file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    models = {model["name"]: _versions(model) for model in data["models"]}
    families = {row["model_type"]: _facts(row, row.get("chunk")) for row in data["user_models"]}
    catalogs = {name: tuple(schemas) for name, schemas in data["catalogs"].items()}
    return Catalogue(models, families, catalogs, tuple(PayPerToken(**row) for row in data["pay_per_token"]))


def _versions(model: dict[str, Any]) -> dict[str, Facts]:
    return {version: _facts(model, chunk) for version, chunk in model["versions"].items()}


def _facts(row: dict[str, Any], chunk: int | None) -> Facts:
    facts = Facts(
        task=row.get("task"),
        capacity=row["capacity"],
        model_type=row.get("model_type"),
        normalised=row.get("normalised", False),
        dimension=row.get("dimension"),
        is_base_llama=row.get("base", False),
        unit_chunk=row.get("unit_chunk"),
        context_tokens=row.get("context"),
        context_source=row.get("context_source"),
        most_output_tokens=row.get("output", MOST_OUTPUT_TOKENS),
    )
    if chunk is None:
        return facts
    return replace(facts, chunk_tokens_per_second=chunk, chunk_source=row["chunk_source"])
