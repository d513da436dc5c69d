"""Engines start once, are shared, wait, fail with their reason and end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import MagicMock

import pytest
from starlette.responses import Response

from bandplan.stub.api.queries.metering import Metering
from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection import running as module
from bandplan.stub.inference.selection.running import RunningEngines
from bandplan.stub.inference.selection.spec import EngineSpec
from bandplan.stub.state.refusals import NotReady
from tests.stub.engines.fake_engine import FakeEngine

SPEC = EngineSpec("vllm", weights="org/name")
OTHER = EngineSpec("vllm", weights="org/other")
SERVER = EngineSpec("openai", url="http://127.0.0.1:1/v1")


def run(engine: FakeEngine, body: Callable[[RunningEngines], Awaitable[None]]) -> None:
    async def make(spec: EngineSpec) -> FakeEngine:
        return engine

    async def whole() -> None:
        engines = RunningEngines(make)
        await body(engines)
        await engines.close()

    asyncio.run(whole())


def test_engine_starts_once_for_all_who_ask_at_the_same_time() -> None:
    engine = FakeEngine()

    async def body(engines: RunningEngines) -> None:
        got = await asyncio.gather(*(engines.ready(SPEC, 5) for _ in range(3)))
        assert got == [engine] * 3

    run(engine, body)
    assert (engine.starts, engine.closes) == (1, 1)


def test_query_that_waits_too_long_learns_what_the_engine_is_doing() -> None:
    async def body(engines: RunningEngines) -> None:
        with pytest.raises(EngineUnavailable, match="vllm is still starting: loading"):
            await engines.ready(SPEC, 0.01)

    run(FakeEngine(may_start=asyncio.Event()), body)


def test_engine_that_failed_is_closed_and_says_why_without_starting_again_and_again() -> None:
    engine = FakeEngine(fault=EngineUnavailable("no memory"))

    async def body(engines: RunningEngines) -> None:
        for _ in range(3):
            with pytest.raises(EngineUnavailable, match="vllm failed: no memory"):
                await engines.ready(SPEC, 5)

    run(engine, body)
    assert (engine.starts, engine.closes) == (1, 1)


def test_server_of_somebody_else_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    engine = FakeEngine(fault=EngineUnavailable("refused the connection"))

    async def body(engines: RunningEngines) -> None:
        with pytest.raises(EngineUnavailable):
            await engines.ready(SERVER, 5)
        engine.fault = None
        assert await engines.ready(SERVER, 5) is engine

    run(engine, body)


def test_engines_that_nothing_needs_any_more_are_ended() -> None:
    engine = FakeEngine()

    async def body(engines: RunningEngines) -> None:
        await engines.ready(SPEC, 5)
        await engines.ready(OTHER, 5)
        engines.keep_only({OTHER})
        assert [one.spec for one in engines.all()] == [OTHER]

    run(engine, body)
    assert engine.closes == 2


def test_engine_with_answers_in_progress_is_ended_after_them() -> None:
    engine = FakeEngine()

    async def body(engines: RunningEngines) -> None:
        await engines.ready(SPEC, 5)
        engine.running = 1
        engines.keep_only(())
        assert [one.spec for one in engines.all()] == [SPEC]
        engine.running = 0
        engines.keep_only(())
        assert engines.all() == []

    run(engine, body)
    assert engine.closes == 1


def test_engine_that_queries_hold_is_ended_after_the_last_of_them() -> None:
    engine = FakeEngine()

    async def body(engines: RunningEngines) -> None:
        held = [engines.hold(await engines.ready(SPEC, 5)) for _ in range(2)]
        for let_go in held:
            engines.keep_only(())
            assert [one.spec for one in engines.all()] == [SPEC]
            let_go()
        engines.keep_only(())
        assert engines.all() == []
        engines.hold(engine)()  # nothing to hold any more

    run(engine, body)
    assert engine.closes == 1


@pytest.mark.parametrize("fault", [None, EngineUnavailable("lost"), ValueError("ours")])
def test_query_in_the_queue_for_capacity_holds_the_engine_that_it_has_picked(fault: Exception | None) -> None:
    engine = FakeEngine()

    async def body(engines: RunningEngines) -> None:
        async def pick(*arguments: object) -> Engine:
            return await engines.ready(SPEC, 5)

        async def queue(*arguments: object) -> Any:
            engines.keep_only(())
            assert [one.spec for one in engines.all()] == [SPEC]
            return MagicMock(tokens=0)

        async def answer(engine: object) -> Response:
            if fault is not None:
                raise fault
            return Response()

        async def receive() -> Any:
            await asyncio.Event().wait()

        admissions = MagicMock(admit=queue)
        assignments = MagicMock(engine=pick, running=engines)
        metering = Metering(assignments, admissions, MagicMock(), MagicMock(), MagicMock(), MagicMock())
        request: Any = MagicMock(receive=receive)
        with contextlib.suppress(NotReady, ValueError):
            await metering.measure(request, MagicMock(), MagicMock(), answer)
        engines.keep_only(())
        assert engines.all() == []

    run(engine, body)


def test_end_of_the_workspace_stops_an_engine_that_is_still_starting() -> None:
    engine = FakeEngine(may_start=asyncio.Event())

    async def body(engines: RunningEngines) -> None:
        engines.get(SPEC)
        await asyncio.sleep(0)

    run(engine, body)
    assert engine.closes == 1


def test_engine_that_fails_to_end_keeps_no_other_from_it() -> None:
    made = {SPEC: FakeEngine(close_fault=OSError("stuck")), OTHER: FakeEngine()}

    async def make(spec: EngineSpec) -> FakeEngine:
        return made[spec]

    async def whole() -> None:
        engines = RunningEngines(make)
        for spec in made:
            await engines.ready(spec, 5)
        await engines.close()
        assert made[OTHER].closes == 1

    asyncio.run(whole())
