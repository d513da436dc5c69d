"""Stopping the work on an answer when its client disconnects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

ABANDONED = 499
"""Status of a query whose client left before its answer was complete, as in nginx. It is never sent."""


class Disconnected(Exception):
    """The client has left."""


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Cancel the block once the client has left, and raise Disconnected. The whole body must have been received."""
    task = asyncio.current_task()
    assert task is not None
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)
        has_left = True
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # A cancellation by somebody else propagates.
        if not has_left or task.uncancel() > 0:
            raise
        raise Disconnected from None
    finally:
        watching.cancel()
