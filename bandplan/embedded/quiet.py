"""Waiting until a program has nothing under way.

The SDK waits too (`wait_for_rpcs` of its runtime/stack.py), but looks through all that is under way each time one thing
ends: with 1,000 endpoints that was two thirds of a preview. Here each is looked at once; the SDK then finds it quiet.
"""

import asyncio

from pulumi.runtime.settings import Settings


async def quiet(settings: Settings) -> None:
    """Return when no registration and no output is pending, or one has failed: that is for the SDK to tell."""
    manager = settings.rpc_manager
    while manager.unhandled_exception is None:
        manager.rpcs[:] = [task for task in manager.rpcs if not _has_succeeded(task)]
        with settings.lock:
            outputs = list(settings.outputs)
        pending = [task for task in (*manager.rpcs, *outputs) if not task.done()]
        if not pending:
            return
        await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)


def _has_succeeded(task: "asyncio.Future[object]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
