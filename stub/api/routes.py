"""The whole list of API families that the workspace answers. A new family is a module here and a line in `build`."""

from collections import Counter

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
from stub.api.routing import Router
from stub.inference.simulated import Pace, SimulatedEngine
from stub.state.workspace import Workspace


def build(workspace: Workspace, host: str, unknown_routes: Counter[str], pace: Pace | None) -> Router:
    """The router of a workspace that is reached at `host`."""
    router = Router()
    identity.add_routes(router, workspace.id, host)
    serving_endpoints.add_routes(router, workspace.endpoints)
    endpoint_reports.add_routes(router, workspace.endpoints)
    optimization_info.add_routes(router, workspace.models)
    permissions.add_routes(router, workspace.endpoints, workspace.access)
    unity_catalog_models.add_routes(router, workspace.models)
    unity_catalog_grants.add_routes(router, workspace.models, workspace.access)
    queries.add_routes(router, workspace.endpoints, SimulatedEngine(pace))
    admin.add_routes(router, workspace, unknown_routes)
    return router
