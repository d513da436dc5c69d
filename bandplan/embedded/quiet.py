"""Waiting until a program has nothing under way.

The SDK waits too (`wait_for_rpcs` of its runtime/stack.py), but looks through all that is under way each time one thing
ends: with 1,000 endpoints that was two thirds of a preview. Here each is looked at once; the SDK then finds it quiet.
"""

import asyncio

from bandplan.embedded.pulumi_internals import under_way


async def quiet() -> None:
    """Return when no registration and no output is pending, or one has failed: that is for the SDK to report."""
    while pending := under_way():
        await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
