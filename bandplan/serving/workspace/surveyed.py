"""Serving endpoints found by a survey of a workspace, as typed values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.endpoint_access import Grant


@dataclass(frozen=True)
class Surveyed:
    """A surveyed endpoint: its typed state, the whole answer, and the direct permissions.

    `live` is None if there is no such endpoint. `grants` is None if nobody asked, or if this token may not see them.
    `refusal` is the reason why the endpoint could not be read.
    """

    name: str
    live: LiveEndpoint | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    grants: tuple[Grant, ...] | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Listed:
    """An endpoint of the list; ids distinguish endpoints of one name that were created one after the other."""

    name: str
    id: str
