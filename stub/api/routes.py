"""The whole list of API families that the workspace answers. A new family is a module here and a line in `build`."""

from collections import Counter

from starlette.routing import Route

from stub.api import (
    admin,
    endpoint_reports,
    identity,
    optimization_info,
    permissions,
    queries,
    serving_endpoints,
    unity_catalog_grants,
    unity_catalog_models,
)
from stub.inference.simulated import Pace, SimulatedEngine
from stub.state.workspace import Workspace


def build(workspace: Workspace, host: str, unknown_routes: Counter[str], pace: Pace | None) -> list[Route]:
    """The routes of a workspace that is reached at `host`, the most used families first."""
    return [
        *serving_endpoints.routes(workspace.endpoints),
        *optimization_info.routes(workspace.models),
        *permissions.routes(workspace.endpoints, workspace.access),
        *identity.routes(workspace.id, host),
        *queries.routes(workspace.endpoints, SimulatedEngine(pace)),
        *endpoint_reports.routes(workspace.endpoints),
        *unity_catalog_models.routes(workspace.models),
        *unity_catalog_grants.routes(workspace.models, workspace.access),
        *admin.routes(workspace, unknown_routes),
    ]
