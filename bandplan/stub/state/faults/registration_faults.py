"""Faults of registrations: versions that fail or stay PENDING_REGISTRATION after they are finalized, as data."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.store import Store

MOST_READS = 1_000_000
MOST_TIMES = 1_000_000
LONGEST_REASON = 4096
"""Arbitrary bounds."""


@dataclass(frozen=True, slots=True)
class RegistrationFault:
    """A fault: the next `times` versions of `model` that are finalized stay pending for `reads` reads, then end.

    `model` is a full name, with `*` for any characters. `reads` None: until settled by request. `reason`: why they end
    in FAILED_REGISTRATION; None: they end as they would without the fault.
    """

    model: str
    reason: str | None = None
    reads: int | None = 0
    times: int = 1


class RegistrationFaults:
    """Pending faults, one per model name or pattern; the model need not exist yet.

    Faults set by requests are stored; those of a scenario last as long as the process.
    """

    def __init__(self, store: Store, scenario: Iterable[RegistrationFault] = ()) -> None:
        self._collection: Collection[RegistrationFault] = Collection(
            store, "registration_fault", asdict, lambda document: RegistrationFault(**document)
        )
        self._scenario = {fault.model.lower(): fault for fault in scenario}

    def set(self, fault: RegistrationFault) -> None:
        """Add a fault. Raises Invalid."""
        check(fault)
        self._collection.put(fault.model.lower(), fault)

    def waiting(self) -> list[Json]:
        return [asdict(fault) for _, fault in self._all()]

    def clear(self) -> None:
        self._scenario.clear()
        for model, _ in self._collection:
            self._collection.remove(model)

    def take(self, full_name: str) -> RegistrationFault | None:
        """Return the fault due for this registration, if any, and count it as used. Names take precedence over
        patterns.
        """
        due = [(model, fault) for model, fault in self._all() if fnmatchcase(full_name, model)]
        if not due:
            return None
        model, fault = next((pair for pair in due if pair[0] == full_name), due[0])
        left = replace(fault, times=fault.times - 1)
        if self._scenario.get(model) is fault:
            self._scenario[model] = left
            if not left.times:
                del self._scenario[model]
        elif left.times:
            self._collection.put(model, left)
        else:
            self._collection.remove(model)
        return fault

    def _all(self) -> list[tuple[str, RegistrationFault]]:
        return [*self._collection, *self._scenario.items()]


def check(fault: RegistrationFault) -> None:
    """Raise Invalid unless the fault can occur and has an effect."""
    if fault.model.count(".") != 2 and "*" not in fault.model:
        raise Invalid("model: must be a full name catalog.schema.model, with '*' for any characters.")
    if fault.reads == 0 and fault.reason is None:
        raise Invalid("reason, reads: at least one is required; null reads holds it until settled by request.")
    if fault.reads is not None and not 0 <= fault.reads <= MOST_READS:
        raise Invalid(f"reads: must be from 0 to {MOST_READS}, or null to hold it until settled by request.")
    if not 1 <= fault.times <= MOST_TIMES:
        raise Invalid(f"times: must be from 1 to {MOST_TIMES}.")
    if len(fault.reason or "") > LONGEST_REASON:
        raise Invalid(f"reason: must have at most {LONGEST_REASON} characters.")
