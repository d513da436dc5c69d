"""/api/2.0/permissions/serving-endpoints: who may view, query and manage an endpoint; keyed by its id."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.requests import Json, objects, read_object, required_text
from stub.api.routing import route
from stub.state.access import LEVELS, Access, Permission, PrincipalKind
from stub.state.endpoints import Endpoints, permissions_path
from stub.state.refusals import Invalid
from stub.state.workspace import USER_NAME

KINDS: tuple[PrincipalKind, ...] = ("user_name", "group_name", "service_principal_name")

OBJECT_TYPE = "serving-endpoint"
"""The Go provider fails on any other value."""


def routes(endpoints: Endpoints, access: Access) -> list[Route]:
    def path_of(request: Request) -> str:
        return permissions_path(endpoints.get_by_id(request.path_params["id"]))

    async def read(request: Request) -> Response:
        path = path_of(request)
        return Answer(show(path, access.permissions(path)))

    async def replace(request: Request) -> Response:
        body = await read_object(request)
        path = path_of(request)
        return Answer(show(path, access.set_permissions(path, read_permissions(body))))

    async def merge(request: Request) -> Response:
        body = await read_object(request)
        path = path_of(request)
        return Answer(show(path, access.add_permissions(path, read_permissions(body))))

    async def levels(request: Request) -> Response:
        path_of(request)
        rows = [{"permission_level": level, "description": words} for level, words in LEVELS.items()]
        return Answer({"permission_levels": rows})

    pattern = "/api/2.0/permissions/serving-endpoints/{id}"
    return [
        route("GET", pattern, read),
        route("PUT", pattern, replace),
        route("PATCH", pattern, merge),
        route("GET", f"{pattern}/permissionLevels", levels),
    ]


def read_permissions(body: Json) -> tuple[Permission, ...]:
    permissions = []
    for index, row in enumerate(objects(body, "access_control_list")):
        place = f"access_control_list/{index}/"
        kinds = [kind for kind in KINDS if row.get(kind)]
        if len(kinds) != 1:
            raise Invalid(f"{place}: exactly one of {', '.join(KINDS)} is required.")
        principal, level = required_text(row, kinds[0], place), required_text(row, "permission_level", place)
        permissions.append(Permission(kinds[0], principal, level))
    return tuple(permissions)


def show(path: str, permissions: tuple[Permission, ...]) -> Json:
    """Direct permissions, and what the workspace's admins inherit; the creator manages until the first change."""
    direct = permissions or (Permission("user_name", USER_NAME, "CAN_MANAGE"),)
    rows: list[Json] = [
        {p.kind: p.principal, "all_permissions": [{"permission_level": p.level, "inherited": False}]} for p in direct
    ]
    inherited = {
        "permission_level": "CAN_MANAGE",
        "inherited": True,
        "inherited_from_object": ["/serving-endpoints/"],
    }
    rows.append({"group_name": "admins", "all_permissions": [inherited]})
    return {"object_id": f"/{path}", "object_type": OBJECT_TYPE, "access_control_list": rows}
