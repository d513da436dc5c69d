"""What a route gives back: a whole answer or a stream of server-sent events."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from stub.state.refusals import Refusal

STATUS_BY_CODE = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""HTTP status by error code, as MLflow's own table has it; clients look at the code first. Never 405, 413, 415, 422
or 502: MLflow takes a status outside its table for a server failure and retries for minutes."""

RETRY_AFTER_SECONDS = 1

JSON_HEADER = (b"content-type", b"application/json")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_HEADER,)


@dataclass(frozen=True, slots=True)
class EventStream:
    """A stream; each item becomes one `data:` line, and `data: [DONE]` ends it. No other kind of line is ever sent."""

    events: AsyncIterator[Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json_answer(value: Any, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(encode(value), headers=(JSON_HEADER, *headers))


def text_answer(text: str) -> Answer:
    return Answer(text.encode(), headers=((b"content-type", b"text/plain; charset=utf-8"),))


def error_answer(error_code: str, message: str) -> Answer:
    """An error in the platform's form."""
    status = STATUS_BY_CODE[error_code]
    retry = ((b"retry-after", str(RETRY_AFTER_SECONDS).encode()),) if status == 503 else ()
    return Answer(encode({"error_code": error_code, "message": message}), status, (JSON_HEADER, *retry))


def refusal_answer(refusal: Refusal) -> Answer:
    return error_answer(refusal.error_code, refusal.message)


def encode(value: Any) -> bytes:
    """JSON; a lone surrogate, which clients can send as an escape, is written as a question mark."""
    return _encode(value).encode("utf-8", "replace")
