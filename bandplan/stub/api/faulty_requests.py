"""Request faults on the wire: late answers, errors instead of answers, and cut connections."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.bodies import MAX_DISCARDED_BYTES
from bandplan.stub.api.connections import Connections
from bandplan.stub.state.faults.route_faults import RouteFault, RouteFaults


class FaultyRequests:
    """ASGI middleware that applies the fault, if any, that hits a request. It sees only requests with the token."""

    def __init__(self, app: ASGIApp, faults: RouteFaults, connections: Connections) -> None:
        self._app = app
        self._faults = faults
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.action == "delay":
            await asyncio.sleep(fault.delay_seconds)
            await self._app(scope, receive, send)
        else:
            await self._break(fault, scope, receive, send)

    async def _break(self, fault: RouteFault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.when == "before":
            await _read_all(receive)
        else:
            answer: list[Message] = []

            async def keep(message: Message) -> None:
                answer.append(message)

            await self._app(scope, receive, keep)
            if fault.when == "during":
                await _send_half(answer, send)
        if fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        if fault.action == "error":
            await _error(fault)(scope, receive, send)
        else:
            end = self._connections.close if fault.when == "during" else self._connections.cut
            end(tuple(scope["client"]))
            while (await receive())["type"] != "http.disconnect":
                pass


def _error(fault: RouteFault) -> Answer:
    wait = fault.retry_after_seconds
    headers = None if wait is None else {"retry-after": str(wait)}
    return Answer({"error_code": fault.error_code, "message": fault.message}, fault.status, headers)


async def _read_all(receive: Receive) -> None:
    size, is_more = 0, True
    while is_more and size < MAX_DISCARDED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        is_more = message.get("more_body", False)


async def _send_half(answer: list[Message], send: Send) -> None:
    start, *bodies = answer
    body = b"".join(message.get("body", b"") for message in bodies)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
