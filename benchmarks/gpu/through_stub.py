"""The same model behind an endpoint of a stub workspace, as clients see it."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.load import Load, Speed, speed_of

NEEDS = "import httptools, jsonschema, starlette, uvicorn, yaml"
"""Packages of the stub workspace."""

ENDPOINT = "measured"
MODEL = "system.ai.meta_llama_v3_1_8b_instruct"

START = """
import sys
from pathlib import Path
from bandplan.stub import process
running = process.start(Path(sys.argv[1]), settle="at-once", engine_arguments=sys.argv[2:])
print(running.host, running.token)
"""
STOP = "import sys; from pathlib import Path; from bandplan.stub import process; process.stop(Path(sys.argv[1]))"

LOADING_SECONDS = 180.0
INSTALLING_SECONDS = 120.0
"""Most time for either; guesses."""


class NoStub(Exception):
    """The workspace cannot be measured; the message gives the reason."""


@dataclass(frozen=True)
class Workspace:
    """A workspace with one endpoint that the model answers."""

    port: int
    token: str

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON of an answer. Raises NoStub."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=LOADING_SECONDS) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise NoStub(f"{method} {path}: {error.read().decode('utf-8', 'replace')[:300]}") from error


def stub_python(seconds: float) -> str:
    """Return a Python that can run the workspace: this one, or the project's, which may be installed now.

    Raises NoStub.
    """
    root = Path(__file__).parents[2]
    own = str(root / ".venv" / "bin" / "python")
    for python in (sys.executable, own):
        if _can_run(python):
            return python
    print("installing what the workspace needs into .venv", file=sys.stderr, flush=True)
    installing = [sys.executable, str(root / "requirements" / "install.py"), "run"]
    try:
        subprocess.run(installing, check=False, timeout=max(1.0, min(INSTALLING_SECONDS, seconds / 2)))
    except subprocess.TimeoutExpired:
        pass
    if _can_run(own):
        return own
    raise NoStub("neither this Python nor .venv has what the workspace needs; run `make install-run`")


def _can_run(python: str) -> bool:
    return Path(python).exists() and not subprocess.run([python, "-c", NEEDS], capture_output=True).returncode


@contextmanager
def workspace(python: str, folder: Path, weights: Path, seconds: float) -> Iterator[Workspace]:
    """Yield a workspace whose endpoint has answered within `seconds`, with random weights in the shape of `weights`.

    Raises NoStub.
    """
    engine = ["--engine", "transformers", "--engine-python", sys.executable]
    done = subprocess.run(
        [python, "-c", START, str(folder), *engine],
        capture_output=True,
        text=True,
        check=False,
        timeout=LOADING_SECONDS,
    )
    if done.returncode != 0:
        raise NoStub(f"the workspace did not start: {done.stderr.strip()[-500:]}")
    host, token = done.stdout.split()
    made = Workspace(int(host.rpartition(":")[2]), token)
    try:
        made.send("PUT", "/stub/engines", {"*": {"weights": str(weights), "random": True, "gpu_share": 0.9}})
        entity = {
            "entity_name": MODEL,
            "entity_version": "2",
            "min_provisioned_throughput": 0,
            "max_provisioned_throughput": 970,
        }
        made.send("POST", "/api/2.0/serving-endpoints", {"name": ENDPOINT, "config": {"served_entities": [entity]}})
        _await_engine(made, min(LOADING_SECONDS, seconds))
        yield made
    finally:
        subprocess.run([python, "-c", STOP, str(folder)], check=False, timeout=60)


def _await_engine(made: Workspace, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (shown,) = made.send("GET", "/stub/engines")["endpoints"].get(ENDPOINT, {"": {"state": "choosing"}}).values()
        if shown["state"] == "ready":
            if shown["kind"] != "transformers":
                raise NoStub(f"the endpoint is answered by {shown['kind']}: {shown['passed_over']}")
            return
        if shown["state"] == "failed":
            raise NoStub(shown["detail"])
        time.sleep(0.2)
    raise NoStub(f"the model was not ready within {seconds:.0f} s")


def measure(made: Workspace, load: Load, seconds: float) -> Speed:
    """Return the speed of streamed answers, which may take so many seconds. Raises NoStub."""
    try:
        return asyncio.run(asyncio.wait_for(_all_at_once(made, load), seconds))
    except TimeoutError as error:
        raise NoStub(f"{load.batch} at once took more than the {seconds:.0f} s that were left") from error
    except (OSError, ValueError) as error:
        raise NoStub(f"{load.batch} at once: {error}") from error


async def _all_at_once(made: Workspace, load: Load) -> Speed:
    await _measured(made, load.warm_up, 500_000)
    return await _measured(made, load, 5000)


async def _measured(made: Workspace, load: Load, first: int) -> Speed:
    bodies = [_request(made, load, first * load.batch + number) for number in range(load.batch)]
    connections = [await asyncio.open_connection("127.0.0.1", made.port) for _ in bodies]
    sent = time.monotonic()
    times = await asyncio.gather(
        *(_stream(*connection, body) for connection, body in zip(connections, bodies, strict=True))
    )
    return speed_of(sent, times)


def _request(made: Workspace, load: Load, number: int) -> bytes:
    body = json.dumps(
        {
            "model": ENDPOINT,
            "messages": [{"role": "user", "content": load.prompt(number)}],
            "max_tokens": load.output_tokens,
            "ignore_eos": True,
            "temperature": 0,
            "stream": True,
        }
    ).encode()
    head = (
        "POST /serving-endpoints/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {made.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> list[float]:
    """Return the times at which tokens arrived; every event but the last has one."""
    writer.write(request)
    status = (await reader.readline()).split()
    if status[1:2] != [b"200"]:
        raise ValueError((await reader.read()).decode("utf-8", "replace")[-300:])
    times: list[float] = []
    while line := await reader.readline():
        if line.startswith(b"data: {") and b'"content":' in line:
            times.append(time.monotonic())
        elif line.startswith(b"data: {") and b'"choices"' not in line:
            raise ValueError(line.decode("utf-8", "replace")[:300])
    writer.close()
    return times
