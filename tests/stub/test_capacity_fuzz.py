"""Whatever bodies come and whoever leaves, no request is left in a chunk or in a queue. In process, in virtual time."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from bandplan.stub.api import application, routes
from bandplan.stub.api.queries import admissions, provisioned_engine
from bandplan.stub.engines import assignments_of
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.state.scenario import NONE
from bandplan.stub.state.serving.settle import parse
from bandplan.stub.state.workspace import Workspace, open_workspace
from tests.stub.stub_client import BGE, ENDPOINTS, bands, units

REQUESTS = 10_000
SEEDS = 8
TOGETHER = 125
TOKEN = "t"
HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer t")]


class Local:
    """The workspace's application without a server; every look at its clock moves it ahead."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        assignments = assignments_of(workspace, Path(), None, EngineOptions())
        answered = routes.build(workspace, "http://127.0.0.1", Counter(), assignments, is_unlimited=False)
        self.application: ASGIApp = application.build(answered, TOKEN, workspace.id, Counter())

    async def send(self, method: str, path: str, body: bytes, turns: int | None = None) -> tuple[int | None, bytes]:
        """Return status and body, as far as they came before the client left, after so many turns of the loop."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.partition("?")[0].encode(),
            "query_string": path.partition("?")[2].encode(),
            "root_path": "",
            "headers": HEADERS,
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        status: int | None = None
        parts: list[bytes] = []
        is_read = False

        async def receive() -> Any:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": body, "more_body": False}
            if turns is None:
                await asyncio.Event().wait()
            for _ in range(turns or 0):
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self.application(scope, receive, send)
        return status, b"".join(parts)

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.send(method, path, b"" if body is None else json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    monkeypatch.setattr(admissions, "LOOK_SECONDS", 0)
    monkeypatch.setattr(provisioned_engine, "LOOK_SECONDS", 0)
    workspace = open_workspace(tmp_path, parse("at-once"), NONE)
    moments = iter(range(1_700_000_000_000, 10**14, 2))
    monkeypatch.setattr(workspace.clock, "_machine", lambda: next(moments))
    yield Local(workspace)
    workspace.close()


def any_value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randint(0, 9 if depth < 3 else 7)
    if kind == 8:
        return [any_value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    if kind == 9:
        return {draw.choice(FIELDS): any_value(draw, depth + 1) for _ in range(draw.randint(0, 3))}
    return draw.choice([None, True, -1, 0, 1, 2.5, 10**12, "", "x", "\ud800", "role", "user", "word " * 300])


FIELDS = (
    *("messages", "prompt", "input", "inputs", "instances", "dataframe_split", "dataframe_records", "params", "n"),
    *("max_tokens", "min_tokens", "ignore_eos", "stop", "stream", "stream_options", "logprobs", "top_logprobs", "seed"),
    *("temperature", "top_p", "tools", "tool_choice", "response_format", "role", "content", "encoding_format"),
)


def any_body(draw: random.Random, endpoint: str) -> bytes:
    if draw.random() < 0.03:
        return draw.choice([b"", b"{", b"[]", b"null", b"\xff", b'{"messages": [' * 50])
    content = "word " * draw.choice([1, 5, 400])
    body: dict[str, Any] = {"model": endpoint, "messages": [{"role": "user", "content": content}]}
    body |= {"stream": draw.random() < 0.5, "max_tokens": draw.choice([None, 1, 20, 60])}
    if endpoint == "embeds":
        body = {"model": endpoint, "input": [content] * draw.randint(1, 3)}
    if draw.random() < 0.5:
        body[draw.choice(FIELDS)] = any_value(draw)
    return json.dumps(body).encode()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_bodies_and_disconnects_leave_nothing_in_flight_and_nothing_in_the_queue(
    local: Local, seed: int
) -> None:
    draw = random.Random(seed)
    names = ("chunks", "cold", "units", "embeds")
    statuses: Counter[int | None] = Counter()

    async def ask() -> None:
        endpoint = draw.choice(names)
        path = draw.choice([f"/serving-endpoints/{endpoint}/invocations", "/serving-endpoints/chat/completions"])
        turns = draw.choice([None, None, 0, 1, 3, 20, 200])
        status, _ = await local.send("POST", path, any_body(draw, endpoint), turns)
        statuses[status] += 1

    async def all_of_them() -> None:
        for name, entity in zip(
            names,
            (
                bands(),
                bands(min_provisioned_throughput=0),
                units(),
                bands(entity_name=BGE, min_provisioned_throughput=1360, max_provisioned_throughput=2720),
            ),
            strict=True,
        ):
            await local.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [{**entity, "name": "e"}]}})
            await local.ok("PUT", f"/stub/endpoints/{name}/capacity", {"queue_limit": 20, "startup_seconds": 1})
        for _ in range(REQUESTS // SEEDS // TOGETHER):
            await asyncio.gather(*(ask() for _ in range(TOGETHER)))
            if draw.random() < 0.3:
                await local.ok("POST", "/stub/clock", {"advance_seconds": 3600})
        for name in names:
            (shown,) = (await local.ok("GET", f"/stub/endpoints/{name}"))["capacity"]["entities"].values()
            assert (shown["in_flight"], shown["queue"]) == (0, 0)
        status = await local.ok("GET", "/stub/status")
        assert status["queries"]["in_flight"] == 0
        assert status["engine"]["running"] == 0
        journal = (await local.ok("GET", "/stub/requests"))["requests"]
        assert all(entry["ended_ms"] is not None for entry in journal)

    # A place that is never freed would have the others wait for ever.
    asyncio.run(asyncio.wait_for(all_of_them(), timeout=60))
    # All kinds of ends were met: answers, wrong bodies, refusals, and clients that left.
    assert min(statuses[code] for code in (200, 400, 429)) > 20
    assert statuses[None] + statuses[499] > 20
    assert statuses[500] == 0
