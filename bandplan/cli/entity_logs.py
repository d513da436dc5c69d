"""The logs of what an endpoint serves: read from its workspace, and compared to find the lines that are new."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bandplan.wire.visible import without_sequences

if TYPE_CHECKING:
    from bandplan.serving.workspace.client import WorkspaceClient

Kind = Literal["logs", "build-logs"]
"""As in the path of the request: the log of the server that answers queries, or that of its build."""


@dataclass(frozen=True)
class Served:
    """A served entity: its name, the state of its deployment and the platform's message about that."""

    name: str
    state: str
    message: str


@dataclass(frozen=True)
class EntityLog:
    """The log of an entity; `failure` says why there is none."""

    served: Served
    lines: tuple[str, ...] = ()
    failure: str | None = None


def served_entities(live: Mapping[str, Any]) -> list[Served]:
    """Return what the endpoint serves or is about to serve, in the order of its configurations, each name once.

    An entity of both configurations has the state of the pending one, which is what changes.
    """
    found: dict[str, Served] = {}
    for config in (live.get("config"), live.get("pending_config")):
        for entity in _entities(config):
            state = entity.get("state")
            told = state if isinstance(state, Mapping) else {}
            name = str(entity["name"])
            found[name] = Served(
                name, str(told.get("deployment") or "unknown"), str(told.get("deployment_state_message") or "")
            )
    return list(found.values())


def _entities(config: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(config, Mapping):
        return
    listed = config.get("served_entities") or config.get("served_models")
    for entity in listed if isinstance(listed, list) else ():
        if isinstance(entity, Mapping) and entity.get("name"):
            yield entity


def read_log(client: "WorkspaceClient", endpoint: str, served: Served, kind: Kind) -> EntityLog:
    """Read the log of an entity; one that the platform does not give is a failure of this log alone.

    Errors: those of the client that concern the workspace as a whole.
    """
    from bandplan.serving.workspace.endpoints import Endpoints
    from bandplan.serving.workspace.errors import Refused

    try:
        return EntityLog(served, lines_of(Endpoints(client).log(endpoint, served.name, kind)))
    except Refused as error:
        return EntityLog(served, failure=error.reason or str(error))


def lines_of(text: str) -> tuple[str, ...]:
    """Split a log into lines that cannot control a terminal."""
    from bandplan.serving.spec.problem import printable

    return tuple(printable(without_sequences(line).expandtabs().rstrip()) for line in text.splitlines())


def added_lines(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return the lines of `now` that came after `before` was read.

    A log is a window: it loses its first lines. One of several replicas also grows in its middle; then every line that
    is there more often than before is new.
    """
    first = now[0] if now else None
    for start in (index for index, line in enumerate(before) if line == first):
        rest = len(before) - start
        if list(before[start:]) == list(now[:rest]):
            return list(now[rest:])
    known, new = Counter(before), []
    for line in now:
        if known[line]:
            known[line] -= 1
        else:
            new.append(line)
    return new
