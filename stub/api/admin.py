"""/stub: what only the stand-in has: its status, faults to inject, what it stores. The token is required here too."""

import os
from collections import Counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.requests import integer, read_object, required_text, text
from stub.api.routing import route
from stub.state.faults import Fault
from stub.state.workspace import Workspace


def routes(workspace: Workspace, unknown_routes: Counter[str]) -> list[Route]:
    async def status(request: Request) -> Response:
        return Answer(
            {
                "pid": os.getpid(),
                "workspace_id": workspace.id,
                "endpoints": workspace.endpoints.count(),
                "unknown_routes": dict(unknown_routes),
                "faults": workspace.faults.waiting(),
            }
        )

    async def set_fault(request: Request) -> Response:
        body = await read_object(request)
        times = integer(body, "times")
        workspace.faults.set(
            Fault(
                endpoint=required_text(body, "endpoint"),
                reason=required_text(body, "reason"),
                operation=text(body, "operation") or "any",
                entity=text(body, "entity"),
                times=1 if times is None else times,
            )
        )
        return Answer({"faults": workspace.faults.waiting()})

    async def clear_faults(request: Request) -> Response:
        workspace.faults.clear()
        return Answer({"faults": []})

    async def read_endpoint(request: Request) -> Response:
        return Answer(workspace.endpoints.get(request.path_params["name"]).to_document())

    return [
        route("GET", "/stub/status", status),
        route("POST", "/stub/faults", set_fault),
        route("DELETE", "/stub/faults", clear_faults),
        route("GET", "/stub/endpoints/{name}", read_endpoint),
    ]
