"""Faults of deployments: configuration changes that are accepted and then fail, as data.

Faults of the requests themselves are in `bandplan.stub.state.faults.route_faults`.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.endpoint import Failure
from bandplan.stub.state.store import Store

OPERATIONS = ("create", "update", "any")

ENDPOINT_PATTERN = re.compile(r"[A-Za-z0-9*][A-Za-z0-9_*-]{0,62}", re.ASCII)
"""The name of an endpoint, with `*` for any characters."""

MOST_TIMES = 1_000_000
MOST_FAULTS = 1000
LONGEST_REASON = 4096
"""Arbitrary bounds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The next `times` configuration changes of `endpoint` by `operation` end in UPDATE_FAILED with `reason`."""

    endpoint: str
    reason: str
    operation: str = "any"
    entity: str | None = None
    times: int = 1


class Faults:
    """Pending faults, one per endpoint name or pattern; the endpoint need not exist yet.

    Faults set by requests are stored; those of a scenario last as long as the process.
    """

    def __init__(self, store: Store, scenario: Iterable[Fault] = ()) -> None:
        self._collection: Collection[Fault] = Collection(store, "fault", asdict, lambda document: Fault(**document))
        self._scenario = {fault.endpoint: fault for fault in scenario}

    def set(self, fault: Fault) -> None:
        if not ENDPOINT_PATTERN.fullmatch(fault.endpoint):
            raise Invalid("endpoint: must be the name of an endpoint, with '*' for any characters.")
        if fault.operation not in OPERATIONS:
            raise Invalid(f"operation: '{fault.operation}' is not one of {', '.join(OPERATIONS)}.")
        if not 1 <= fault.times <= MOST_TIMES:
            raise Invalid(f"times: must be from 1 to {MOST_TIMES}.")
        if len(fault.reason) > LONGEST_REASON:
            raise Invalid(f"reason: must have at most {LONGEST_REASON} characters.")
        if len(self._collection) >= MOST_FAULTS and self._collection.get(fault.endpoint) is None:
            raise Invalid(f"There are {MOST_FAULTS} faults already; clear them first.")
        self._collection.put(fault.endpoint, fault)

    def waiting(self) -> list[Json]:
        return [asdict(fault) for _, fault in self._all()]

    def clear(self) -> None:
        self._scenario.clear()
        for endpoint, _ in self._collection:
            self._collection.remove(endpoint)

    def take(self, endpoint: str, operation: str) -> Failure | None:
        """Return the failure due for this change, if any, and count it as used. Names take precedence over patterns."""
        due = [
            (pattern, fault)
            for pattern, fault in self._all()
            if fault.operation in (operation, "any") and fnmatchcase(endpoint, pattern)
        ]
        if not due:
            return None
        pattern, fault = next((pair for pair in due if pair[0] == endpoint), due[0])
        self._use(pattern, fault)
        return Failure(fault.reason, fault.entity)

    def _all(self) -> list[tuple[str, Fault]]:
        return [*self._collection, *self._scenario.items()]

    def _use(self, pattern: str, fault: Fault) -> None:
        left = replace(fault, times=fault.times - 1)
        if self._collection.get(pattern) is fault:
            if left.times:
                self._collection.put(pattern, left)
            else:
                self._collection.remove(pattern)
        elif left.times:
            self._scenario[pattern] = left
        else:
            del self._scenario[pattern]
