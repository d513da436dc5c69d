"""Runs provider methods, which are `async def` by interface and synchronous inside, in the calling thread."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` to its end without an event loop and return its value.

    Raises RuntimeError if it awaits anything: our providers must not.
    """
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} awaited; provider methods must be synchronous inside")
