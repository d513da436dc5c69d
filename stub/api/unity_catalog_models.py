"""/api/2.1/unity-catalog/models: registered models, versions and aliases."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.requests import Json, integer, read_object, required_text, text
from stub.api.routing import route
from stub.state.model_version import ModelVersion, RegisteredModel
from stub.state.refusals import Invalid
from stub.state.registered_models import RegisteredModels
from stub.state.workspace import METASTORE_ID

ECHOED = (
    "source",
    "run_id",
    "run_workspace_id",
    "comment",
    "tags",
    "model_id",
    "model_params",
    "model_metrics",
    "run_tracking_server_id",
    "model_version_dependencies",
    "feature_deps",
)
"""Fields of a version that are shown as they were sent."""


def routes(models: RegisteredModels) -> list[Route]:
    handlers = UnityCatalogModels(models)
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
    ]


class UnityCatalogModels:
    """The handlers; each reads the wire, asks the registry, shows the result."""

    def __init__(self, models: RegisteredModels) -> None:
        self._models = models

    async def create(self, request: Request) -> Response:
        body = await read_object(request)
        comment, owner, storage = text(body, "comment"), text(body, "owner"), text(body, "storage_location")
        return Answer(show(self._models.create(_full_name(body, "name"), comment, owner, storage)))

    async def read(self, request: Request) -> Response:
        model = self._models.get(request.path_params["model"])
        # Aliases only when asked for: the Databricks CLI plans around their absence.
        return Answer(show(model, with_aliases=request.query_params.get("include_aliases") == "true"))

    async def update(self, request: Request) -> Response:
        # Clients echo read-only fields here; they are accepted and ignored.
        body = await read_object(request)
        comment, owner, new_name = text(body, "comment"), text(body, "owner"), text(body, "new_name")
        return Answer(show(self._models.update(request.path_params["model"], comment, owner, new_name)))

    async def delete(self, request: Request) -> Response:
        self._models.delete(request.path_params["model"], force=request.query_params.get("force") == "true")
        return Answer({})

    async def list_all(self, request: Request) -> Response:
        models = self._models.all(request.query_params.get("catalog_name"), request.query_params.get("schema_name"))
        return Answer(_page(request, "registered_models", [show(model) for model in models]))

    async def list_versions(self, request: Request) -> Response:
        model = self._models.get(request.path_params["model"])
        shown = [show_version(model, version) for version in model.versions]
        return Answer(_page(request, "model_versions", shown))

    async def create_version(self, request: Request) -> Response:
        body = await read_object(request)
        full_name = _full_name(body, "model_name")
        settings = {key: body[key] for key in ECHOED if body.get(key) is not None}
        return self._version(full_name, self._models.create_version(full_name, settings))

    async def read_version(self, request: Request) -> Response:
        full_name, version = _version_of(request)
        return self._version(full_name, self._models.version(full_name, version))

    async def comment_version(self, request: Request) -> Response:
        comment = text(await read_object(request), "comment")
        full_name, version = _version_of(request)
        return self._version(full_name, self._models.comment_version(full_name, version, comment))

    async def finalize_version(self, request: Request) -> Response:
        full_name, version = _version_of(request)
        return self._version(full_name, self._models.finalize_version(full_name, version))

    async def delete_version(self, request: Request) -> Response:
        self._models.delete_version(*_version_of(request))
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

    def _version(self, full_name: str, version: ModelVersion) -> Response:
        return Answer(show_version(self._models.get(full_name), version))


def _version_of(request: Request) -> tuple[str, str]:
    return request.path_params["model"], request.path_params["version"]


def _alias_of(request: Request) -> tuple[str, str]:
    return request.path_params["model"], request.path_params["alias"]


def show(model: RegisteredModel, with_aliases: bool = False) -> Json:
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
    if with_aliases:
        shown["aliases"] = [_alias(model, alias, number) for alias, number in model.aliases]
    return shown


def show_version(model: RegisteredModel, version: ModelVersion) -> Json:
    catalog, schema, name = model.full_name.split(".")
    return {
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "version": version.version,
        "status": version.status,
        "id": version.id,
        "metastore_id": METASTORE_ID,
        "storage_location": f"{model.storage_location}/{version.version}",
        "created_at": version.created_ms,
        "created_by": version.created_by,
        "updated_at": version.updated_ms,
        "updated_by": version.created_by,
        "aliases": [_alias(model, alias, number) for alias, number in model.aliases if number == version.version],
        **version.settings,
    }


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


def _page(request: Request, key: str, rows: list[Json]) -> Json:
    """One page; a page token is the number of rows already given."""
    limit, start = request.query_params.get("max_results") or "0", request.query_params.get("page_token") or "0"
    if not (limit.isascii() and limit.isdigit() and start.isascii() and start.isdigit()):
        raise Invalid("max_results, page_token: must be what a page before gave.")
    end = int(start) + (int(limit) or len(rows))
    page: Json = {key: rows[int(start) : end]}
    if end < len(rows):
        page["next_page_token"] = str(end)
    return page
