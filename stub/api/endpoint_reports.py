"""/api/2.0/serving-endpoints/{name}/...: logs, build logs and metrics of an endpoint."""

from stub.api.answers import Answer, json_answer, text_answer
from stub.api.requests import Request
from stub.api.routing import Router
from stub.state.endpoint import UPDATE_FAILED, Endpoint
from stub.state.endpoints import Endpoints
from stub.state.refusals import NotFound


def add_routes(router: Router, endpoints: Endpoints) -> None:
    def logs(request: Request) -> Answer:
        name, entity = request.path_values
        endpoint = _serving(endpoints, name, entity)
        serves = endpoint.config is not None and endpoint.config.entity(entity) is not None
        return json_answer({"logs": f"[{entity}] {'serving' if serves else 'not serving'}\n"})

    def build_logs(request: Request) -> Answer:
        name, entity = request.path_values
        return json_answer({"logs": build_log(_serving(endpoints, name, entity), entity)})

    def metrics(request: Request) -> Answer:
        return text_answer(metrics_text(endpoints.get(request.path_values[0])))

    base = "/api/2.0/serving-endpoints/{name}"
    router.add("GET", f"{base}/served-models/{{entity}}/logs", logs)
    router.add("GET", f"{base}/served-models/{{entity}}/build-logs", build_logs)
    router.add("GET", f"{base}/metrics", metrics)


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
