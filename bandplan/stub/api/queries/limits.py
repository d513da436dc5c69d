"""What the platform allows for one query: the size of its body, and the time until its answer."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from bandplan.stub.api.bodies import too_large
from bandplan.stub.state.limits import Limits
from bandplan.stub.state.refusals import TooSlow
from bandplan.stub.state.serving.configuration import THROUGHPUT_FIELDS, ServedEntity

FOUNDATION_FIELDS = ("external_model", "foundation_model", *THROUGHPUT_FIELDS)


async def check_size(request: Request, entity: ServedEntity) -> None:
    """Raise BadRequest if the body is too large for a foundation or external model; other models have no limit."""
    limits: Limits = request.app.state.limits
    is_foundation = any(field in entity.settings for field in FOUNDATION_FIELDS)
    if is_foundation and len(await request.body()) > limits.foundation_request_bytes:
        raise too_large(limits.foundation_request_bytes)


async def in_time(request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    """Return the answer. Raises TooSlow if it does not arrive in time; a stream begins later, and checks itself."""
    limits: Limits = request.app.state.limits
    try:
        async with asyncio.timeout(limits.execution_seconds):
            return await answer()
    except TimeoutError:
        raise too_slow(limits) from None


def too_slow(limits: Limits) -> TooSlow:
    return TooSlow(f"The model did not answer within {limits.execution_seconds:g} s.")
