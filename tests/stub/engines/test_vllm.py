"""The engine `vllm` with a fake `vllm` on PATH: started, queried, restarted once, and never left behind."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from bandplan.stub import process as stub_process
from bandplan.stub.inference.engine import Generation, Message
from bandplan.stub.inference.errors import EngineError, EngineUnavailable
from bandplan.stub.inference.openai import connection
from bandplan.stub.inference.selection.spec import EngineSpec
from bandplan.stub.inference.vllm import engine as vllm_engine
from bandplan.stub.inference.vllm import process as vllm_process
from bandplan.stub.inference.vllm.command import environment, launch
from bandplan.stub.inference.vllm.engine import VllmEngine, log_name
from bandplan.stub.inference.vllm.process import reap
from bandplan.stub.inference.vllm.progress import reason_of, step_of
from tests.ports import own_port
from tests.stub.engines.fake_server import ANSWER, Behaviour, serving
from tests.stub.engines.fake_vllm import installed, told
from tests.stub.stub_client import LLAMA, StubClient

SPEC = EngineSpec("vllm", weights="org/name")
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
T = TypeVar("T")


# The command, as a value.


def test_command_serves_on_this_machine_under_a_name_of_its_own_without_the_key() -> None:
    assert launch("/bin/vllm", SPEC, 1234, 0.45).arguments == (
        "/bin/vllm", "serve", "org/name", "--host", "127.0.0.1", "--port", "1234",
        "--served-model-name", "model", "--gpu-memory-utilization", "0.45",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        (EngineSpec("vllm", weights="w", tokenizer="/t"), ["--tokenizer", "/t"]),
        (EngineSpec("vllm", weights="w", is_random=True), ["--load-format", "dummy"]),
        (EngineSpec("vllm", weights="w", context_tokens=8192), ["--max-model-len", "8192"]),
        (EngineSpec("vllm", weights="w", is_embedding=True), ["--runner", "pooling"]),
        (EngineSpec("vllm", weights="w", arguments=("--dtype", "half")), ["--dtype", "half"]),
    ],
)
def test_settings_are_options_of_the_command(spec: EngineSpec, more: list[str]) -> None:
    assert list(launch("vllm", spec, 1, 0.9).arguments[11:]) == more


def test_share_of_the_gpu_that_is_set_comes_before_an_equal_one() -> None:
    arguments = launch("vllm", EngineSpec("vllm", weights="w", gpu_share=0.25), 1, 0.9).arguments
    assert arguments[arguments.index("--gpu-memory-utilization") + 1] == "0.25"


def test_environment_has_the_key_and_nothing_of_our_own_python() -> None:
    made = environment({"HOME": "/h", "HF_TOKEN": "t", "PYTHONPATH": "/ours"}, "key", "mark")
    assert made == {
        "HOME": "/h",
        "HF_TOKEN": "t",
        "VLLM_API_KEY": "key",
        "BANDPLAN_ENGINE": "mark",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }


# What its log says.


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03]", "loading weights, 25%"),
        ("(EngineCore pid=7) INFO 11-29 gpu_model_runner.py: Starting to load model /m...", "loading weights"),
        ("INFO 11-29 weight_utils.py: Time spent downloading weights for org/name: 12 seconds", "downloading weights"),
        ("INFO monitor.py: torch.compile takes 12.5 s in total", "compiling"),
        ("WARNING vllm.py: Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup.", None),
        ("Capturing CUDA graphs (decode, FULL):  50%|#####", "capturing CUDA graphs"),
        ("INFO kv_cache_utils.py: GPU KV cache size: 101,000 tokens", "sizing its cache"),
        ("INFO: Application startup complete.", "starting its server"),
        ("INFO something else", None),
    ],
)
def test_step_is_read_from_the_log(line: str, step: str | None) -> None:
    assert step_of(line) == step


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], ""),
        (["INFO a", "\x1b[31mwhatever\x1b[0m ", ""], "whatever"),
        (["(APIServer pid=1) INFO 11-30 [loggers.py:335] Engine 000: Avg prompt throughput: 6.7 tokens/s"], ""),
        (
            [
                "(EngineCore pid=1) ERROR torch.OutOfMemoryError: CUDA out of memory.",
                "Traceback (most recent call last):",
                "RuntimeError: Engine core initialization failed. See root cause above.",
            ],
            "OutOfMemoryError: CUDA out of memory.",
        ),
        (["OSError: [Errno 98] Address already in use", "INFO bye"], "OSError: [Errno 98] Address already in use"),
        (  # of vLLM 0.32, with more than one process
            [
                "(APIServer pid=1) WARNING 11-30 05:19:23 [system_utils.py:255] Found ulimit of 20000. This can cause fd limit "
                "errors like `OSError: [Errno 24] Too many open files`. Consider increasing with ulimit -n",
                "(VllmWorker-0 pid=3) ERROR 11-30 [multiproc_executor.py:953] ValueError: Available memory is too small.",
                "Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for "
                "root cause.",
                "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}",
            ],
            "ValueError: Available memory is too small.",
        ),
        (
            [
                "(APIServer pid=1) WARNING This can cause fd limit errors like `OSError: [Errno 24] Too many open files`.",
                "EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
                "KeyError: '/psm_0289be98'",
            ],
            "EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
        ),
    ],
)
def test_reason_is_the_error_that_names_a_cause(lines: list[str], reason: str) -> None:
    assert reason_of(lines) == reason


def test_every_engine_has_a_readable_log_of_its_own() -> None:
    other = EngineSpec("vllm", weights="org/name", context_tokens=5)
    assert log_name(SPEC).startswith("vllm-org-name-") and log_name(SPEC).endswith(".log")
    assert log_name(SPEC) != log_name(other)


# The process.


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def await_end(pids: list[int], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert [pid for pid in pids if alive(pid)] == []


def run(
    tmp_path: Path, body: Callable[[VllmEngine, list[str]], Awaitable[T]], mode: str = "", spec: EngineSpec = SPEC
) -> T:
    """Run `body` with an engine that is not started, and what it tells; close it."""
    program = installed(tmp_path / "bin")

    async def whole() -> T:
        environ = {**os.environ, "FAKE_VLLM": mode}
        engine = VllmEngine(str(program), spec, folder=tmp_path / "engines", environ=environ, gpu_share=0.9)
        said: list[str] = []
        try:
            return await body(engine, said)
        finally:
            await engine.close()

    return asyncio.run(whole())


async def text_of(engine: VllmEngine, content: str = "Hello") -> str:
    asked = Generation("m", (Message("user", content),))
    return "".join([token.text async for batch in engine.generate(asked) for token in batch.tokens])


def test_vllm_is_started_tells_its_progress_answers_and_ends_with_the_engine(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> str:
        await engine.start(said.append)
        assert engine.down is None
        assert (engine.context_tokens, engine.is_count_exact) == (4096, True)
        assert await engine.count_text("four") == 4  # the fake counts characters
        assert said[0] == "starting vllm serve" and "loading weights, 50%" in said
        assert said[-1] == "asking it a first query"
        return await text_of(engine)

    assert run(tmp_path, body) == "".join(ANSWER)
    (start,) = told(tmp_path / "bin")
    await_end(start["pids"])
    assert not list((tmp_path / "engines").glob("*.pid"))


def test_key_is_random_and_only_in_the_environment_of_the_child(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> None:
        await engine.start(said.append)

    run(tmp_path, body)
    run(tmp_path, body)
    keys = {start["environ"]["VLLM_API_KEY"] for start in told(tmp_path / "bin")}
    assert len(keys) == 2 and min(map(len, keys)) >= 40
    assert not any(
        key in argument for key in keys for start in told(tmp_path / "bin") for argument in start["arguments"]
    )
    (log,) = (tmp_path / "engines").glob("*.log")
    assert not any(key in log.read_text() for key in keys)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "engines").stat().st_mode) == 0o700


def test_vllm_that_cannot_start_is_tried_once_more_and_then_its_own_reason_is_told(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> None:
        with pytest.raises(EngineUnavailable, match="ended with status 1: OutOfMemoryError: CUDA out of memory"):
            await engine.start(said.append)
        assert any(line.startswith("starting again after: ") for line in said)

    run(tmp_path, body, "refuses")
    starts = told(tmp_path / "bin")
    assert len(starts) == 2
    await_end([pid for start in starts for pid in start["pids"]])


def test_vllm_that_is_healthy_and_ends_at_the_first_query_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for = asyncio.wait_for

    def patiently(awaitable: Awaitable[T], seconds: float | None) -> Coroutine[Any, Any, T]:
        return wait_for(awaitable, max(seconds or 0.0, 60.0))

    # The engine waits 2 s for the end of a process that has broken a query, which a busy machine may take longer to see.
    monkeypatch.setattr(asyncio, "wait_for", patiently)

    async def body(engine: VllmEngine, said: list[str]) -> None:
        with pytest.raises(
            EngineUnavailable, match=r"ended at the first query: .* CUDA error: an illegal memory access"
        ):
            await engine.start(said.append)

    run(tmp_path, body, "dies")


def test_vllm_that_ends_at_its_first_query_once_is_started_again(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> str:
        await engine.start(said.append)
        return await text_of(engine)

    assert run(tmp_path, body, "once") == "".join(ANSWER)
    assert len(told(tmp_path / "bin")) == 2


def test_vllm_that_ends_later_is_started_again_once_and_queries_wait_for_it(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> None:
        await engine.start(said.append)
        with pytest.raises(EngineError):
            await text_of(engine, "crash")
        while engine.down is None:
            await asyncio.sleep(0.01)
        assert await text_of(engine) == "".join(ANSWER), "the next query waits for the new process"
        with pytest.raises(EngineError):
            await text_of(engine, "crash")
        with pytest.raises(EngineUnavailable, match=r"does not run: .* started again once before"):
            while True:
                with contextlib.suppress(EngineError) if engine.down is None else contextlib.nullcontext():
                    await text_of(engine)

    run(tmp_path, body, "crash")
    assert len(told(tmp_path / "bin")) == 2


def test_fault_of_ours_in_the_second_start_is_final_and_queries_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ValueError("no port")

    async def body(engine: VllmEngine, said: list[str]) -> None:
        await engine.start(said.append)
        monkeypatch.setattr("bandplan.stub.inference.vllm.engine.launch", broken)
        with pytest.raises(EngineError):
            await text_of(engine, "crash")
        while engine.down is None:
            await asyncio.sleep(0.01)
        with pytest.raises(EngineUnavailable, match=r"does not run: it could not be started again \(ValueError\)"):
            await asyncio.wait_for(text_of(engine), 60)
        assert engine.down is not None and engine.down.is_final

    run(tmp_path, body, "crash")


@pytest.mark.parametrize("is_other_healthy", [True, False])
def test_port_that_somebody_else_took_meanwhile_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_other_healthy: bool
) -> None:
    other = Behaviour()
    with contextlib.ExitStack() as stack:
        if is_other_healthy:  # a server of the same protocol, which takes any key
            taken = int(stack.enter_context(serving(other)).rpartition(":")[2].removesuffix("/v1"))
        else:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            taken = listener.getsockname()[1]
        ports = iter([taken, own_port()])
        # The listener accepts, and never answers.
        patience = iter([connection.SILENCE_SECONDS if is_other_healthy else 0.2, connection.SILENCE_SECONDS])

        def next_port() -> int:
            monkeypatch.setattr(connection, "SILENCE_SECONDS", next(patience))
            return next(ports)

        monkeypatch.setattr(vllm_engine, "free_port", next_port)

        async def body(engine: VllmEngine, said: list[str]) -> str:
            await engine.start(said.append)
            assert any(line.startswith("trying another port: ") for line in said)
            assert not any(line.startswith("starting again after: ") for line in said), "a crash later is not the last"
            return await text_of(engine)

        assert run(tmp_path, body) == "".join(ANSWER)
    assert other.asked == [], "no prompt went to the other server"
    await_end([pid for start in told(tmp_path / "bin") for pid in start["pids"]])


def test_end_while_it_still_starts_leaves_no_process(tmp_path: Path) -> None:
    async def body(engine: VllmEngine, said: list[str]) -> None:
        starting = asyncio.create_task(engine.start(said.append))
        while not told(tmp_path / "bin"):
            await asyncio.sleep(0.01)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    run(tmp_path, body, "dies")
    (start,) = told(tmp_path / "bin")
    await_end(start["pids"])


WRITES = """
import sys, time
from pathlib import Path
number = 0
while not Path(sys.argv[1]).exists():
    print(f"INFO line {number}", flush=True)
    number += 1
    time.sleep(0 if number < 2000 else 0.1)
print("INFO more", flush=True)
time.sleep(60)
"""


def test_log_of_a_process_that_runs_for_long_keeps_its_end_and_no_line_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_process, "TRIM_SECONDS", 0.01)
    monkeypatch.setattr(vllm_process, "MOST_KEPT_BYTES", 20_000)  # 2,000 lines have 28,890 bytes
    monkeypatch.setattr(vllm_process, "MOST_LOG_BYTES", 1_000)
    go = tmp_path / "go"
    mark = uuid4().hex  # all processes with it are killed in the end, whoever started them

    async def body() -> None:
        arguments = (sys.executable, "-c", WRITES, str(go))
        process = await vllm_process.start(
            tmp_path, "vllm.log", mark, arguments, {**os.environ, "BANDPLAN_ENGINE": mark}
        )
        try:
            # A line written while the log is cut may be lost; none comes twice or in another order.
            while not process.log.read_text().startswith("(earlier lines were removed)\nINFO line "):
                await asyncio.sleep(0.01)
            lines = process.new_lines()
            go.touch()
            while "INFO more" not in lines:
                await asyncio.sleep(0.01)
                lines += process.new_lines()
            assert process.log.stat().st_size <= 20_100
            assert lines[-1] == "INFO more"
            numbers = [int(line.removeprefix("INFO line ")) for line in lines if line.startswith("INFO line ")]
            assert numbers == sorted(set(numbers))
            assert process.last_lines()[-1] == "INFO more"
        finally:
            await process.end()

    asyncio.run(asyncio.wait_for(body(), 90))


# The workspace.


def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str = "") -> tuple[stub_process.Running, StubClient]:
    """A workspace with the fake on PATH and one endpoint that it serves."""
    installed(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_VLLM", mode)
    running = stub_process.start(tmp_path / "stub", engine_arguments=["--engine", "vllm"])
    stub_process.set_engines(running, {LLAMA: {"weights": "org/name"}})
    client = StubClient(running.host, running.token)
    client.create("chat")
    return running, client


def test_endpoint_answers_from_vllm_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = started(tmp_path, monkeypatch)
    answer = client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)
    assert answer["choices"][0]["message"]["content"] == "".join(ANSWER)
    (shown,) = client.ok("GET", "/stub/endpoints/chat")["engines"].values()
    assert (shown["kind"], shown["weights"], shown["state"]) == ("vllm", "org/name", "ready")
    assert stub_process.stop(tmp_path / "stub")
    (start,) = told(tmp_path / "bin")
    await_end(start["pids"])


def test_endpoint_answers_again_after_the_end_of_its_vllm_and_its_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = started(tmp_path, monkeypatch, "crash")
    client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)
    crash = {"messages": [{"role": "user", "content": "crash"}]}
    assert client.send("POST", "/serving-endpoints/chat/invocations", crash).status == 500
    until = time.monotonic() + 60
    while len(told(tmp_path / "bin")) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    answer = client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)  # waits for the second start
    assert answer["choices"][0]["message"]["content"] == "".join(ANSWER)
    (shown,) = client.ok("GET", "/stub/endpoints/chat")["engines"].values()
    assert (shown["state"], shown["detail"]) == ("ready", "")
    log = client.ok("GET", "/api/2.0/serving-endpoints/chat/served-models/llama_v3_3_70b_instruct-1/logs")["logs"]
    engine = [line.partition("engine vllm: ")[2] for line in log.splitlines() if "engine vllm: " in line]
    again = next(at for at, line in enumerate(engine) if line.startswith("starting: being started again after: "))
    assert engine[again - 1] == "ready"
    assert (engine[again + 1], engine[-1]) == ("starting: starting vllm serve", "ready: started again")
    assert stub_process.stop(tmp_path / "stub")


def test_environment_of_the_process_has_no_secret_of_ours_and_no_key_of_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "MY_KEY")
    theirs = (
        "HF_TOKEN",
        "CUDA_VISIBLE_DEVICES",
        "HTTPS_PROXY",
        "LD_LIBRARY_PATH",
        "VLLM_LOGGING_LEVEL",
        "HOME",
        "PATH",
    )
    for name in (*ours, *theirs[:-2]):
        monkeypatch.setenv(name, f"value-of-{name}")
    running, client = started(tmp_path, monkeypatch)
    elsewhere = {"engine": "openai", "url": "http://127.0.0.1:9/v1", "key_env": "MY_KEY"}
    named = {"engine": "openai", "url": "http://127.0.0.1:9/v1", "key_env": "HF_TOKEN"}
    settings = {LLAMA: {"weights": "org/other"}, "elsewhere": elsewhere, "named": named}
    stub_process.set_engines(running, settings)
    client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)
    stub_process.stop(tmp_path / "stub")
    start = next(start for start in told(tmp_path / "bin") if "org/other" in start["arguments"])
    assert [name for name in ours if name in start["environ"]] == []
    assert [name for name in theirs if name not in start["environ"]] == []


def test_killed_workspace_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, client = started(tmp_path, monkeypatch)
    client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)
    (start,) = told(tmp_path / "bin")
    assert all(map(alive, start["pids"]))
    os.kill(running.pid, signal.SIGKILL)
    await_end(start["pids"])


def test_what_a_workspace_left_that_was_killed_with_its_guard_is_ended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, client = started(tmp_path, monkeypatch)
    client.ok("POST", "/serving-endpoints/chat/invocations", CHAT)
    (start,) = told(tmp_path / "bin")
    guard = int(Path(f"/proc/{start['pids'][0]}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guard, signal.SIGSTOP)  # so that it does not see the end of the workspace
    for pid in (running.pid, guard):
        os.kill(pid, signal.SIGKILL)
    await_end(start["pids"][:1])  # the program has a parent-death signal; what it started has none
    assert all(map(alive, start["pids"][1:]))
    assert reap(tmp_path / "stub" / "engines") >= 1
    await_end(start["pids"])


def test_models_share_the_memory_of_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, client = started(tmp_path, monkeypatch)
    stub_process.set_engines(running, {"chat": {"weights": "org/one"}, "other": {"weights": "org/two"}})
    client.create("other")
    for name in ("chat", "other"):
        client.ok("POST", f"/serving-endpoints/{name}/invocations", CHAT)
    shares = {
        start["arguments"][1]: start["arguments"][start["arguments"].index("--gpu-memory-utilization") + 1]
        for start in told(tmp_path / "bin")
    }
    assert (shares["org/one"], shares["org/two"]) == ("0.45", "0.45")
    stub_process.stop(tmp_path / "stub")


def test_failure_to_start_is_the_answer_of_the_endpoint_and_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = started(tmp_path, monkeypatch, "refuses")
    reply = client.send("POST", "/serving-endpoints/chat/invocations", CHAT)
    assert (reply.status, reply.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "OutOfMemoryError: CUDA out of memory" in reply.message
    counted = client.send("POST", "/stub/tokenize", {"model": "chat", "text": "Hello"})
    assert (counted.status, counted.message) == (503, reply.message)
    (engine,) = client.ok("GET", "/stub/status")["engines"]
    assert engine["state"] == "failed"
    assert "OutOfMemoryError" in engine["detail"]
    stub_process.stop(tmp_path / "stub")


def test_model_without_a_chat_template_refuses_chat_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, client = started(tmp_path, monkeypatch)
    stub_process.set_engines(running, {"chat": {"weights": "org/no-template"}})
    reply = client.send("POST", "/serving-endpoints/chat/invocations", CHAT)
    assert (reply.status, reply.error_code) == (400, "BAD_REQUEST")
    assert "has no chat template" in reply.message
    stub_process.stop(tmp_path / "stub")


def test_folder_that_cannot_be_written_is_a_reason_not_a_fault(tmp_path: Path) -> None:
    (tmp_path / "engines").write_text("in the way")

    async def body(engine: VllmEngine, said: list[str]) -> str:
        with pytest.raises(EngineUnavailable) as raised:
            await engine.start(said.append)
        return str(raised.value)

    assert f"cannot be started ({tmp_path / 'engines'}" in run(tmp_path, body)
