"""What a workspace says about the models to register into and about the aliases that entries follow."""

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
    """A model that is there; `name` as the platform spells it. An owner or comment that it has not is ""."""

    name: str
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A model that is not there, and what above it is not there either: nothing, its schema, or its catalog."""

    missing: Literal["catalog", "schema"] | None = None


Standing = Existing | Absent | Unavailable | None
"""What the workspace says of a model before anything is declared; None if it was not asked."""


@dataclass(frozen=True, slots=True)
class RegistryAnswers:
    """By model name, and by alias: the version that it points to. Unavailable where the workspace did not tell."""

    models: Mapping[str, Existing | Absent | Unavailable] = field(default_factory=dict)
    aliases: Mapping[ModelAlias, str | Unavailable] = field(default_factory=dict)
