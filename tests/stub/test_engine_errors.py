"""Errors of an engine reach the client as the platform's own."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from bandplan.stub.api.queries.engine_errors import as_refusal
from bandplan.stub.api.queries.streams import EventStream, NamedEventStream, Stream
from bandplan.stub.inference.errors import EngineError, EngineFailed, EngineRefused, EngineUnavailable


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


async def parts(*given: bytes, error: Exception | None = None) -> AsyncGenerator[bytes, None]:
    for part in given:
        yield part
    if error is not None:
        raise error


def test_engine_that_fails_before_the_first_part_is_answered_with_its_own_status() -> None:
    status, body, ended = sent(EventStream(parts(error=EngineUnavailable("The engine is starting."))))
    assert (status, ended) == (503, [(503, "The engine is starting.")])
    assert json.loads(body) == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The engine is starting."}


@pytest.mark.parametrize("kind", [EventStream, NamedEventStream])
def test_engine_that_fails_later_ends_the_stream_with_its_message(kind: type[Stream]) -> None:
    status, body, ended = sent(kind(parts(b"data: 1\n\n", error=EngineFailed("The engine ended."))))
    assert (status, ended) == (200, [(200, "The engine ended.")])
    assert body.startswith(b"data: 1\n\n")
    assert b'"INTERNAL_ERROR"' in body
    assert b"The engine ended." in body
    assert b"[DONE]" not in body


def test_stream_without_parts_is_only_its_end() -> None:
    assert sent(EventStream(parts())) == (200, b"data: [DONE]\n\n", [(200, None)])
