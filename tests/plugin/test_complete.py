"""Driving a coroutine without an event loop."""

import asyncio

import pytest

from bandplan.plugin.complete import complete


def test_value_of_a_coroutine_that_never_awaits_is_returned() -> None:
    async def answer() -> int:
        return 42

    assert complete(answer()) == 42


def test_error_of_the_coroutine_passes_through() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        complete(fail())


def test_coroutine_that_awaits_is_refused() -> None:
    async def wait() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaited"):
        complete(wait())
