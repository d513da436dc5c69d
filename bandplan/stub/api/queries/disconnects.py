"""Stopping the work on an answer when its client disconnects."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from starlette.types import Receive, Scope

from bandplan.stub.api.connections import when_lost

ABANDONED = 499
"""Status of a query whose client left before its answer was complete, as in nginx. It is never sent."""


class Disconnected(Exception):
    """The client has left."""


class while_connected:  # noqa: N801 - read as a statement
    """Cancel the block once the client has left, and raise Disconnected. The whole body must have been received.

    `scope` is that of the request. The server's own connections tell when they are lost; of others, a task of its own
    waits to receive it.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._has_left = False
        self._ends: Callable[[], object] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._ends = when_lost(self._scope, self._leave)
        if self._ends is None:
            self._ends = asyncio.create_task(self._watch()).cancel

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ends is not None:
            self._ends()
            self._ends = None  # it leads back to here: what refers to nothing in a circle is freed at once
        # A cancellation by somebody else propagates.
        if kind is asyncio.CancelledError and self._has_left and self._task.uncancel() == 0:
            raise Disconnected from None

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)
        self._leave()

    def _leave(self) -> None:
        self._has_left = True
        self._task.cancel()
