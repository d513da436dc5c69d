"""/api/2.0/serving-endpoints/{name}/...: logs, build logs, metrics and the OpenAPI document of an endpoint."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.endpoints.metrics import CONTENT_TYPE, render
from bandplan.stub.api.endpoints.openapi import document
from bandplan.stub.api.queries.admissions import Admissions
from bandplan.stub.api.routing import route
from bandplan.stub.state.refusals import NotFound
from bandplan.stub.state.serving.endpoint import UPDATE_FAILED, Endpoint
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.traffic import Traffic


def routes(endpoints: Endpoints, traffic: Traffic, admissions: Admissions, host: str) -> list[Route]:
    async def logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        endpoint = _serving(endpoints, name, entity)
        serves = endpoint.config is not None and endpoint.config.entity(entity) is not None
        return Answer({"logs": f"[{entity}] {'serving' if serves else 'not serving'}\n"})

    async def build_logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        return Answer({"logs": build_log(_serving(endpoints, name, entity), entity)})

    async def metrics(request: Request) -> Response:
        endpoint = endpoints.get(request.path_params["name"])
        text = render(endpoint, endpoints.facts, traffic, admissions.pools(endpoint))
        return PlainTextResponse(text, headers={"content-type": CONTENT_TYPE})

    async def openapi(request: Request) -> Response:
        endpoint = endpoints.get(request.path_params["name"])
        if endpoint.config is None:
            raise NotFound(f"Endpoint '{endpoint.name}' has no serving configuration yet.")
        return Answer(document(endpoint, host))

    base = "/api/2.0/serving-endpoints/{name}"
    return [
        route("GET", f"{base}/served-models/{{entity}}/logs", logs),
        route("GET", f"{base}/served-models/{{entity}}/build-logs", build_logs),
        route("GET", f"{base}/metrics", metrics),
        route("GET", f"{base}/openapi", openapi),
    ]


def build_log(endpoint: Endpoint, entity: str) -> str:
    """Return the build log of an entity; it ends with the reason if that build failed."""
    lines = [f"[build] {entity}: fetching model artifacts", f"[build] {entity}: building the serving container"]
    if endpoint.pending is None or endpoint.pending.entity(entity) is None:
        lines.append(f"[build] {entity}: done")
    elif endpoint.config_update == UPDATE_FAILED and endpoint.failure:
        culprit = endpoint.failure.entity or endpoint.pending.entities[0].name
        if entity == culprit:
            lines.append(f"[build] {entity}: ERROR {endpoint.failure.reason}")
    return "\n".join(lines) + "\n"


def _serving(endpoints: Endpoints, name: str, entity: str) -> Endpoint:
    endpoint = endpoints.get(name)
    configs = [config for config in (endpoint.config, endpoint.pending) if config is not None]
    if not any(config.entity(entity) for config in configs):
        raise NotFound(f"Served entity '{entity}' does not exist on endpoint '{name}'.")
    return endpoint
