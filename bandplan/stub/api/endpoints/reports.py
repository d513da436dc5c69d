"""/api/2.0/serving-endpoints/{name}/...: metrics and the OpenAPI document of an endpoint."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.endpoints.metrics import CONTENT_TYPE, render
from bandplan.stub.api.endpoints.openapi import document
from bandplan.stub.api.queries.admissions import Admissions
from bandplan.stub.api.routing import route
from bandplan.stub.state.refusals import NotFound
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.traffic import Traffic


def routes(endpoints: Endpoints, traffic: Traffic, admissions: Admissions, host: str) -> list[Route]:
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
        route("GET", f"{base}/metrics", metrics),
        route("GET", f"{base}/openapi", openapi),
    ]
