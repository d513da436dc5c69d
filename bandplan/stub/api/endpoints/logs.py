"""/api/2.0/serving-endpoints/{name}/served-models/{entity}/...: the service log and the build log of an entity.

The lines of the service log have the form of the platform's sample: `[replica] [time] [level] text`.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries.assignments import Assigned, Assignments
from bandplan.stub.api.routing import route
from bandplan.stub.inference.selection.spec import SIMULATED
from bandplan.stub.state.refusals import NotFound
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.service_log import ERROR, INFO, Line, ServiceLogs


def routes(endpoints: Endpoints, service_logs: ServiceLogs, assignments: Assignments) -> list[Route]:
    async def logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        endpoint = _serving(endpoints, name, entity)
        assigned = next(one for one in assignments.assigned(endpoint) if one.entity.name == entity)
        told = [*service_logs.lines(endpoint, entity), *engine_lines(assigned, assignments)]
        shown = [shown_line(entity, line) for line in sorted(told, key=lambda line: line.at_ms)]
        if assigned.choice is not None:
            # Last, as the engine writes them: its times are its own.
            shown += await asyncio.to_thread(assignments.running.log_lines, assigned.choice.spec)
        return Answer({"logs": "".join(f"{line}\n" for line in shown)})

    async def build_logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        return Answer({"logs": build_log(_serving(endpoints, name, entity), entity)})

    base = "/api/2.0/serving-endpoints/{name}/served-models/{entity}"
    return [route("GET", f"{base}/logs", logs), route("GET", f"{base}/build-logs", build_logs)]


def engine_lines(assigned: Assigned, assignments: Assignments) -> Iterator[Line]:
    """Yield which engine answers for an entity, and what it has done since it was started."""
    began = assigned.entity.created_ms
    if assigned.problem:
        yield Line(began, ERROR, f"no engine: {assigned.problem}")
    if assigned.choice is None:
        return
    spec = assigned.choice.spec
    for passed in assigned.choice.passed_over:
        yield Line(began, INFO, f"engine {passed.engine} cannot be used: {passed.reason}")
    if spec.kind == SIMULATED:
        yield Line(began, INFO, "engine simulated: answers without a model")
        return
    running = assignments.running.find(spec)
    for at_ms, state, detail in running.progress if running is not None else ():
        said = f"engine {spec.kind}: {state}" + (f": {detail}" if detail else "")
        yield Line(at_ms, ERROR if state == "failed" else INFO, said)


def shown_line(entity: str, line: Line) -> str:
    """Format one line; a text of several becomes one."""
    at = datetime.fromtimestamp(line.at_ms / 1000, UTC)
    return f"[{entity}] [{at:%Y-%m-%d %H:%M:%S} +0000] [{line.level}] {' '.join(line.text.split())}"


def build_log(endpoint: Endpoint, entity: str) -> str:
    """Return the build log of an entity; it ends with the reason if that build failed."""
    lines = [f"[build] {entity}: fetching model artifacts", f"[build] {entity}: building the serving container"]
    if endpoint.pending is None or endpoint.pending.entity(entity) is None:
        lines.append(f"[build] {entity}: done")
    elif endpoint.failure is not None and entity == endpoint.culprit:
        lines.append(f"[build] {entity}: ERROR {endpoint.failure.reason}")
    return "\n".join(lines) + "\n"


def _serving(endpoints: Endpoints, name: str, entity: str) -> Endpoint:
    endpoint = endpoints.get(name)
    configs = [config for config in (endpoint.config, endpoint.pending) if config is not None]
    if not any(config.entity(entity) for config in configs):
        raise NotFound(f"Served entity '{entity}' does not exist on endpoint '{name}'.")
    return endpoint
