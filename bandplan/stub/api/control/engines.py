"""/stub/engines: which engine answers for each endpoint, and the engines that run."""

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries.assignments import Assignments, show
from bandplan.stub.api.requests import read_object
from bandplan.stub.api.routing import route
from bandplan.stub.inference.selection.checks import problems
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.inference.selection.running import Running
from bandplan.stub.inference.selection.settings import EVERYTHING
from bandplan.stub.inference.selection.spec import SIMULATED
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.engine_settings import EngineSettings
from bandplan.stub.state.serving.rules import check_endpoint_name


def routes(
    endpoints: Endpoints, settings: EngineSettings, assignments: Assignments, options: EngineOptions
) -> list[Route]:
    async def read_engines(request: Request) -> Response:
        shown = {
            endpoint.name: {
                assigned.entity.name: show(assigned, assignments) for assigned in assignments.assigned(endpoint)
            }
            for endpoint in endpoints.all()
        }
        return Answer(
            {
                "default": options.default or SIMULATED,
                "settings": settings.engines(),
                "engines": [show_running(one) for one in assignments.running.all()],
                "endpoints": shown,
            }
        )

    async def set_engines(request: Request) -> Response:
        """Replace all settings of engines; an engine that failed starts again."""
        wanted = await read_object(request)
        await asyncio.to_thread(check, wanted, options)
        settings.set_engines({name.lower() if "." in name else name: row for name, row in wanted.items()})
        assignments.restart()
        return Answer({"settings": settings.engines()})

    return [route("GET", "/stub/engines", read_engines), route("PUT", "/stub/engines", set_engines)]


def check(wanted: Json, options: EngineOptions) -> None:
    """Raise Invalid with every problem, one a line, each with its place."""
    found = []
    for name, row in wanted.items():
        if name != EVERYTHING and "." not in name:
            try:
                check_endpoint_name(name)
            except Invalid as error:
                found.append(error.message)
        if not isinstance(row, dict):
            found.append(f"{name}: must be an object.")
    if not found:
        found = [f"{line}." for line in problems(wanted, options.allowed_hosts, options.python, options.default)]
    if found:
        raise Invalid("\n".join(found))


def show_running(running: Running) -> Json:
    engine = running.engine if running.state == "ready" else None
    state, detail = running.shown
    return {
        "kind": running.spec.kind,
        "weights": running.spec.shown_weights,
        "state": state,
        "detail": detail,
        "lacks": sorted(engine.lacks) if engine else [],
        "missing": sorted(engine.missing) if engine else [],
        **(asdict(engine.stats()) if engine else {}),
    }
