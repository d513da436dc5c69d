"""/api/2.0/serving-endpoints/{name}/...: logs, build logs and metrics of an endpoint."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.routing import route
from stub.state.endpoint import UPDATE_FAILED, Endpoint
from stub.state.endpoints import Endpoints
from stub.state.refusals import NotFound


def routes(endpoints: Endpoints) -> list[Route]:
    async def logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        endpoint = _serving(endpoints, name, entity)
        serves = endpoint.config is not None and endpoint.config.entity(entity) is not None
        return Answer({"logs": f"[{entity}] {'serving' if serves else 'not serving'}\n"})

    async def build_logs(request: Request) -> Response:
        name, entity = request.path_params["name"], request.path_params["entity"]
        return Answer({"logs": build_log(_serving(endpoints, name, entity), entity)})

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(metrics_text(endpoints.get(request.path_params["name"])))

    base = "/api/2.0/serving-endpoints/{name}"
    return [
        route("GET", f"{base}/served-models/{{entity}}/logs", logs),
        route("GET", f"{base}/served-models/{{entity}}/build-logs", build_logs),
        route("GET", f"{base}/metrics", metrics),
    ]


def build_log(endpoint: Endpoint, entity: str) -> str:
    """What the build printed; ends with the reason when the build of this entity failed."""
    lines = [f"[build] {entity}: fetching model artifacts", f"[build] {entity}: building the serving container"]
    pending = endpoint.pending.entity(entity) if endpoint.pending else None
    if pending is None:
        lines.append(f"[build] {entity}: done")
    elif endpoint.config_update == UPDATE_FAILED and endpoint.failure and endpoint.failure.entity in (None, entity):
        lines.append(f"[build] {entity}: ERROR {endpoint.failure.reason}")
    return "\n".join(lines) + "\n"


def metrics_text(endpoint: Endpoint) -> str:
    """Gauges in the Prometheus text form, by the platform's export names; a simulated engine uses nothing."""
    gauges = (
        "cpu_usage_percentage",
        "mem_usage_percentage",
        "gpu_usage_percentage",
        "gpu_memory_usage_percentage",
        "provisioned_concurrent_requests_total",
        "request_count_total",
        "request_4xx_count_total",
        "request_5xx_count_total",
    )
    lines = []
    for gauge in gauges:
        lines += [f"# TYPE {gauge} gauge", f'{gauge}{{endpoint_name="{endpoint.name}"}} 0']
    return "\n".join(lines) + "\n# EOF\n"


def _serving(endpoints: Endpoints, name: str, entity: str) -> Endpoint:
    endpoint = endpoints.get(name)
    configs = [config for config in (endpoint.config, endpoint.pending) if config is not None]
    if not any(config.entity(entity) for config in configs):
        raise NotFound(f"Served entity '{entity}' does not exist on endpoint '{name}'.")
    return endpoint
