"""What lies around every query: rate limits before it, counts for the metrics after it."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

from starlette.responses import Response, StreamingResponse

from stub.api.answers import STATUS_BY_CODE
from stub.inference.engine import Engine
from stub.inference.tallied import TalliedEngine
from stub.state.endpoint import Endpoint
from stub.state.rate_limits import Caller, RateLimiter, of_settings
from stub.state.refusals import Refusal
from stub.state.traffic import Traffic

AnswerWith = Callable[[Engine], Awaitable[Response]]

Part = str | bytes | memoryview


class Metering:
    """Lets queries through within the limits of their endpoint, and counts each when its answer has ended."""

    def __init__(self, engine: Engine, limiter: RateLimiter, traffic: Traffic, caller: Caller) -> None:
        self._engine = engine
        self._limiter = limiter
        self._traffic = traffic
        self._caller = caller

    async def measure(self, endpoint: Endpoint, entity: str, answer: AnswerWith) -> Response:
        """The answer; raises Forbidden and TooManyRequests, and what `answer` raises."""
        began = time.perf_counter()
        engine = TalliedEngine(self._engine)

        def count(status: int) -> None:
            latency_ms = (time.perf_counter() - began) * 1000
            self._traffic.record(endpoint.id, entity, status, engine.tokens, latency_ms)
            self._limiter.spend(endpoint.id, engine.tokens)

        try:
            self._limiter.admit(endpoint.id, of_settings(endpoint.settings), self._caller)
            response = await answer(engine)
        except Refusal as refusal:
            count(STATUS_BY_CODE[refusal.error_code])
            raise
        except Exception:
            count(500)
            raise
        if isinstance(response, StreamingResponse):
            response.body_iterator = _then(response.body_iterator, lambda: count(response.status_code))
        else:
            count(response.status_code)
        return response


async def _then(parts: AsyncIterable[Part], do: Callable[[], None]) -> AsyncIterator[Part]:
    # A client that goes away ends the stream as well.
    try:
        async for part in parts:
            yield part
    finally:
        do()
