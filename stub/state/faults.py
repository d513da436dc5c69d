"""Faults: what is to go wrong, as data.

Room for later kinds (an error before the effect, an answer lost after it, a slow update): add a field here and read it
where the thing happens.
"""

from dataclasses import asdict, dataclass, replace

from stub.state.configuration import Json
from stub.state.endpoint import Failure
from stub.state.refusals import Invalid
from stub.state.rules import check_endpoint_name
from stub.state.shelf import Shelf
from stub.state.store import Store

OPERATIONS = ("create", "update", "any")


@dataclass(frozen=True, slots=True)
class Fault:
    """The next `times` configuration changes of `endpoint` by `operation` end in UPDATE_FAILED with `reason`."""

    endpoint: str
    reason: str
    operation: str = "any"
    entity: str | None = None
    times: int = 1


class Faults:
    """Faults waiting to happen, by endpoint name; they may be set before the endpoint exists."""

    def __init__(self, store: Store) -> None:
        self._shelf: Shelf[Fault] = Shelf(store, "fault", asdict, lambda document: Fault(**document))

    def set(self, fault: Fault) -> None:
        check_endpoint_name(fault.endpoint)
        if fault.operation not in OPERATIONS:
            raise Invalid(f"operation: '{fault.operation}' is not one of {', '.join(OPERATIONS)}")
        if fault.times < 1:
            raise Invalid("times: must be at least 1")
        self._shelf.put(fault.endpoint, fault)

    def waiting(self) -> list[Json]:
        return [asdict(fault) for _, fault in self._shelf]

    def clear(self) -> None:
        for endpoint, _ in self._shelf:
            self._shelf.remove(endpoint)

    def take(self, endpoint: str, operation: str) -> Failure | None:
        """The failure due for this change, if any; counts it as used."""
        fault = self._shelf.get(endpoint)
        if fault is None or fault.operation not in (operation, "any"):
            return None
        if fault.times == 1:
            self._shelf.remove(endpoint)
        else:
            self._shelf.put(endpoint, replace(fault, times=fault.times - 1))
        return Failure(fault.reason, fault.entity)
