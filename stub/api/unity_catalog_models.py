"""/api/2.1/unity-catalog/models: registered models, versions and aliases."""

from stub.api.answers import Answer, json_answer
from stub.api.requests import Json, Request, integer, required_text, text
from stub.api.routing import Router
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


def add_routes(router: Router, models: RegisteredModels) -> None:
    routes = UnityCatalogModels(models)
    base = "/api/2.1/unity-catalog/models"
    router.add("POST", base, routes.create)
    router.add("GET", base, routes.list_all)
    router.add("POST", f"{base}/versions", routes.create_version)
    router.add("GET", f"{base}/{{model}}", routes.read)
    router.add("PATCH", f"{base}/{{model}}", routes.update)
    router.add("DELETE", f"{base}/{{model}}", routes.delete)
    router.add("GET", f"{base}/{{model}}/versions", routes.list_versions)
    router.add("GET", f"{base}/{{model}}/versions/{{version}}", routes.read_version)
    router.add("PATCH", f"{base}/{{model}}/versions/{{version}}", routes.comment_version)
    router.add("DELETE", f"{base}/{{model}}/versions/{{version}}", routes.delete_version)
    router.add("PATCH", f"{base}/{{model}}/versions/{{version}}/finalize", routes.finalize_version)
    router.add("PUT", f"{base}/{{model}}/aliases/{{alias}}", routes.set_alias)
    router.add("GET", f"{base}/{{model}}/aliases/{{alias}}", routes.read_alias)
    router.add("DELETE", f"{base}/{{model}}/aliases/{{alias}}", routes.delete_alias)


class UnityCatalogModels:
    """The routes; each reads the wire, asks the registry, shows the result."""

    def __init__(self, models: RegisteredModels) -> None:
        self._models = models

    def create(self, request: Request) -> Answer:
        body = request.json()
        comment, owner, storage = text(body, "comment"), text(body, "owner"), text(body, "storage_location")
        return json_answer(show(self._models.create(_full_name(body, "name"), comment, owner, storage)))

    def read(self, request: Request) -> Answer:
        model = self._models.get(request.path_values[0])
        # Aliases only when asked for: the Databricks CLI plans around their absence.
        return json_answer(show(model, with_aliases=request.query("include_aliases") == "true"))

    def update(self, request: Request) -> Answer:
        # Clients echo read-only fields here; they are accepted and ignored.
        body = request.json()
        comment, owner, new_name = text(body, "comment"), text(body, "owner"), text(body, "new_name")
        return json_answer(show(self._models.update(request.path_values[0], comment, owner, new_name)))

    def delete(self, request: Request) -> Answer:
        self._models.delete(request.path_values[0], force=request.query("force") == "true")
        return json_answer({})

    def list_all(self, request: Request) -> Answer:
        models = self._models.all(request.query("catalog_name"), request.query("schema_name"))
        return json_answer(_page(request, "registered_models", [show(model) for model in models]))

    def list_versions(self, request: Request) -> Answer:
        model = self._models.get(request.path_values[0])
        shown = [show_version(model, version) for version in model.versions]
        return json_answer(_page(request, "model_versions", shown))

    def create_version(self, request: Request) -> Answer:
        body = request.json()
        full_name = _full_name(body, "model_name")
        settings = {key: body[key] for key in ECHOED if body.get(key) is not None}
        return self._version(full_name, self._models.create_version(full_name, settings))

    def read_version(self, request: Request) -> Answer:
        full_name, version = request.path_values
        return self._version(full_name, self._models.version(full_name, version))

    def comment_version(self, request: Request) -> Answer:
        full_name, version = request.path_values
        comment = text(request.json(), "comment")
        return self._version(full_name, self._models.comment_version(full_name, version, comment))

    def finalize_version(self, request: Request) -> Answer:
        full_name, version = request.path_values
        return self._version(full_name, self._models.finalize_version(full_name, version))

    def delete_version(self, request: Request) -> Answer:
        self._models.delete_version(*request.path_values)
        return json_answer({})

    def set_alias(self, request: Request) -> Answer:
        full_name, alias = request.path_values
        number = integer(request.json(), "version_num")
        if number is None:
            raise Invalid("version_num: is required.")
        self._models.set_alias(full_name, alias, str(number))
        return json_answer(_alias(self._models.get(full_name), alias, number))

    def read_alias(self, request: Request) -> Answer:
        return self._version(request.path_values[0], self._models.aliased(*request.path_values))

    def delete_alias(self, request: Request) -> Answer:
        self._models.delete_alias(*request.path_values)
        return json_answer({})

    def _version(self, full_name: str, version: ModelVersion) -> Answer:
        return json_answer(show_version(self._models.get(full_name), version))


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
    limit, start = request.query("max_results") or "0", request.query("page_token") or "0"
    if not (limit.isascii() and limit.isdigit() and start.isascii() and start.isdigit()):
        raise Invalid("max_results, page_token: must be what a page before gave.")
    end = int(start) + (int(limit) or len(rows))
    page: Json = {key: rows[int(start) : end]}
    if end < len(rows):
        page["next_page_token"] = str(end)
    return page
