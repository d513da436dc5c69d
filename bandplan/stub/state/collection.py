"""Values of one kind, held in memory and written through to the store."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from bandplan.stub.state.store import Store

T = TypeVar("T")


class Collection(Generic[T]):
    """A mapping of keys to values that commits every change before it is visible; reads need no query.

    The process is the only writer of its database, so the values in memory equal those on disk.
    """

    def __init__(
        self, store: Store, kind: str, to_document: Callable[[T], Any], from_document: Callable[[Any], T]
    ) -> None:
        self._store = store
        self._kind = kind
        self._to_document = to_document
        self.revision = 0
        """A number that increases with every change."""
        self._values: dict[str, T] = {key: from_document(document) for key, document in store.all(kind)}

    def get(self, key: str) -> T | None:
        return self._values.get(key)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(list(self._values.items()))

    def __len__(self) -> int:
        return len(self._values)

    def put(self, key: str, value: T) -> None:
        self._store.put(self._kind, key, self._to_document(value))
        self._values[key] = value
        self.revision += 1

    def remove(self, key: str) -> None:
        """Remove a value, if it is there."""
        if key in self._values:
            self._store.delete(self._kind, key)
            del self._values[key]
            self.revision += 1
