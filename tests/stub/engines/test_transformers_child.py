"""The process beside the stub that has the model: start, requests, cancellation, crash, restart, end."""

import asyncio
import contextlib
import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bandplan.stub.inference.engine import Generation, Message, Stats, Token
from bandplan.stub.inference.errors import EngineFailed, EngineRefused, EngineUnavailable
from bandplan.stub.inference.transformers_engine.child import PROGRAM
from bandplan.stub.inference.transformers_engine.engine import TransformersEngine
from bandplan.stub.inference.transformers_engine.weights import Weights
from tests.checkpoints import write_llama

FAKE = Path(__file__).parent / "fake_worker.py"


def pretending_python(folder: Path, mode: str) -> Path:
    """A Python of an environment whose torch only pretends to load."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(FAKE))} "{mode}" "$2" "$3"\n')
    python.chmod(0o755)
    return python


def engine(folder: Path, mode: str) -> TransformersEngine:
    """An engine on a checkpoint of `folder` with a child that pretends."""
    write_llama(folder / "weights")
    return TransformersEngine(Weights(str(folder / "weights")), python=str(pretending_python(folder, mode)))


def run(made: TransformersEngine, work: Callable[[TransformersEngine], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await work(made)
        finally:
            await made.close()

    asyncio.run(asyncio.wait_for(whole(), 90))


def nothing(progress: str) -> None:
    pass


def asked(text: str, **fields: object) -> Generation:
    return Generation("m", (Message("user", text),), **fields)  # type: ignore[arg-type]


async def answer(made: TransformersEngine, generation: Generation) -> tuple[list[Token], str | None]:
    tokens, reason = [], None
    async for batch in made.generate(generation):
        tokens += batch.tokens
        reason = batch.finish_reason
    return tokens, reason


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.01)


def lives(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "weights" / "lives").read_text().split()]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_child_tells_its_progress_and_answers(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        told: list[str] = []
        await made.start(told.append)
        assert told == ["pretending to load", "CPU, float32; slow: about 5 tokens/s for one request"]
        assert made.context_tokens == 64
        assert await made.count_text("a b c") == 3
        assert await answer(made, asked("x y")) == ([Token("x"), Token("y")], "stop")
        assert await answer(made, asked("x", top_logprobs=0)) == ([Token("x", -0.5)], "stop")
        assert made.stats() == Stats(running=0, generated_tokens=3)

    run(engine(tmp_path, "well"), work)
    assert not is_alive(lives(tmp_path)[0])


def test_what_the_model_cannot_do_is_refused_and_what_failed_is_not(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        with pytest.raises(EngineRefused, match="no chat template"):
            await made.count((Message("user", "x"),))
        with pytest.raises(EngineRefused, match="not supported by the transformers engine"):
            await answer(made, asked("x", json_schema={}))

    run(engine(tmp_path, "well"), work)


def test_abandoned_answer_is_cancelled_in_the_child(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        endless = asyncio.create_task(answer(made, asked("x", ignore_eos=True)))
        await until(lambda: made.stats().generated_tokens > 3)
        endless.cancel()
        await until((tmp_path / "weights" / "cancelled").exists)
        assert made.stats().running == 0
        assert await answer(made, asked("still here"))

    run(engine(tmp_path, "well"), work)


@pytest.mark.parametrize(
    ("mode", "message"),
    [("unusable", "the weights are too large; name smaller ones"), ("silent", "its process ended with status 7 while")],
)
def test_child_that_cannot_serve_says_why_and_is_not_started_again(tmp_path: Path, mode: str, message: str) -> None:
    async def work(made: TransformersEngine) -> None:
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match=message):
                await (made.start(nothing) if _ == 0 else made.count_text("x"))

    run(engine(tmp_path, mode), work)
    assert len(lives(tmp_path)) == 1


def test_crash_fails_its_requests_and_the_child_is_started_again(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        with pytest.raises(EngineFailed, match="its process ended with status 9 while it answered"):
            await answer(made, asked("x"))
        assert await made.count_text("a b") == 2
        assert made.stats().running == 0

    run(engine(tmp_path, "dies"), work)
    assert len(lives(tmp_path)) == 2


def test_child_that_crashes_again_stays_away(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        for _ in range(2):
            with pytest.raises(EngineFailed):
                await made.count_text("x")
        with pytest.raises(EngineUnavailable, match="its process ended with status 9"):
            await made.count_text("x")

    run(engine(tmp_path, "always dies"), work)
    assert len(lives(tmp_path)) == 2


def test_fault_of_ours_in_the_second_start_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ValueError("no child")

    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        monkeypatch.setattr("bandplan.stub.inference.transformers_engine.engine.Child", broken)
        with pytest.raises(EngineFailed):
            await made.count_text("x")
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match=r"could not be started again \(ValueError\)"):
                await made.count_text("x")
        assert made.down is not None and made.down.is_final

    run(engine(tmp_path, "always dies"), work)


def test_python_that_is_none_is_named(tmp_path: Path) -> None:
    write_llama(tmp_path / "weights")
    made = TransformersEngine(Weights(str(tmp_path / "weights")), python=str(tmp_path / "absent"))

    async def work(made: TransformersEngine) -> None:
        with pytest.raises(EngineUnavailable, match=r"absent: cannot be started .*--engine-python"):
            await made.start(nothing)

    run(made, work)


KILLED = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.stub.engines.test_transformers_child import engine, nothing
from pathlib import Path

async def main():
    await engine(Path({folder!r}), "well").start(nothing)
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_killed_stub_leaves_no_child(tmp_path: Path) -> None:
    program = KILLED.format(root=str(Path(__file__).parents[3]), folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        assert stub.stdout.readline() == b"ready\n"
        (child,) = lives(tmp_path)
        assert is_alive(child)
        os.kill(stub.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_child_of_a_stub_that_has_gone_ends_at_once() -> None:
    # Its parent is this process, not the stub that it is given: nobody would ever end it.
    ended = subprocess.run([sys.executable, str(PROGRAM), "0", "1"], check=False, timeout=60)
    assert ended.returncode == 1


def test_python_without_torch_is_named_with_what_to_do(tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("this environment has torch")
    write_llama(tmp_path / "weights")
    made = TransformersEngine(Weights(str(tmp_path / "weights")))

    async def work(made: TransformersEngine) -> None:
        with pytest.raises(EngineUnavailable, match=r"cannot import torch; run `.* -m pip install torch transformers`"):
            await made.start(nothing)

    run(made, work)


def test_end_of_the_engine_ends_the_answers_that_it_owes(tmp_path: Path) -> None:
    async def work(made: TransformersEngine) -> None:
        await made.start(nothing)
        endless = asyncio.create_task(answer(made, asked("x", ignore_eos=True)))
        await until(lambda: made.stats().generated_tokens > 3)
        await made.close()
        with pytest.raises(EngineFailed, match="was ended"):
            await endless

    run(engine(tmp_path, "well"), work)
