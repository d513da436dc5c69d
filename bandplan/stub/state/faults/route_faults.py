"""Faults of requests: what goes wrong between a client and the workspace, as data, and which requests they hit.

A fault hits by count and never by chance, so that a test that uses one ends the same way every time.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.store import Store

ACTIONS = ("error", "cut", "delay")
MOMENTS = ("before", "during", "after")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "*")
STATUSES = (400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504)
"""Statuses that the platform's clients handle; any other makes MLflow retry for minutes."""

NEVER = "/stub"
"""Requests below this path are never hit, so that a fault can always be removed."""

MOST_TIMES = 1_000_000
MOST_FAULTS = 100
LONGEST_DELAY_SECONDS = 600
LONGEST_WAIT_SECONDS = 3600
LONGEST_TEXT = 1024
"""Arbitrary bounds."""


@dataclass(frozen=True, slots=True)
class RouteFault:
    """A fault on requests of `method` whose path matches `route`: it skips `skip` of them, then hits every `every`th.

    In `route`, `*` stands for one segment of the path and a final `**` for the rest, if any. `action` is

    - `delay`: answer as usual, `delay_seconds` late;
    - `error`: answer `status` and `error_code` (with `retry_after_seconds`) instead of the workspace's own answer;
    - `cut`: close the connection instead of answering.

    `when` is `before` or `after` the effect; `during` cuts the workspace's own answer in the middle. `times` None is
    unlimited. `seen` counts the matching requests.
    """

    route: str
    action: str
    method: str = "*"
    when: str = "before"
    status: int = 503
    error_code: str = "TEMPORARILY_UNAVAILABLE"
    message: str = "The service is temporarily unavailable."
    retry_after_seconds: int | None = None
    delay_seconds: float = 0
    skip: int = 0
    every: int = 1
    times: int | None = 1
    seen: int = 0

    def fits(self, method: str, path: str) -> bool:
        return self.method in (method, "*") and _fits(self.route, path)

    @property
    def is_due(self) -> bool:
        """Whether to hit the request just counted."""
        counted = self.seen - self.skip
        return counted > 0 and counted % self.every == 0


class RouteFaults:
    """Faults in the order they were set. Those set by requests are stored; a scenario's last as long as the process."""

    def __init__(self, store: Store, scenario: Iterable[RouteFault] = ()) -> None:
        self._collection: Collection[RouteFault] = Collection(
            store, "route_fault", asdict, lambda document: RouteFault(**document)
        )
        self._scenario = {f"scenario-{number}": fault for number, fault in enumerate(scenario)}
        self._all = {**dict(self._collection), **self._scenario}

    def set(self, fault: RouteFault) -> None:
        """Add a fault, replacing one of the same method and route. Raises Invalid with every finding."""
        check(fault)
        key = f"{fault.method} {fault.route}"
        if len(self._all) >= MOST_FAULTS and key not in self._all:
            raise Invalid(f"There are {MOST_FAULTS} faults already; clear them first.")
        self._keep(key, fault)

    def waiting(self) -> list[Json]:
        return [asdict(fault) for fault in self._all.values()]

    def clear(self) -> None:
        for key in list(self._all):
            self._drop(key)

    def take(self, method: str, path: str) -> RouteFault | None:
        """Return the first fault that hits this request; count the request with every matching fault up to that one."""
        if not self._all or path in ("/", NEVER) or path.startswith(f"{NEVER}/"):
            return None
        for key, fault in list(self._all.items()):
            if not fault.fits(method, path):
                continue
            counted = replace(fault, seen=fault.seen + 1)
            if not counted.is_due:
                self._keep(key, counted)
                continue
            if counted.times is None:
                self._keep(key, counted)
            elif counted.times > 1:
                self._keep(key, replace(counted, times=counted.times - 1))
            else:
                self._drop(key)
            return fault
        return None

    def _keep(self, key: str, fault: RouteFault) -> None:
        if key not in self._scenario:
            self._collection.put(key, fault)
        self._all[key] = fault

    def _drop(self, key: str) -> None:
        self._collection.remove(key)
        self._scenario.pop(key, None)
        del self._all[key]


def check(fault: RouteFault) -> None:
    """Raise Invalid with every problem of a fault."""
    findings = [
        *_one_of("action", fault.action, ACTIONS),
        *_one_of("method", fault.method, METHODS),
        *_one_of("when", fault.when, MOMENTS),
        *_one_of("status", fault.status, STATUSES),
        *_within("delay_seconds", fault.delay_seconds, 0, LONGEST_DELAY_SECONDS),
        *_within("retry_after_seconds", fault.retry_after_seconds, 0, LONGEST_WAIT_SECONDS),
        *_within("skip", fault.skip, 0, MOST_TIMES),
        *_within("every", fault.every, 1, MOST_TIMES),
        *_within("times", fault.times, 1, MOST_TIMES),
    ]
    if not fault.route.startswith("/") or len(fault.route) > LONGEST_TEXT:
        findings.append(f"route: must begin with '/' and have at most {LONGEST_TEXT} characters.")
    elif _has_odd_stars(fault.route):
        findings.append("route: use '*' for one whole path segment, a final '**' for the rest of the path.")
    if not fault.error_code or len(fault.error_code) > LONGEST_TEXT or len(fault.message) > LONGEST_TEXT:
        findings.append(
            f"error_code, message: must have at most {LONGEST_TEXT} characters; error_code must not be empty."
        )
    if fault.when == "during" and fault.action != "cut":
        findings.append("when: 'during' is valid only with the action 'cut'.")
    if fault.action == "delay" and not fault.delay_seconds:
        findings.append("delay_seconds: is required with the action 'delay'.")
    if findings:
        raise Invalid(" ".join(findings))


def _one_of(key: str, value: Any, allowed: tuple[Any, ...]) -> list[str]:
    return [] if value in allowed else [f"{key}: '{value}' is not one of {', '.join(map(str, allowed))}."]


def _within(key: str, value: float | None, least: int, most: int) -> list[str]:
    return [] if value is None or least <= value <= most else [f"{key}: must be from {least} to {most}."]


def _fits(route: str, path: str) -> bool:
    wanted, found = route.split("/"), path.split("/")
    if wanted[-1] == "**":
        wanted, found = wanted[:-1], found[: len(wanted) - 1]
    return len(wanted) == len(found) and all(w in ("*", f) for w, f in zip(wanted, found, strict=True))


def _has_odd_stars(route: str) -> bool:
    *inner, last = route.split("/")
    return any("*" in part and part != "*" for part in inner) or ("*" in last and last not in ("*", "**"))
