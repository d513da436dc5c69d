"""The workspace's answers about the models to register into and the aliases that entries follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bandplan.serving.throughput.optimization_info import Unavailable


@dataclass(frozen=True, slots=True, order=True)
class ModelAlias:
    """An alias of a registered model: three-level name, alias."""

    model: str
    alias: str


@dataclass(frozen=True, slots=True)
class Existing:
    """An existing model; `name` as the platform spells it. A missing owner or comment is ""."""

    name: str
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A model that does not exist, and what is missing above it: nothing, its schema, or its catalog."""

    missing: Literal["catalog", "schema"] | None = None


Standing = Existing | Absent | Unavailable | None
"""The workspace's answer about a model before anything is declared; None if it was not asked."""


@dataclass(frozen=True, slots=True)
class RegistryAnswers:
    """Answers by model name, and by alias: the version that it points to. Unavailable if the workspace gave none."""

    models: Mapping[str, Existing | Absent | Unavailable] = field(default_factory=dict)
    aliases: Mapping[ModelAlias, str | Unavailable] = field(default_factory=dict)
