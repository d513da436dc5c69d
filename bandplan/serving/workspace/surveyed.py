"""Serving endpoints as a survey of a workspace finds them, as typed values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.endpoint_access import Grant


@dataclass(frozen=True)
class Surveyed:
    """One endpoint: as the workspace reports it, the whole answer, and the direct permissions.

    `live` is None when there is no such endpoint. `grants` is None when nobody asked, or this token may not see them.
    `refusal` says why the endpoint could not be read.
    """

    name: str
    live: LiveEndpoint | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    grants: tuple[Grant, ...] | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Listed:
    """One endpoint of the list; ids tell endpoints of one name apart that were made one after the other."""

    name: str
    id: str
