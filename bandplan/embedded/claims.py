"""Who is working on which resource during a run: its registration, or a deletion that makes room for a replacement.

The program registers from many threads. A resource that once depended on a condemned one may be registered at the very
moment when the old one is about to be deleted. It is then either registered and stays, or condemned, and its
registration waits.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Condemned:
    """A resource deleted before the resource it depends on is replaced. `keys`: its properties that require this."""

    keys: list[str]
    is_over: threading.Event = field(default_factory=threading.Event)


class Claims:
    """The claims of one run. Thread-safe."""

    def __init__(self) -> None:
        """Start without claims."""
        self._lock = threading.Lock()
        self._registered: set[str] = set()
        self._condemned: dict[str, Condemned] = {}

    @property
    def registered(self) -> frozenset[str]:
        """The URNs registered so far."""
        with self._lock:
            return frozenset(self._registered)

    def register(self, urn: str) -> bool:
        """Claim a resource for its registration; return False if it is registered already."""
        with self._lock:
            if urn in self._registered:
                return False
            self._registered.add(urn)
            return True

    def condemned_keys(self, urn: str) -> list[str] | None:
        """Wait for a resource's deletion in this run and return the keys that forced it; None if it was not deleted."""
        condemned = self._condemned.get(urn)
        if condemned is None:
            return None
        condemned.is_over.wait()
        return condemned.keys

    def condemn(self, keys_of: Mapping[str, list[str]]) -> dict[str, Condemned]:
        """Claim resources for deletion, except those already registered or condemned; return the claimed ones."""
        with self._lock:
            taken = {
                urn: Condemned(keys)
                for urn, keys in keys_of.items()
                if urn not in self._registered and urn not in self._condemned
            }
            self._condemned.update(taken)
            return taken

    def wait_for(self, urns: Iterable[str]) -> None:
        """Wait until the deletions of these resources are over, whichever thread carries them out."""
        for urn in urns:
            if condemned := self._condemned.get(urn):
                condemned.is_over.wait()
