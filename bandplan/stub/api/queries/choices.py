"""The choices of engines: each made once, and again when the situation has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection.choice import Choice
from bandplan.stub.inference.selection.settings import SettingsError
from bandplan.stub.inference.selection.spec import EngineSpec

AGAIN_SECONDS = 30.0
"""Time after which `auto` asks a configured server again, and after which a choice that failed is tried again. A
choice: people who start a server look at once, and each look costs one request.
"""

MOST_CHOICES = 10_000
"""Maximum number of choices to remember; an arbitrary bound on memory."""

log = logging.getLogger("stub")

Key = tuple[str, str, str, str]
"""Endpoint, model, version and served entity."""


class Outcome(NamedTuple):
    """A choice, or why none could be made."""

    choice: Choice | None
    problem: str = ""


@dataclass(slots=True)
class Kept:
    """The last outcome, None before the first one, when it was made, and the task that made it or makes the next."""

    making: "asyncio.Task[Outcome]"
    last: Outcome | None = None
    made_at: float = 0.0


class Choices:
    """Choices by key. `failure` returns why an engine failed for good, None if it did not.

    Only `auto` chooses again by itself: at once if its engine failed, and after AGAIN_SECONDS if a server is
    configured, which may have come up or gone. Meanwhile the last choice holds, unless its engine failed.
    """

    def __init__(self, failure: Callable[[EngineSpec], str | None]) -> None:
        self._failure = failure
        self._kept: dict[Key, Kept] = {}

    def clear(self) -> None:
        """Forget all choices."""
        self._kept.clear()

    def last(self, key: Key, choose: Callable[[], Awaitable[Choice]]) -> Outcome | None:
        """Return the last outcome, None before the first; begin to choose if there is none, or if it is outdated."""
        return self._get(key, choose).last

    async def current(self, key: Key, choose: Callable[[], Awaitable[Choice]]) -> Choice:
        """Return a choice whose engine has not failed. Raises EngineUnavailable if none could be made."""
        kept = self._get(key, choose)
        usable = kept.last.choice if kept.last is not None else None
        if usable is not None and self._failure(usable.spec) is None:
            return usable
        outcome = await asyncio.shield(kept.making)
        if outcome.choice is None:
            raise EngineUnavailable(outcome.problem)
        return outcome.choice

    def _get(self, key: Key, choose: Callable[[], Awaitable[Choice]]) -> Kept:
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= MOST_CHOICES:
                self._kept.clear()
            kept = self._kept[key] = Kept(self._make(key, choose))
        elif kept.making.done() and self._is_outdated(kept):
            kept.making = self._make(key, choose)
        return kept

    def _is_outdated(self, kept: Kept) -> bool:
        if kept.last is None:  # the task was cancelled
            return True
        is_old = asyncio.get_running_loop().time() - kept.made_at >= AGAIN_SECONDS
        chosen = kept.last.choice
        if chosen is None:
            return is_old
        return chosen.is_auto and (self._failure(chosen.spec) is not None or (chosen.has_server and is_old))

    def _make(self, key: Key, choose: Callable[[], Awaitable[Choice]]) -> "asyncio.Task[Outcome]":
        async def made() -> Outcome:
            outcome = await _outcome(choose)
            kept = self._kept.get(key)
            if kept is not None and kept.making is task:
                kept.last, kept.made_at = outcome, asyncio.get_running_loop().time()
            return outcome

        task = asyncio.get_running_loop().create_task(made())
        return task


async def _outcome(choose: Callable[[], Awaitable[Choice]]) -> Outcome:
    try:
        return Outcome(await choose())
    except SettingsError as error:
        return Outcome(None, str(error))
    except Exception as error:
        log.exception("no engine could be chosen")
        return Outcome(None, f"no engine could be chosen ({type(error).__name__}); stub.log says why")
