"""Errors of an engine reach the client as the platform's own."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from bandplan.stub.api.queries.engine_errors import as_refusal
from bandplan.stub.api.queries.streams import EventStream, NamedEventStream, Stream, line
from bandplan.stub.inference.delivery import Delivery
from bandplan.stub.inference.engine import Batch, Generation, Token
from bandplan.stub.inference.errors import EngineError, EngineFailed, EngineRefused, EngineUnavailable
from tests.stub.engines.fake_engine import FakeEngine


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineRefused("x"), "BAD_REQUEST"),
        (EngineUnavailable("x"), "TEMPORARILY_UNAVAILABLE"),
        (EngineFailed("x"), "INTERNAL_ERROR"),
    ],
)
def test_error_of_an_engine_has_a_code_of_the_platform(error: EngineError, code: str) -> None:
    assert (as_refusal(error).error_code, as_refusal(error).message) == (code, "x")


def sent(stream: Stream) -> tuple[int, bytes, list[tuple[int, str | None]]]:
    """The HTTP status, the body, and the status and failure that the stream reports at its end."""
    messages: list[Any] = []
    ended: list[tuple[int, str | None]] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    stream.at_end = lambda status, failure: ended.append((status, failure))
    asyncio.run(stream({"type": "http"}, receive, send))
    return messages[0]["status"], b"".join(message.get("body", b"") for message in messages[1:]), ended


class Asked(FakeEngine):
    """An engine that gives some tokens and then fails, or ends."""

    def __init__(self, tokens: int, error: Exception | None = None) -> None:
        super().__init__()
        self._tokens, self._error = tokens, error

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        for _ in range(self._tokens):
            yield Batch((Token("one"),))
        if self._error is not None:
            raise self._error


class Parts:
    """Events that show the text of each token."""

    def first(self) -> bytes:
        return b""

    def part(self, at: int, tokens: Sequence[Token]) -> bytes:
        return b"".join(line(token.text.encode()) for token in tokens)

    def last(self) -> bytes:
        return b""


def stream_of(tokens: int, error: Exception | None = None, kind: type[Stream] = EventStream) -> Stream:
    return kind(Parts(), [Delivery(Asked(tokens, error), Generation("m", ()))])


def test_engine_that_fails_before_the_first_part_is_answered_with_its_own_status() -> None:
    status, body, ended = sent(stream_of(0, EngineUnavailable("The engine is starting.")))
    assert (status, ended) == (503, [(503, "The engine is starting.")])
    assert json.loads(body) == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The engine is starting."}


@pytest.mark.parametrize("kind", [EventStream, NamedEventStream])
def test_engine_that_fails_later_ends_the_stream_with_its_message(kind: type[Stream]) -> None:
    status, body, ended = sent(stream_of(1, EngineFailed("The engine ended."), kind))
    assert (status, ended) == (200, [(200, "The engine ended.")])
    assert body.startswith(b"data: one\n\n")
    assert b'"INTERNAL_ERROR"' in body
    assert b"The engine ended." in body
    assert b"[DONE]" not in body


def test_stream_without_parts_is_only_its_end() -> None:
    assert sent(stream_of(0)) == (200, b"data: [DONE]\n\n", [(200, None)])
