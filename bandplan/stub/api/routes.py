"""The whole list of API families that the workspace answers. A new family is a module here and a line in `build`."""

from collections import Counter

from starlette.routing import Route

from bandplan.stub.api import (
    admin,
    behaviour,
    description,
    endpoint_reports,
    file_uploads,
    files,
    identity,
    mlflow_experiments,
    mlflow_logged_models,
    mlflow_model_versions,
    mlflow_registered_models,
    mlflow_runs,
    oauth,
    optimization_info,
    permissions,
    queries,
    registrations,
    serving_endpoints,
    unity_catalog_catalogs,
    unity_catalog_grants,
    unity_catalog_models,
    unity_catalog_tags,
    workspace_files,
)
from bandplan.stub.api.endpoint_view import EndpointView
from bandplan.stub.api.metering import Metering
from bandplan.stub.inference.simulated import Pace, SimulatedEngine
from bandplan.stub.state.clock import machine_ms
from bandplan.stub.state.file_places import FilePlaces
from bandplan.stub.state.multipart_uploads import MultipartUploads
from bandplan.stub.state.rate_limits import Caller, RateLimiter
from bandplan.stub.state.traffic import Traffic
from bandplan.stub.state.workspace import USER_GROUP, USER_NAME, Workspace, new_id

CALLER = Caller(USER_NAME, frozenset({USER_GROUP}))


def build(workspace: Workspace, host: str, unknown_routes: Counter[str], pace: Pace | None) -> list[Route]:
    """The routes of a workspace that is reached at `host`, the most used families first."""
    traffic = Traffic(workspace.clock.now_ms)
    view = EndpointView(workspace.behaviours, host)
    places = FilePlaces(workspace.models, workspace.runs, workspace.logged_models)
    uploads = MultipartUploads(workspace.stored_files.incoming_directory, machine_ms, new_id)
    metering = Metering(SimulatedEngine(pace), RateLimiter(workspace.clock.now_ms), traffic, CALLER)
    made = [
        *serving_endpoints.routes(workspace.endpoints, view),
        *optimization_info.routes(workspace.models),
        *permissions.routes(workspace.endpoints, workspace.files, workspace.access),
        *identity.routes(workspace.id, host),
        *queries.routes(workspace.endpoints, workspace.behaviours, workspace.engine_settings, metering),
        *endpoint_reports.routes(workspace.endpoints, traffic, host),
        *unity_catalog_models.routes(workspace.models, workspace.versions, workspace.clock.now_ms),
        *unity_catalog_grants.routes(workspace.models, workspace.catalogs, workspace.access),
        *unity_catalog_tags.routes(workspace.models, workspace.versions),
        *unity_catalog_catalogs.routes(workspace.catalogs, workspace.models),
        *mlflow_registered_models.routes(workspace.models),
        *mlflow_model_versions.routes(workspace.models, workspace.versions, workspace.clock.now_ms),
        *mlflow_experiments.routes(workspace.experiments),
        *mlflow_runs.routes(workspace.runs, workspace.stored_files),
        *mlflow_logged_models.routes(workspace.logged_models, workspace.stored_files),
        *files.routes(places, workspace.stored_files),
        *file_uploads.routes(places, workspace.stored_files, uploads, host),
        *registrations.routes(workspace.models, workspace.versions),
        *workspace_files.routes(workspace.files),
        *oauth.routes(host),
        *behaviour.routes(workspace.behaviours),
        *admin.routes(workspace, view, metering, unknown_routes),
    ]
    return [*made, *description.routes(made, host)]
