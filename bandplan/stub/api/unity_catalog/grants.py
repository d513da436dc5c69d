"""/api/2.1/unity-catalog/permissions: grants on registered models, whose securable type is `function`, and on the
schemas and catalogs that contain them.
"""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.requests import objects, read_object, required_text, texts
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.access import Access, GrantChange, Grants
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.catalogs import Catalogs
from bandplan.stub.state.registry.registered_models import RegisteredModels


def routes(models: RegisteredModels, catalogs: Catalogs, access: Access) -> list[Route]:
    handlers = UnityCatalogGrants(models, catalogs, access)
    pattern = "/api/2.1/unity-catalog/permissions/{securable}/{full_name}"
    return [
        route("GET", pattern, handlers.read),
        route("PATCH", pattern, handlers.change),
        route("GET", pattern.replace("permissions", "effective-permissions"), handlers.read_effective),
    ]


class UnityCatalogGrants:
    """Handlers; each finds the securable, reads or changes its grants and shows them."""

    def __init__(self, models: RegisteredModels, catalogs: Catalogs, access: Access) -> None:
        self._models = models
        self._catalogs = catalogs
        self._access = access

    async def read(self, request: Request) -> Response:
        return Answer(show(_of_one(request, self._access.grants("/".join(self._securable(request))))))

    async def change(self, request: Request) -> Response:
        body = await read_object(request)
        changes = tuple(
            GrantChange(
                required_text(row, "principal", f"changes/{index}/"),
                tuple(texts(row, "add", f"changes/{index}/")),
                tuple(texts(row, "remove", f"changes/{index}/")),
            )
            for index, row in enumerate(objects(body, "changes"))
        )
        kind, full_name = self._securable(request)
        granted = self._access.change_grants(f"{kind}/{full_name}", changes)
        if kind == "schema":
            self._catalogs.touch(full_name)
        return Answer(show(granted))

    async def read_effective(self, request: Request) -> Response:
        kind, full_name = self._securable(request)
        effective: dict[str, list[Json]] = {}
        for holder, name in _with_parents(kind, full_name):
            for principal, privileges in _of_one(request, self._access.grants(f"{holder}/{name}")).items():
                source = {} if holder == kind else {"inherited_from_type": holder.upper(), "inherited_from_name": name}
                effective.setdefault(principal, []).extend({"privilege": held, **source} for held in privileges)
        rows = [{"principal": principal, "privileges": held} for principal, held in effective.items()]
        return Answer({"privilege_assignments": rows})

    def _securable(self, request: Request) -> tuple[str, str]:
        """Return the type in lower case (clients send FUNCTION and function) and the full name. Raises Invalid,
        NotFound.
        """
        kind, name = request.path_params["securable"].lower(), request.path_params["full_name"]
        match kind:
            case "function":
                return kind, self._models.get(name).full_name
            case "schema":
                catalog, _, schema = name.partition(".")
                return kind, self._catalogs.schema(catalog, schema).full_name
            case "catalog":
                return kind, self._catalogs.catalog(name).full_name
        raise Invalid(f"securable_type: '{kind[:80]}' is not one of function, schema, catalog.")


def _with_parents(kind: str, full_name: str) -> Iterator[tuple[str, str]]:
    """Yield the securable and those it inherits from, nearest first."""
    yield kind, full_name
    parents = {"function": ("schema", "catalog"), "schema": ("catalog",)}.get(kind, ())
    for parent in parents:
        full_name = full_name.rpartition(".")[0]
        yield parent, full_name


def _of_one(request: Request, grants: Grants) -> Grants:
    """Return the grants of the requested principal, or all."""
    principal = request.query_params.get("principal")
    return {who: held for who, held in grants.items() if not principal or who == principal}


def show(grants: Grants) -> Json:
    rows = [{"principal": principal, "privileges": list(privileges)} for principal, privileges in grants.items()]
    return {"privilege_assignments": rows}
