"""A rule of the pack: its id, its description, its configurable properties, and the function that checks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, Level
from bandplan.policies.fitting import Bound
from bandplan.policies.fleet import Fleet

Settings = Mapping[str, Any]
"""A rule's properties with defaults filled in; a named file is a `Document`, and `today` is the current day.

`bounds` is a function: what all rules of the stack require of an entity's band (`bandplan.policies.fitting.Bounds`).
`asked`, for rules on the stack, is the least that they require of each endpoint (`bandplan.policies.fitting.Asked`).
"""


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    description: str
    level: Level
    """The level if a stack's configuration does not set one."""
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, kw_only=True)
    """JSON Schema by property name."""
    bounds: Callable[[Endpoint, Entity, Settings], Iterable[Bound]] | None = field(default=None, kw_only=True)
    """Returns what the rule requires of an entity's band, if anything."""


@dataclass(frozen=True, slots=True)
class EndpointRule(_Rule):
    """A rule that checks one endpoint before it is deployed."""

    check: Callable[[Endpoint, Settings], Iterable[Finding]]
    kind: Literal["endpoint"] = "endpoint"


@dataclass(frozen=True, slots=True)
class StackRule(_Rule):
    """A rule that checks the sums of a stack, at the end of a preview or update."""

    check: Callable[[Fleet, Settings], Iterable[Finding]]
    kind: Literal["stack"] = "stack"


Rule = EndpointRule | StackRule
