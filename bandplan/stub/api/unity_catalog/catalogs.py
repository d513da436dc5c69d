"""/api/2.1/unity-catalog/catalogs and /schemas."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.paging import page
from bandplan.stub.api.requests import json_object, read_object, required_text, text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.catalogs import WITH_EVERY_CATALOG, Catalogs, Container
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.workspace import METASTORE_ID


def routes(catalogs: Catalogs, models: RegisteredModels) -> list[Route]:
    handlers = UnityCatalogCatalogs(catalogs, models)
    base = "/api/2.1/unity-catalog"
    return [
        route("POST", f"{base}/catalogs", handlers.create_catalog),
        route("GET", f"{base}/catalogs", handlers.list_catalogs),
        route("GET", f"{base}/catalogs/{{name}}", handlers.read_catalog),
        route("PATCH", f"{base}/catalogs/{{name}}", handlers.update_catalog),
        route("DELETE", f"{base}/catalogs/{{name}}", handlers.delete_catalog),
        route("POST", f"{base}/schemas", handlers.create_schema),
        route("GET", f"{base}/schemas", handlers.list_schemas),
        route("GET", f"{base}/schemas/{{full_name}}", handlers.read_schema),
        route("PATCH", f"{base}/schemas/{{full_name}}", handlers.update_schema),
        route("DELETE", f"{base}/schemas/{{full_name}}", handlers.delete_schema),
    ]


class UnityCatalogCatalogs:
    """Handlers; each reads the request, calls the catalogs and shows the result."""

    def __init__(self, catalogs: Catalogs, models: RegisteredModels) -> None:
        self._catalogs = catalogs
        self._models = models

    async def create_catalog(self, request: Request) -> Response:
        body = await read_object(request)
        made = self._catalogs.create_catalog(required_text(body, "name"), text(body, "comment"), _properties(body))
        return Answer(show(made))

    async def list_catalogs(self, request: Request) -> Response:
        return _page(request, "catalogs", self._catalogs.catalogs())

    async def read_catalog(self, request: Request) -> Response:
        return Answer(show(self._catalogs.catalog(request.path_params["name"])))

    async def update_catalog(self, request: Request) -> Response:
        return await self._update(request, self._catalogs.catalog(request.path_params["name"]))

    async def delete_catalog(self, request: Request) -> Response:
        found = self._catalogs.catalog(request.path_params["name"])
        # A catalog is empty if it has only the schemas created with it, without models.
        schemas = self._catalogs.schemas(found.full_name)
        return self._delete(request, found, [s.full_name for s in schemas if s.name not in WITH_EVERY_CATALOG])

    async def create_schema(self, request: Request) -> Response:
        body = await read_object(request)
        catalog, name = required_text(body, "catalog_name"), required_text(body, "name")
        return Answer(show(self._catalogs.create_schema(catalog, name, text(body, "comment"), _properties(body))))

    async def list_schemas(self, request: Request) -> Response:
        catalog = request.query_params.get("catalog_name")
        if not catalog:
            raise Invalid("catalog_name: is required.")
        return _page(request, "schemas", self._catalogs.schemas(catalog))

    async def read_schema(self, request: Request) -> Response:
        return Answer(show(self._schema(request)))

    async def update_schema(self, request: Request) -> Response:
        return await self._update(request, self._schema(request))

    async def delete_schema(self, request: Request) -> Response:
        return self._delete(request, self._schema(request), [])

    def _schema(self, request: Request) -> Container:
        catalog, _, name = request.path_params["full_name"].partition(".")
        return self._catalogs.schema(catalog, name)

    async def _update(self, request: Request, found: Container) -> Response:
        body = await read_object(request)
        if (new_name := text(body, "new_name")) and new_name.lower() != found.name:
            raise Invalid("new_name: the stub workspace does not rename catalogs or schemas.")
        return Answer(show(self._catalogs.update(found, text(body, "comment"), text(body, "owner"))))

    def _delete(self, request: Request, found: Container, inner: list[str]) -> Response:
        models = [m.full_name for m in self._models.all() if m.full_name.startswith(f"{found.full_name}.")]
        if (models or inner) and request.query_params.get("force") != "true":
            raise Invalid(f"'{found.full_name}' is not empty; delete its contents first, or set force.")
        self._catalogs.delete(found)
        for model in models:
            self._models.discard(model)
        return Answer({})


def show(found: Container) -> Json:
    shown: Json = {
        "name": found.name,
        "full_name": found.full_name,
        "owner": found.owner,
        "metastore_id": METASTORE_ID,
        "created_at": found.created_ms,
        "created_by": found.created_by,
        "updated_at": found.updated_ms,
        "updated_by": found.created_by,
        "catalog_type": "SYSTEM_CATALOG" if found.catalog == "system" else "MANAGED_CATALOG",
        "browse_only": False,
    }
    if found.is_schema:
        shown |= {"catalog_name": found.catalog, "schema_id": found.id}
    else:
        shown |= {"id": found.id, "securable_type": "CATALOG", "isolation_mode": "OPEN"}
    if found.comment is not None:
        shown["comment"] = found.comment
    if found.properties:
        shown["properties"] = found.properties
    return shown


def _page(request: Request, key: str, rows: list[Container]) -> Response:
    query = request.query_params
    return Answer(page(key, rows, show, query.get("max_results"), query.get("page_token")))


def _properties(body: Json) -> Mapping[str, str] | None:
    properties = json_object(body, "properties")
    return None if properties is None else {key: str(value) for key, value in properties.items()}
