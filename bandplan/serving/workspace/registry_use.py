"""The endpoints of the workspace that serve a model version."""

from collections.abc import Mapping
from typing import Any

from bandplan.serving.endpoint.live_endpoint import Config, LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.serving.workspace.errors import NotFound


def endpoints_serving(client: WorkspaceClient, model: str, version: str) -> tuple[str, ...]:
    """Return the names of endpoints that run the version or are about to, in the platform's order.

    Other workspaces of the same metastore are not visible. The list shows what runs; only the endpoint itself shows
    what an update is about to replace it with, so endpoints being updated are read one by one.
    """
    return tuple(live.name for live in _live(client) if _serves(live, model, version))


def _live(client: WorkspaceClient) -> list[LiveEndpoint]:
    found = []
    for body in client.get("/api/2.0/serving-endpoints").get("endpoints") or ():
        live = LiveEndpoint.from_response(body)
        if live.is_updating or live.config is None:
            try:
                live = Endpoints(client).get(live.name)
            except NotFound:
                continue
        found.append(live)
    return found


def _serves(live: LiveEndpoint, model: str, version: str) -> bool:
    wanted = (model.casefold(), version)
    return any(_model(entity.settings) == wanted for config in _configs(live) for entity in config.entities)


def _configs(live: LiveEndpoint) -> tuple[Config, ...]:
    return tuple(config for config in (live.config, live.pending_config) if config is not None)


def _model(settings: Mapping[str, Any]) -> tuple[str, str]:
    name = settings.get("entity_name") or settings.get("model_name") or ""
    return str(name).casefold(), str(settings.get("entity_version") or settings.get("model_version") or "")
