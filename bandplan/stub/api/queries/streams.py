"""Answers as streams of server-sent events, written as they are generated."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bandplan.stub.api.answers import STATUS_BY_CODE, encode, failure_answer, refusal_answer
from bandplan.stub.api.queries.disconnects import ABANDONED, Disconnected, while_connected
from bandplan.stub.api.queries.engine_errors import as_refusal
from bandplan.stub.api.queries.limits import too_slow
from bandplan.stub.api.queries.stream_body import Events, StreamBody
from bandplan.stub.inference.delivery import Delivery, deliver
from bandplan.stub.inference.errors import EngineError
from bandplan.stub.state.limits import Limits
from bandplan.stub.state.refusals import Refusal, TooSlow

FAILED = "The workspace failed; its log file says why."

log = logging.getLogger("stub")


class Stream(StreamingResponse):
    """A stream of events about the tokens of some deliveries. No other kind of line is ever sent.

    The head is sent with the first part, so an engine that fails before it is answered with its own status. `at_end` is
    called once with the status, 499 if the client left before the end, and the reason of a failure: one after the head
    has been sent does not change the status. Starlette's own streaming runs a task group for each stream and keeps
    generating for a client that has left.
    """

    media_type = "text/event-stream"
    end: ClassVar[bytes] = b""

    def __init__(
        self, events: Events, deliveries: Sequence[Delivery], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__((), headers=headers)
        self._events = events
        self._deliveries = deliveries
        self.at_end: Callable[[int, str | None], None] | None = None
        self._failed: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500
        body = StreamBody(self._events, scope, send, self.raw_headers)
        try:
            async with while_connected(scope, receive):
                try:
                    last = await self._send_parts(body, _limits(scope))
                    status = 200
                    await body.end(last)
                except (EngineError, TooSlow) as error:
                    refusal = as_refusal(error) if isinstance(error, EngineError) else error
                    status, self._failed = STATUS_BY_CODE[refusal.error_code], refusal.message
                    await refusal_answer(refusal)(scope, receive, send)
        except Disconnected:
            status = ABANDONED
        finally:
            if self.at_end is not None:
                self.at_end(status, self._failed)

    async def _send_parts(self, body: StreamBody, limits: Limits) -> bytes:
        """Send all parts but the last, and return that one. Raises what happens before the first, or TooSlow."""
        try:
            if body.write(self._events.first()):
                await body.drained()
            async with asyncio.timeout(limits.execution_seconds) as limited:
                body.limited = limited
                await deliver(self._deliveries, body)
            return self._events.last() + self.end
        except TimeoutError:
            if body.has_begun or not limited.expired():
                raise
            raise too_slow(limits) from None
        except EngineError as error:
            if not body.has_begun:
                raise
            # The status line has been sent; the platform documents no form for this, so an error ends the stream.
            refusal = as_refusal(error)
            self._failed = refusal.message
            return self.failure(refusal)
        except Exception:
            if not body.has_begun:
                raise
            log.exception("unexpected error in a stream")
            self._failed = FAILED
            return self.failure()

    def failure(self, refusal: Refusal | None = None) -> bytes:
        """Return the event that ends a stream after an error: `refusal`, or None for a fault of the workspace."""
        return line(bytes((failure_answer() if refusal is None else refusal_answer(refusal)).body))


class EventStream(Stream):
    """A stream in which each event is one `data:` line, ended by `data: [DONE]`."""

    end = b"data: [DONE]\n\n"


class NamedEventStream(Stream):
    """A stream for the Responses API: each event is an `event:` line with its `type`, then its `data:` line."""

    def failure(self, refusal: Refusal | None = None) -> bytes:
        code, message = (refusal.error_code, refusal.message) if refusal else ("INTERNAL_ERROR", FAILED)
        return named_event({"type": "error", "code": code, "message": message, "param": None})


def _limits(scope: Scope) -> Limits:
    limits: Limits = scope["app"].state.limits if "app" in scope else Limits()
    return limits


def line(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def named_event(event: Mapping[str, Any]) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\n" + line(encode(event))
