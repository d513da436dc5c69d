"""Which resource is in whose hands during a run: a registration's, or a deletion's that makes room for a replacement.

The program registers from many threads. A resource that once depended on a condemned one may be registered at the very
moment when the old one is to go: it is either registered, and stays, or condemned, and its registration waits.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Condemned:
    """A resource that is deleted before what it depends on is replaced. `keys`: its properties that ask for it."""

    keys: list[str]
    is_over: threading.Event = field(default_factory=threading.Event)


class Claims:
    """Thread-safe. Made for one run."""

    def __init__(self) -> None:
        """Nothing is in anybody's hands."""
        self._lock = threading.Lock()
        self._registered: set[str] = set()
        self._condemned: dict[str, Condemned] = {}

    @property
    def registered(self) -> frozenset[str]:
        """All that was registered so far."""
        with self._lock:
            return frozenset(self._registered)

    def register(self, urn: str) -> bool:
        """Take a resource for its registration; False when it was registered before."""
        with self._lock:
            if urn in self._registered:
                return False
            self._registered.add(urn)
            return True

    def condemned_keys(self, urn: str) -> list[str] | None:
        """Why a resource was deleted in this run, once its deletion is over; None when it was not."""
        condemned = self._condemned.get(urn)
        if condemned is None:
            return None
        condemned.is_over.wait()
        return condemned.keys

    def condemn(self, keys_of: Mapping[str, list[str]]) -> dict[str, Condemned]:
        """Take resources for deletion, but for those registered or condemned by now; returns the ones taken."""
        with self._lock:
            taken = {
                urn: Condemned(keys)
                for urn, keys in keys_of.items()
                if urn not in self._registered and urn not in self._condemned
            }
            self._condemned.update(taken)
            return taken

    def wait_for(self, urns: Iterable[str]) -> None:
        """Wait until the deletions of these, whoever has them in hand, are over."""
        for urn in urns:
            if condemned := self._condemned.get(urn):
                condemned.is_over.wait()
