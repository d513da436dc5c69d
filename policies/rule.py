"""A rule of the pack: its id, what it says, what can be configured, and the function that judges."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, Level
from bandplan.policies.fitting import Bound
from bandplan.policies.fleet import Fleet

Settings = Mapping[str, Any]
"""A rule's properties with defaults filled in; a file that one names is a `Document`, and `today` is the day.

`bounds` is a function: what all rules of the stack ask of the band of an entity (`bandplan.policies.fitting.Bounds`).
`asked`, for rules on the stack, is what they ask of each endpoint at least (`bandplan.policies.fitting.Asked`).
"""


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    description: str
    level: Level
    """Where a stack's configuration says nothing."""
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, kw_only=True)
    """JSON Schema by property name."""
    bounds: Callable[[Endpoint, Entity, Settings], Iterable[Bound]] | None = field(default=None, kw_only=True)
    """What it asks of the band of an entity, if it asks anything."""


@dataclass(frozen=True, slots=True)
class EndpointRule(_Rule):
    """Judges one endpoint before it is deployed."""

    check: Callable[[Endpoint, Settings], Iterable[Finding]]
    kind: Literal["endpoint"] = "endpoint"


@dataclass(frozen=True, slots=True)
class StackRule(_Rule):
    """Judges the sums of a stack, at the end of a preview or update."""

    check: Callable[[Fleet, Settings], Iterable[Finding]]
    kind: Literal["stack"] = "stack"


Rule = EndpointRule | StackRule
