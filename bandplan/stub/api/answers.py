"""What a route returns: JSON, or an error in the platform's form. Streams are in `stub.api.queries.streams`."""

import json
from typing import Any

from starlette.responses import JSONResponse

from bandplan.stub.state.refusals import AlreadyExists, Refusal

STATUS_BY_CODE = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "DIRECTORY_NOT_EMPTY": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "QUOTA_EXCEEDED": 400,
}
"""HTTP status by error code, as in MLflow's own table, which lacks QUOTA_EXCEEDED; clients check the code first. Never
405, 413, 415, 422 or 502: MLflow takes a status outside its table for a server failure and retries for minutes.
"""

RETRY_AFTER_SECONDS = 1

encode_text = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class Answer(JSONResponse):
    """A complete JSON answer."""

    def render(self, content: Any) -> bytes:
        return encode(content)


def error_answer(error_code: str, message: str, retry_after_seconds: int | None = None) -> Answer:
    """Return an error in the platform's form; a 503 always says when to try again."""
    status = STATUS_BY_CODE[error_code]
    if retry_after_seconds is None and status == 503:
        retry_after_seconds = RETRY_AFTER_SECONDS
    headers = None if retry_after_seconds is None else {"retry-after": str(retry_after_seconds)}
    return Answer({"error_code": error_code, "message": message}, status, headers)


def refusal_answer(refusal: Refusal) -> Answer:
    answer = error_answer(refusal.error_code, refusal.message, refusal.retry_after_seconds)
    if isinstance(refusal, AlreadyExists) and refusal.is_conflict:
        answer.status_code = 409
    if not refusal.tells_when_to_retry and "retry-after" in answer.headers:
        del answer.headers["retry-after"]
    return answer


def failure_answer() -> Answer:
    return error_answer("INTERNAL_ERROR", "The workspace failed; its log file says why.")


def encode(value: Any) -> bytes:
    """Encode a value as JSON; a lone surrogate, which clients can send as an escape, becomes a question mark."""
    return encode_text(value).encode("utf-8", "replace")
