"""Streamed answers on real connections: whole, in order, and no faster than their client reads."""

import json
import socket
import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, StubClient, bands

TOKENS = 4000


@pytest.fixture
def client(state_dir: Path) -> StubClient:
    running = process.start(state_dir, settle="at-once")
    client = StubClient(running.host, running.token)
    client.ok("POST", ENDPOINTS, {"name": "chat", "config": {"served_entities": [bands(name="llm")]}})
    return client


def request(client: StubClient, tokens: int, **fields: Any) -> bytes:
    asked = {"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": tokens, "ignore_eos": True}
    body = json.dumps({**asked, "stream": True, **fields}).encode()
    head = f"POST /serving-endpoints/chat/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Authorization: {client.authorization['Authorization']}\r\n\r\n".encode() + body


def connected(client: StubClient) -> socket.socket:
    """A connection that holds little of what its client does not read."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    opened.settimeout(60)
    opened.connect(("127.0.0.1", int(client.host.rpartition(":")[2])))
    return opened


def answer(received: BinaryIO) -> bytes:
    """The body of the next answer, taken out of its chunks."""
    assert received.readline() == b"HTTP/1.1 200 OK\r\n"
    while received.readline() != b"\r\n":
        pass
    body = b""
    while size := int(received.readline(), 16):
        body += received.read(size)
        assert received.read(2) == b"\r\n"
    assert received.readline() == b"\r\n"
    return body


def completion_tokens(body: bytes) -> list[int]:
    """The usage so far of each chunk of an answer that has come to its end."""
    *events, done, rest = body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [json.loads(event.removeprefix(b"data: "))["usage"]["completion_tokens"] for event in events]


def test_client_that_reads_slowly_holds_its_answer_back_and_misses_nothing(client: StubClient) -> None:
    opened = connected(client)
    opened.sendall(request(client, TOKENS, logprobs=True, top_logprobs=20))  # 2 KB a token
    generated: list[int] = []
    while len(generated) < 2 or not generated[-1] or generated[-1] > generated[-2]:
        time.sleep(0.1)
        generated.append(client.ok("GET", "/stub/status")["engine"]["generated_tokens"])
    assert 0 < generated[-1] < TOKENS
    assert completion_tokens(answer(opened.makefile("rb"))) == [*range(1, TOKENS + 1), TOKENS]
    opened.close()


def test_streams_sent_ahead_on_one_connection_are_answered_in_order(client: StubClient) -> None:
    opened = connected(client)
    opened.sendall(request(client, 40) + request(client, 50, n=2) + request(client, 30))
    received = opened.makefile("rb")
    assert completion_tokens(answer(received)) == [*range(1, 41), 40]
    two = completion_tokens(answer(received))
    assert (two[-1], len(two)) == (100, 102)
    assert completion_tokens(answer(received)) == [*range(1, 31), 30]
    opened.close()


def test_head_of_a_paced_answer_waits_for_the_first_token_and_arrives_with_it(state_dir: Path) -> None:
    running = process.start(state_dir, settle="at-once", pace="500:1", capacity="unlimited")
    client = StubClient(running.host, running.token)
    client.ok("POST", ENDPOINTS, {"name": "chat", "config": {"served_entities": [bands(name="llm")]}})
    opened = connected(client)
    began = time.monotonic()
    opened.sendall(request(client, 3))
    first = opened.recv(65536)
    assert time.monotonic() - began >= 0.5
    assert first.startswith(b"HTTP/1.1 200 OK\r\n") and b'"content":"Simu"' in first
    opened.close()
