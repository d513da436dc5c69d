"""Clients that leave before their answer is complete: the work ends, and the platform's own figures do not show it."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, StubClient, bands

ENDLESS = 100  # seconds per token


@pytest.fixture
def paced(state_dir: Path) -> StubClient:
    """A workspace whose answers take minutes, with endpoint `chat`."""
    running = process.start(state_dir, settle="at-once", pace=f"10:{1000 * ENDLESS}")
    return filled(running)


def filled(running: process.Running) -> StubClient:
    client = StubClient(running.host, running.token)
    client.ok("POST", ENDPOINTS, {"name": "chat", "config": {"served_entities": [bands(name="llm")]}})
    return client


def asked(client: StubClient, **fields: Any) -> socket.socket:
    """An open connection that has asked for 8,000 tokens, and holds little of what its client does not read."""
    fields = {"max_tokens": 8000, "ignore_eos": True, **fields}
    body = json.dumps({"messages": [{"role": "user", "content": "Say hello"}], **fields}).encode()
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    opened.connect(("127.0.0.1", int(client.host.rpartition(":")[2])))
    head = f"POST /serving-endpoints/chat/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    opened.sendall(f"{head}Authorization: {client.authorization['Authorization']}\r\n\r\n".encode() + body)
    return opened


def status_when(client: StubClient, in_flight: int) -> dict[str, Any]:
    """The stub's own status once so many queries are under way."""
    deadline = time.monotonic() + 60
    while True:
        status: dict[str, Any] = client.ok("GET", "/stub/status")
        if status["queries"]["in_flight"] == in_flight:
            return status
        assert time.monotonic() < deadline, status["queries"]
        time.sleep(0.01)


@pytest.mark.parametrize("fields", [{"stream": True}, {}, {"stream": True, "n": 3}, {"n": 3}], ids=str)
def test_client_that_leaves_ends_its_generation(paced: StubClient, fields: dict[str, Any]) -> None:
    opened = asked(paced, **fields)
    assert status_when(paced, in_flight=1)["engine"]["running"] in (0, fields.get("n", 1))
    if fields.get("stream"):
        assert b" 200 OK" in opened.recv(1000)
    opened.close()
    status = status_when(paced, in_flight=0)
    assert status["engine"]["running"] == 0
    assert status["queries"]["by_status"] == {"499": 1}
    metrics = paced.send("GET", f"{ENDPOINTS}/chat/metrics").body
    assert 'request_count_total{endpoint_name="chat",served_entity_name="llm"} 1' in metrics
    assert 'request_4xx_count_total{endpoint_name="chat",served_entity_name="llm"} 0' in metrics
    assert 'request_5xx_count_total{endpoint_name="chat",served_entity_name="llm"} 0' in metrics
    log = (Path(process_folder(paced)) / "stub.log").read_text()
    assert log == ""


def process_folder(client: StubClient) -> str:
    """Where the workspace that a client talks to keeps its files."""
    pid = client.ok("GET", "/stub/status")["pid"]
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return words[words.index("--state-dir") + 1]


def test_abandoned_streams_are_not_generated_to_their_end(state_dir: Path) -> None:
    client = filled(process.start(state_dir, settle="at-once"))
    # 2 KB a token: the whole answer does not fit into the buffers of a connection, however late its client leaves.
    opened = [asked(client, stream=True, logprobs=True, top_logprobs=20) for _ in range(40)]
    for one in opened:
        assert one.recv(1) == b"H"
        one.close()
    answer = client.ok("POST", "/serving-endpoints/chat/invocations", {"messages": [{"role": "user", "content": "x"}]})
    assert answer["choices"]
    status = status_when(client, in_flight=0)
    assert status["queries"]["by_status"]["200"] >= 1
    assert sum(status["queries"]["by_status"].values()) == 41
    assert status["engine"]["generated_tokens"] < 40 * 8000 / 2
