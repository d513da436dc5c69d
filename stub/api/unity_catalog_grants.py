"""/api/2.1/unity-catalog/permissions: grants on registered models, whose securable type is `function`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.requests import Json, objects, read_object, required_text, texts
from stub.api.routing import route
from stub.state.access import Access, GrantChange, Grants
from stub.state.registered_models import RegisteredModels, grants_path


def routes(models: RegisteredModels, access: Access) -> list[Route]:
    def path_of(request: Request) -> str:
        return grants_path(models.get(request.path_params["full_name"]).full_name)

    async def read(request: Request) -> Response:
        return Answer(show(access.grants(path_of(request))))

    async def change(request: Request) -> Response:
        body = await read_object(request)
        changes = tuple(
            GrantChange(
                required_text(row, "principal", f"changes/{index}/"),
                tuple(texts(row, "add", f"changes/{index}/")),
                tuple(texts(row, "remove", f"changes/{index}/")),
            )
            for index, row in enumerate(objects(body, "changes"))
        )
        return Answer(show(access.change_grants(path_of(request), changes)))

    async def read_effective(request: Request) -> Response:
        # Catalogs and schemas have no grants here, so nothing is inherited.
        return Answer(show_effective(access.grants(path_of(request))))

    pattern = "/api/2.1/unity-catalog/permissions/function/{full_name}"
    return [
        route("GET", pattern, read),
        route("PATCH", pattern, change),
        route("GET", pattern.replace("permissions", "effective-permissions"), read_effective),
    ]


def show(grants: Grants) -> Json:
    rows = [{"principal": principal, "privileges": list(privileges)} for principal, privileges in grants.items()]
    return {"privilege_assignments": rows}


def show_effective(grants: Grants) -> Json:
    rows = [
        {"principal": principal, "privileges": [{"privilege": privilege} for privilege in privileges]}
        for principal, privileges in grants.items()
    ]
    return {"privilege_assignments": rows}
