"""/api/2.1/unity-catalog/models: registered models, versions and aliases."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.mlflow.arguments import read_tags, show_tags, version_number
from bandplan.stub.api.mlflow.model_versions import SETTINGS, credentials, storage_location
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import integer, read_object, required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.model_version import ModelVersion, RegisteredModel
from bandplan.stub.state.registry.model_versions import ModelVersions
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.workspace import METASTORE_ID

Row = TypeVar("Row")

ECHOED = (
    "source",
    "run_id",
    "comment",
    "model_id",
)
"""Fields of a version that are shown as sent."""


def routes(models: RegisteredModels, versions: ModelVersions, clock_ms: Callable[[], int]) -> list[Route]:
    handlers = UnityCatalogModels(models, versions, clock_ms)
    base = "/api/2.1/unity-catalog/models"
    return [
        route("POST", base, handlers.create),
        route("GET", base, handlers.list_all),
        route("POST", f"{base}/versions", handlers.create_version),
        route("GET", f"{base}/{{model}}", handlers.read),
        route("PATCH", f"{base}/{{model}}", handlers.update),
        route("DELETE", f"{base}/{{model}}", handlers.delete),
        route("GET", f"{base}/{{model}}/versions", handlers.list_versions),
        route("GET", f"{base}/{{model}}/versions/{{version}}", handlers.read_version),
        route("PATCH", f"{base}/{{model}}/versions/{{version}}", handlers.comment_version),
        route("DELETE", f"{base}/{{model}}/versions/{{version}}", handlers.delete_version),
        route("PATCH", f"{base}/{{model}}/versions/{{version}}/finalize", handlers.finalize_version),
        route("PUT", f"{base}/{{model}}/aliases/{{alias}}", handlers.set_alias),
        route("GET", f"{base}/{{model}}/aliases/{{alias}}", handlers.read_alias),
        route("DELETE", f"{base}/{{model}}/aliases/{{alias}}", handlers.delete_alias),
        route("POST", "/api/2.1/unity-catalog/temporary-model-version-credentials", handlers.credentials),
    ]


class UnityCatalogModels:
    """Handlers; each reads the request, calls the registry and shows the result."""

    def __init__(self, models: RegisteredModels, versions: ModelVersions, clock_ms: Callable[[], int]) -> None:
        self._models = models
        self._versions = versions
        self._clock_ms = clock_ms

    async def create(self, request: Request) -> Response:
        body = await read_object(request)
        model = self._models.create(
            _full_name(body, "name"),
            text(body, "comment"),
            text(body, "storage_location"),
            read_tags(body),
            text(body, "deployment_job_id"),
        )
        return Answer(show(model))

    async def read(self, request: Request) -> Response:
        model = self._models.get(request.path_params["model"])
        # Aliases only on request: the Databricks CLI plans around their absence.
        return Answer(show(model, with_aliases=request.query_params.get("include_aliases") == "true"))

    async def update(self, request: Request) -> Response:
        # Clients echo read-only fields here; they are accepted and ignored.
        body = await read_object(request)
        model = self._models.update(
            request.path_params["model"],
            text(body, "comment"),
            text(body, "owner"),
            text(body, "new_name"),
            text(body, "deployment_job_id"),
        )
        return Answer(show(model))

    async def delete(self, request: Request) -> Response:
        self._models.delete(request.path_params["model"])
        return Answer({})

    async def list_all(self, request: Request) -> Response:
        models = self._models.all(request.query_params.get("catalog_name"), request.query_params.get("schema_name"))
        return Answer(_page(request, "registered_models", models, lambda model: show(model, in_list=True)))

    async def list_versions(self, request: Request) -> Response:
        model = self._models.get(request.path_params["model"])
        # Without tags and aliases, as the API documentation says.
        return Answer(
            _page(request, "model_versions", model.versions, lambda version: show_version(model, version, in_list=True))
        )

    async def create_version(self, request: Request) -> Response:
        body = await read_object(request)
        full_name = _full_name(body, "model_name")
        settings = {key: body[key] for key in (*SETTINGS, "comment") if body.get(key) not in (None, "")}
        return self._version(full_name, self._versions.create(full_name, settings, read_tags(body)))

    async def read_version(self, request: Request) -> Response:
        full_name, version = _version_of(request)
        return self._version(full_name, self._versions.read(full_name, version))

    async def comment_version(self, request: Request) -> Response:
        comment = text(await read_object(request), "comment")
        full_name, version = _version_of(request)
        return self._version(full_name, self._versions.comment(full_name, version, comment))

    async def finalize_version(self, request: Request) -> Response:
        full_name, version = _version_of(request)
        return self._version(full_name, self._versions.finalize(full_name, version))

    async def delete_version(self, request: Request) -> Response:
        self._versions.delete(*_version_of(request))
        return Answer({})

    async def set_alias(self, request: Request) -> Response:
        number = integer(await read_object(request), "version_num")
        if number is None:
            raise Invalid("version_num: is required.")
        full_name, alias = _alias_of(request)
        self._models.set_alias(full_name, alias, str(number))
        return Answer(_alias(self._models.get(full_name), alias, number))

    async def read_alias(self, request: Request) -> Response:
        return self._version(request.path_params["model"], self._models.aliased(*_alias_of(request)))

    async def delete_alias(self, request: Request) -> Response:
        self._models.delete_alias(*_alias_of(request))
        return Answer({})

    async def credentials(self, request: Request) -> Response:
        body = await read_object(request)
        version = self._models.version(_full_name(body, "model_name"), version_number(body))
        return Answer(credentials(version, text(body, "operation"), self._clock_ms()))

    def _version(self, full_name: str, version: ModelVersion) -> Response:
        return Answer(show_version(self._models.get(full_name), version))


def _version_of(request: Request) -> tuple[str, str]:
    return request.path_params["model"], request.path_params["version"]


def _alias_of(request: Request) -> tuple[str, str]:
    return request.path_params["model"], request.path_params["alias"]


def show(model: RegisteredModel, with_aliases: bool = False, in_list: bool = False) -> Json:
    catalog, schema, name = model.full_name.split(".")
    shown: Json = {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": model.full_name,
        "id": model.id,
        "owner": model.owner,
        "metastore_id": METASTORE_ID,
        "storage_location": model.storage_location,
        "created_at": model.created_ms,
        "created_by": model.created_by,
        "updated_at": model.updated_ms,
        "updated_by": model.created_by,
        "browse_only": False,
    }
    if model.comment is not None:
        shown["comment"] = model.comment
    if model.deployment_job_id is not None:
        shown["deployment_job_id"] = model.deployment_job_id
    if model.tags and not in_list:
        shown["tags"] = show_tags(model.tags)
    if with_aliases:
        shown["aliases"] = [_alias(model, alias, number) for alias, number in model.aliases]
    return shown


def show_version(model: RegisteredModel, version: ModelVersion, in_list: bool = False) -> Json:
    catalog, schema, name = model.full_name.split(".")
    shown: Json = {
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "version": version.version,
        "status": version.status,
        "id": version.id,
        "metastore_id": METASTORE_ID,
        "storage_location": storage_location(model, version),
        "created_at": version.created_ms,
        "created_by": version.created_by,
        "updated_at": version.updated_ms,
        "updated_by": version.created_by,
        **{key: version.settings[key] for key in ECHOED if key in version.settings},
    }
    if isinstance(dependencies := version.settings.get("model_version_dependencies"), dict):
        shown["model_version_dependencies"] = dependencies
    if str(server := version.settings.get("run_tracking_server_id")).isdecimal():
        shown["run_workspace_id"] = int(str(server))
    if not in_list:
        shown["aliases"] = [_alias(model, alias, version.version) for alias in model.aliases_of(version.version)]
        if version.tags:
            shown["tags"] = show_tags(version.tags)
    return shown


def _alias(model: RegisteredModel, alias: str, number: int) -> Json:
    catalog, schema, name = model.full_name.split(".")
    return {
        "alias_name": alias,
        "version_num": number,
        "id": f"{model.id}-{alias}",
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
    }


def _full_name(body: Json, name_key: str) -> str:
    catalog, schema = required_text(body, "catalog_name"), required_text(body, "schema_name")
    return f"{catalog}.{schema}.{required_text(body, name_key)}"


def _page(request: Request, key: str, rows: Sequence[Row], show: Callable[[Row], Json]) -> Json:
    return page(key, rows, show, request.query_params.get("max_results"), request.query_params.get("page_token"))
