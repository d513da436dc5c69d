"""The complete list of routes. To add a family, write a module in a folder and a line in `build`."""

from collections import Counter

from starlette.routing import Route

from bandplan.stub.api.control import admin, behaviour, capacity, description, engines, overview
from bandplan.stub.api.control import model_versions as registrations
from bandplan.stub.api.endpoints import logs as endpoint_logs
from bandplan.stub.api.endpoints import optimization_info, permissions, serving_endpoints
from bandplan.stub.api.endpoints import reports as endpoint_reports
from bandplan.stub.api.endpoints.view import EndpointView
from bandplan.stub.api.files import files, workspace_files
from bandplan.stub.api.files import uploads as file_uploads
from bandplan.stub.api.identity import discovery as identity
from bandplan.stub.api.identity import oauth
from bandplan.stub.api.mlflow import experiments as mlflow_experiments
from bandplan.stub.api.mlflow import logged_models as mlflow_logged_models
from bandplan.stub.api.mlflow import model_versions as mlflow_model_versions
from bandplan.stub.api.mlflow import registered_models as mlflow_registered_models
from bandplan.stub.api.mlflow import runs as mlflow_runs
from bandplan.stub.api.page import files as page_files
from bandplan.stub.api.queries import invocations as queries
from bandplan.stub.api.queries.admissions import Admissions
from bandplan.stub.api.queries.assignments import Assignments
from bandplan.stub.api.queries.metering import Metering
from bandplan.stub.api.unity_catalog import catalogs as unity_catalog_catalogs
from bandplan.stub.api.unity_catalog import grants as unity_catalog_grants
from bandplan.stub.api.unity_catalog import models as unity_catalog_models
from bandplan.stub.api.unity_catalog import tags as unity_catalog_tags
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.state.clock import machine_ms
from bandplan.stub.state.files.multipart_uploads import MultipartUploads
from bandplan.stub.state.files.places import FilePlaces
from bandplan.stub.state.serving.rate_limits import Caller, RateLimiter
from bandplan.stub.state.serving.service_log import ServiceLogs
from bandplan.stub.state.serving.traffic import Traffic
from bandplan.stub.state.workspace import USER_GROUP, USER_NAME, Workspace, new_id

CALLER = Caller(USER_NAME, frozenset({USER_GROUP}))


def build(
    workspace: Workspace,
    host: str,
    unknown_routes: Counter[str],
    assignments: Assignments,
    engine_options: EngineOptions = EngineOptions(),
    *,
    is_unlimited: bool = True,
) -> list[Route]:
    """Build the routes of a workspace that is reached at `host`, the most used families first.

    `is_unlimited`: endpoints ignore their capacity.
    """
    traffic = Traffic(workspace.clock.now_ms)
    service_logs = ServiceLogs(workspace.clock.now_ms)
    view = EndpointView(workspace.behaviours, host)
    places = FilePlaces(workspace.models, workspace.runs, workspace.logged_models)
    uploads = MultipartUploads(workspace.stored_files.incoming_directory, machine_ms, new_id)
    admissions = Admissions(
        workspace.endpoints,
        workspace.capacity_settings,
        workspace.behaviours,
        workspace.clock,
        is_unlimited=is_unlimited,
    )
    limiter = RateLimiter(workspace.clock.now_ms)
    metering = Metering(assignments, admissions, limiter, traffic, service_logs, CALLER)
    made = [
        *serving_endpoints.routes(workspace.endpoints, view),
        *optimization_info.routes(workspace.models),
        *permissions.routes(workspace.endpoints, workspace.files, workspace.access),
        *identity.routes(workspace.id, host),
        *queries.routes(workspace.endpoints, workspace.behaviours, workspace.engine_settings, metering),
        *endpoint_reports.routes(workspace.endpoints, traffic, admissions, host),
        *endpoint_logs.routes(workspace.endpoints, service_logs, assignments),
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
        *overview.routes(workspace, metering),
        *capacity.routes(workspace.endpoints, workspace.capacity_settings, admissions, assignments),
        *engines.routes(workspace.endpoints, workspace.engine_settings, assignments, engine_options),
        *page_files.routes(workspace.id, host),
        *admin.routes(workspace, view, metering, unknown_routes),
    ]
    return [*made, *description.routes(made, host)]
