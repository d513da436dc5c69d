"""/api/2.1/unity-catalog/permissions: grants on registered models, whose securable type is `function`."""

from stub.api.answers import Answer, json_answer
from stub.api.requests import Json, Request, objects, required_text, texts
from stub.api.routing import Router
from stub.state.access import Access, GrantChange, Grants
from stub.state.registered_models import RegisteredModels, grants_path


def add_routes(router: Router, models: RegisteredModels, access: Access) -> None:
    def path_of(request: Request) -> str:
        return grants_path(models.get(request.path_values[0]).full_name)

    def read(request: Request) -> Answer:
        return json_answer(show(access.grants(path_of(request))))

    def change(request: Request) -> Answer:
        changes = tuple(
            GrantChange(
                required_text(row, "principal", f"changes/{index}/"),
                tuple(texts(row, "add", f"changes/{index}/")),
                tuple(texts(row, "remove", f"changes/{index}/")),
            )
            for index, row in enumerate(objects(request.json(), "changes"))
        )
        return json_answer(show(access.change_grants(path_of(request), changes)))

    pattern = "/api/2.1/unity-catalog/permissions/function/{full_name}"
    router.add("GET", pattern, read)
    router.add("PATCH", pattern, change)


def show(grants: Grants) -> Json:
    rows = [{"principal": principal, "privileges": list(privileges)} for principal, privileges in grants.items()]
    return {"privilege_assignments": rows}
