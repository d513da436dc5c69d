"""Service logs of served entities: what became of their containers, and the queries that were refused or failed.

Not kept across restarts of the workspace.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint

MOST_LINES = 500
MOST_LOGS = 1000
"""Maximum number of lines of a log, and of logs, the oldest forgotten first; arbitrary bounds on memory."""

INFO, WARNING, ERROR = "INFO", "WARNING", "ERROR"


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `at_ms` is a time of the workspace's clock."""

    at_ms: int
    level: str
    text: str


@dataclass(slots=True)
class Log:
    """The lines of one entity, and the milestones that they already tell."""

    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    told: set[tuple[int, str]] = field(default_factory=set)


class ServiceLogs:
    """Logs by endpoint id and name of the entity."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._logs: dict[tuple[str, str], Log] = {}

    def end(self, endpoint: Endpoint, entity: str, status: int, message: str) -> None:
        """Tell how a query ended that was not answered; `status` is an HTTP status."""
        level = WARNING if status < 500 else ERROR
        self._log(endpoint, entity).lines.append(Line(self._clock_ms(), level, f"query: HTTP {status}: {message}"))

    def lines(self, endpoint: Endpoint, entity: str) -> list[Line]:
        """Return the log of an entity that the endpoint serves or is about to serve, in the order of its times."""
        return sorted(self._log(endpoint, entity).lines, key=lambda line: line.at_ms)

    def _log(self, endpoint: Endpoint, entity: str) -> Log:
        key = (endpoint.id or endpoint.name, entity)
        log = self._logs.get(key)
        if log is None:
            if len(self._logs) >= MOST_LOGS:
                del self._logs[next(iter(self._logs))]
            log = self._logs[key] = Log()
        for version, line in milestones(endpoint, entity, self._clock_ms()):
            if (version, line.text) not in log.told:
                log.told.add((version, line.text))
                log.lines.append(line)
        return log


def milestones(endpoint: Endpoint, entity: str, now_ms: int) -> Iterator[tuple[int, Line]]:
    """Yield (configuration version, line) for all that has become of the entity, as far as the endpoint shows it.

    The workspace notes no time for the end of an update, so that a container is ready from when this is first seen.
    """
    for config in (endpoint.config, endpoint.pending):
        served = config.entity(entity) if config is not None else None
        if config is None or served is None:
            continue
        yield config.version, Line(served.created_ms, INFO, begun(config, served))
        if config is endpoint.config:
            yield config.version, Line(now_ms, INFO, f"config version {config.version}: serving")
        elif endpoint.failure is not None and (culprit := endpoint.culprit) is not None:
            reason = endpoint.failure.reason if entity == culprit else f"stopped, because {culprit} failed"
            level = ERROR if entity == culprit else WARNING
            yield config.version, Line(now_ms, level, f"config version {config.version}: {reason}")


def begun(config: Configuration, served: ServedEntity) -> str:
    version = f" version {served.version}" if served.version else ""
    model = "an external model" if served.external_model is not None else f"{served.model}{version}"
    return f"config version {config.version}: starting the container of {model}"
