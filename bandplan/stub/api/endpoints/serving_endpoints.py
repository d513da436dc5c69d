"""/api/2.0/serving-endpoints: create, read, list, update and delete, in the classic and the /pt form."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.endpoints import encoded
from bandplan.stub.api.endpoints.ai_gateway import read_gateway, read_old_limits
from bandplan.stub.api.endpoints.configuration import read_classic, read_provisioned
from bandplan.stub.api.endpoints.new_fields import (
    LEFT_OUT,
    NAME,
    is_of_gateway,
    left_out_of_config,
    left_out_of_gateway,
)
from bandplan.stub.api.endpoints.view import EndpointView, show_tags
from bandplan.stub.api.requests import boolean, json_object, objects, read_object, required_text, text, texts
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.serving.configuration import Configuration
from bandplan.stub.state.serving.endpoints import EndpointRequest, Endpoints

SETTINGS = ("ai_gateway", "email_notifications", "budget_policy_id")
CLASSIC_SETTINGS = (*SETTINGS, "telemetry_config", "description", "route_optimized", "rate_limits")
"""Settings of the two forms of create; others are ignored, as the platform ignores unknown fields."""

Tags = tuple[tuple[str, str | None], ...]


def routes(endpoints: Endpoints, view: EndpointView) -> list[Route]:
    handlers = ServingEndpoints(endpoints, view)
    base = "/api/2.0/serving-endpoints"
    return [
        route("POST", base, handlers.create),
        route("GET", base, handlers.list_all),
        route("POST", f"{base}/pt", handlers.create_provisioned),
        route("GET", f"{base}/{{name}}", handlers.read),
        route("DELETE", f"{base}/{{name}}", handlers.delete),
        route("PUT", f"{base}/{{name}}/config", handlers.update_config),
        route("PUT", f"{base}/pt/{{name}}/config", handlers.update_provisioned_config),
        route("PATCH", f"{base}/{{name}}/tags", handlers.update_tags),
        route("PUT", f"{base}/{{name}}/ai-gateway", handlers.update_ai_gateway),
        route("PATCH", f"{base}/{{name}}/notifications", handlers.update_notifications),
        route("PUT", f"{base}/{{name}}/rate-limits", handlers.update_rate_limits),
        route("PATCH", f"{base}/{{name}}/telemetry-config", handlers.update_telemetry_config),
    ]


class ServingEndpoints:
    """Handlers; each reads the request, calls the state and shows the result."""

    def __init__(self, endpoints: Endpoints, view: EndpointView) -> None:
        self._endpoints = endpoints
        self._view = view

    async def create(self, request: Request) -> Response:
        body = await read_object(request)
        config = json_object(body, "config")
        # An empty config also means none: the Go provider sends one for an empty block.
        wanted = read_classic(config) if config and (config.keys() - {"name"}) else None
        return self._create(body, wanted, CLASSIC_SETTINGS)

    async def create_provisioned(self, request: Request) -> Response:
        body = await read_object(request)
        return self._create(body, read_provisioned(json_object(body, "config") or {}), SETTINGS)

    def _create(self, body: Json, config: Configuration | None, settings: tuple[str, ...]) -> Response:
        kept = {key: value for key, value in read_settings(body).items() if key in settings}
        request = EndpointRequest(required_text(body, "name"), config, kept, read_tags(body, "tags"))
        return Answer(self._view.detail(self._endpoints.create(request)))

    async def read(self, request: Request) -> Response:
        return encoded.answer(self._view.detail_text(self._endpoints.read(request.path_params["name"])))

    async def list_all(self, request: Request) -> Response:
        return encoded.answer(self._view.list_text(self._endpoints.all()))

    async def delete(self, request: Request) -> Response:
        self._endpoints.delete(request.path_params["name"])
        return Answer({})

    async def update_config(self, request: Request) -> Response:
        # The classic form has the fields of the configuration at the top level, the /pt form wraps them.
        body = await read_object(request)
        return self._update_config(request.path_params["name"], body, read_classic(body))

    async def update_provisioned_config(self, request: Request) -> Response:
        config = json_object(await read_object(request), "config") or {}
        return self._update_config(request.path_params["name"], config, read_provisioned(config))

    def _update_config(self, name: str, body: Json, wanted: Configuration) -> Response:
        endpoint = self._endpoints.update_config(name, wanted)
        if self._view.adds_new_fields:
            kept = [place for place in endpoint.settings.get(LEFT_OUT, ()) if is_of_gateway(place)]
            endpoint = self._endpoints.update_setting(name, LEFT_OUT, [*kept, *left_out_of_config(body)])
        return Answer(self._view.detail(endpoint))

    async def update_tags(self, request: Request) -> Response:
        body = await read_object(request)
        delete = tuple(texts(body, "delete_tags"))
        endpoint = self._endpoints.update_tags(request.path_params["name"], read_tags(body, "add_tags"), delete)
        return Answer({"tags": show_tags(endpoint)})

    async def update_ai_gateway(self, request: Request) -> Response:
        gateway, name = read_gateway(await read_object(request)), request.path_params["name"]
        kept_gateway = {key: value for key, value in gateway.items() if key != NAME}
        endpoint = self._endpoints.update_setting(name, "ai_gateway", kept_gateway or None)
        if self._view.adds_new_fields:
            kept = [place for place in endpoint.settings.get(LEFT_OUT, ()) if not is_of_gateway(place)]
            self._endpoints.update_setting(name, LEFT_OUT, [*kept, *left_out_of_gateway(gateway)])
        return Answer(gateway)

    async def update_notifications(self, request: Request) -> Response:
        notifications = json_object(await read_object(request), "email_notifications") or {}
        name = request.path_params["name"]
        self._endpoints.update_setting(name, "email_notifications", notifications or None)
        return Answer({"name": name, "email_notifications": notifications})

    async def update_rate_limits(self, request: Request) -> Response:
        limits = read_old_limits(await read_object(request))
        self._endpoints.update_setting(request.path_params["name"], "rate_limits", limits or None)
        return Answer({"rate_limits": limits})

    async def update_telemetry_config(self, request: Request) -> Response:
        telemetry = read_telemetry(json_object(await read_object(request), "telemetry_config"))
        return Answer(self._view.detail(self._endpoints.update_telemetry(request.path_params["name"], telemetry)))


def read_settings(body: Json) -> Json:
    """Read the fields of a create other than name, config and tags; an empty object counts as absent."""
    settings: Json = {}
    if gateway := json_object(body, "ai_gateway"):
        settings["ai_gateway"] = read_gateway(gateway, "ai_gateway/")
    if notifications := json_object(body, "email_notifications"):
        settings["email_notifications"] = notifications
    if telemetry := read_telemetry(json_object(body, "telemetry_config")):
        settings["telemetry_config"] = telemetry
    for key in ("description", "budget_policy_id"):
        if (words := text(body, key)) is not None:
            settings[key] = words
    if (optimized := boolean(body, "route_optimized")) is not None:
        settings["route_optimized"] = optimized
    if limits := read_old_limits(body):
        settings["rate_limits"] = limits
    return settings


def read_telemetry(telemetry: Json | None) -> Json | None:
    """Read a telemetry configuration. Raises Invalid if a part has the wrong type."""
    if telemetry is None:
        return None
    place = "telemetry_config/"
    json_object(telemetry, "inference_table_config", place)
    text(telemetry, "telemetry_profile_id", place)
    for key in json_object(telemetry, "table_names", place) or {}:
        text(telemetry["table_names"], key, f"{place}table_names/")
    return telemetry


def read_tags(body: Json, key: str) -> Tags:
    return tuple((required_text(tag, "key", f"{key}/"), text(tag, "value", f"{key}/")) for tag in objects(body, key))
