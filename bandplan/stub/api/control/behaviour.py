"""/stub/behaviour: switches between possible behaviours of a real workspace."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.requests import read_object
from bandplan.stub.api.routing import route
from bandplan.stub.state.behaviour import Behaviours


def routes(behaviours: Behaviours) -> list[Route]:
    async def read(request: Request) -> Response:
        return Answer(asdict(behaviours.now))

    async def switch(request: Request) -> Response:
        behaviours.switch(await read_object(request))
        return Answer(asdict(behaviours.now))

    async def reset(request: Request) -> Response:
        behaviours.reset()
        return Answer(asdict(behaviours.now))

    return [
        route("GET", "/stub/behaviour", read),
        route("PATCH", "/stub/behaviour", switch),
        route("DELETE", "/stub/behaviour", reset),
    ]
