"""A server that answers each connection's requests with what a script says, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bandplan.bench.target import Secret, Target


class Scripted:
    """`requests` has the body of each request; answers go round.

    `closes`: after each answer; `hangs_up`: before any.
    """

    def __init__(self, answers: Sequence[bytes], closes: bool = False, hangs_up: bool = False) -> None:
        self.closes, self.hangs_up = closes, hangs_up
        self.answers = answers
        self.requests: list[dict] = []  # type: ignore[type-arg]
        self.connections = 0
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.hangs_up:
            writer.close()
            return
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
                self.heads.append(head)
                self.requests.append(json.loads(await reader.readexactly(length)))
                answer = self.answers[(len(self.requests) - 1) % len(self.answers)]
                writer.write(answer)
                await writer.drain()
                if (
                    self.closes
                    or b"connection: close" in answer.lower()
                    or b"HTTP/1.1" not in answer
                    or answer.endswith(b"CUT")
                ):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    *answers: bytes, streamed: bool = True, token: str = "", closes: bool = False, hangs_up: bool = False
) -> AsyncIterator[tuple[Scripted, Target]]:
    script = Scripted(answers, closes, hangs_up)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield (
            script,
            Target(
                "m", "http", "127.0.0.1", port, "/serving-endpoints", "invocations", "chat", streamed, Secret(token)
            ),
        )
    finally:
        server.close()


def stream(*events: str, done: bool = True, headers: str = "") -> bytes:
    """A chunked answer of server-sent events, each in a chunk of its own."""
    lines = [f"data: {event}\n\n" for event in (*events, *(["[DONE]"] if done else []))]
    chunks = "".join(f"{len(line):x}\r\n{line}\r\n" for line in lines)
    return f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{headers}\r\n{chunks}0\r\n\r\n".encode()


def text(content: str) -> str:
    return json.dumps({"choices": [{"delta": {"content": content}}]})


def usage(given: int, made: int) -> str:
    return json.dumps({"choices": [], "usage": {"prompt_tokens": given, "completion_tokens": made}})


def whole(status: int, body: object, headers: str = "") -> bytes:
    content = json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content
