"""What the platform knows about model versions: task, capacity, chunk size. The figures are in catalogue.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Capacity = Literal["bands", "model_units", "none"]

DATA_FILE = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for one model version; `chunk_tokens_per_second` is there for `bands` only."""

    task: str | None
    capacity: Capacity
    model_type: str | None = None
    chunk_tokens_per_second: int | None = None
    chunk_source: str | None = None
    normalised: bool = False
    is_base_llama: bool = False

    @property
    def is_optimizable(self) -> bool:
        return self.capacity != "none"


@dataclass(frozen=True, slots=True)
class UserModelRule:
    """Facts for models made by users whose model_type or name holds `word`."""

    word: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Preinstalled models (name to version to facts) and the rules for models made by users."""

    models: Mapping[str, Mapping[str, Facts]]
    user_model_rules: tuple[UserModelRule, ...]

    def user_model(self, name: str, model_type: str | None) -> Facts:
        """Facts of a version made by a user; not eligible when no rule matches."""
        subject = (model_type or name.rpartition(".")[2]).lower()
        for rule in self.user_model_rules:
            if rule.word in subject:
                return rule.facts
        return Facts(task=None, capacity="none")


def load(path: Path = DATA_FILE) -> Catalogue:
    """Read the data file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    models = {model["name"]: _versions(model) for model in data["models"]}
    rules = tuple(UserModelRule(row["word"], _facts(row, row.get("chunk"))) for row in data["user_models"])
    return Catalogue(models, rules)


def _versions(model: dict[str, Any]) -> dict[str, Facts]:
    return {version: _facts(model, chunk) for version, chunk in model["versions"].items()}


def _facts(row: dict[str, Any], chunk: int | None) -> Facts:
    facts = Facts(
        task=row["task"],
        capacity=row["capacity"],
        model_type=row.get("model_type"),
        normalised=row.get("normalised", False),
        is_base_llama=row.get("base", False),
    )
    if chunk is None:
        return facts
    return replace(facts, chunk_tokens_per_second=chunk, chunk_source=row["chunk_source"])
