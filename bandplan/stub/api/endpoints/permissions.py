"""/api/2.0/permissions: who may view, query and manage an endpoint or a workspace folder, by its id."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.requests import objects, read_object, required_text
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.access import LEVELS, Access, Permission, PrincipalKind
from bandplan.stub.state.files.workspace_files import WorkspaceFiles, folder_path
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.workspace import USER_NAME

KINDS: tuple[PrincipalKind, ...] = ("user_name", "group_name", "service_principal_name")

OBJECT_TYPES = {"serving-endpoints": "serving-endpoint", "directories": "directory"}
"""The object type in an answer, by path segment. The Go provider fails on any other value."""


def routes(endpoints: Endpoints, files: WorkspaceFiles, access: Access) -> list[Route]:
    return [
        *_routes("serving-endpoints", endpoints.permissions_path, access),
        *_routes("directories", lambda key: folder_path(files.folder(key)), access),
    ]


def _routes(kind: str, object_path: Callable[[str], str], access: Access) -> list[Route]:
    def path_of(request: Request) -> str:
        return object_path(request.path_params["id"])

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
        rows = [{"permission_level": level, "description": words} for level, words in LEVELS[kind].items()]
        return Answer({"permission_levels": rows})

    pattern = f"/api/2.0/permissions/{kind}/{{id}}"
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
    """Show direct permissions and those that admins inherit; until the first change the creator has CAN_MANAGE."""
    kind = path.partition("/")[0]
    direct = permissions or (Permission("user_name", USER_NAME, "CAN_MANAGE"),)
    rows: list[Json] = [
        {
            p.kind: p.principal,
            **({} if p.kind == "group_name" else {"display_name": p.principal}),
            "all_permissions": [{"permission_level": p.level, "inherited": False}],
        }
        for p in direct
    ]
    inherited = {
        "permission_level": "CAN_MANAGE",
        "inherited": True,
        "inherited_from_object": [f"/{kind}/"],
    }
    rows.append({"group_name": "admins", "all_permissions": [inherited]})
    return {"object_id": f"/{path}", "object_type": OBJECT_TYPES[kind], "access_control_list": rows}
