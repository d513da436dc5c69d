"""/api/2.0/workspace and /api/2.0/workspace-files: workspace files, in which `databricks bundle` keeps its state.

Also /telemetry-ext, to which the Databricks CLI reports after a bundle command; nothing is stored.
"""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.requests import boolean, read_object, required_text, text, texts
from bandplan.stub.api.routing import route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files.workspace_files import MOUNT, WorkspaceFiles, WorkspaceObject
from bandplan.stub.state.refusals import AlreadyExists, FileExists, Invalid


def routes(files: WorkspaceFiles) -> list[Route]:
    handlers = WorkspaceFilesApi(files)
    base = "/api/2.0/workspace"
    return [
        route("GET", f"{base}/get-status", handlers.status),
        route("GET", f"{base}/list", handlers.list_all),
        route("GET", f"{base}/export", handlers.export),
        route("POST", f"{base}/mkdirs", handlers.make_folders),
        route("POST", f"{base}/delete", handlers.delete),
        route("POST", f"{base}/import", handlers.import_object),
        route("POST", f"{base}-files/import-file/{{path:path}}", handlers.import_file),
        route("POST", "/telemetry-ext", report),
    ]


class WorkspaceFilesApi:
    """Handlers; each reads the request, calls the file tree and shows the result."""

    def __init__(self, files: WorkspaceFiles) -> None:
        self._files = files

    async def status(self, request: Request) -> Response:
        path = _path(request)
        return Answer(show(self._files.get(path), path))

    async def list_all(self, request: Request) -> Response:
        path = _path(request)
        children = [show(found, path) for found in self._files.children(path)]
        return Answer({"objects": children} if children else {})

    async def export(self, request: Request) -> Response:
        content = self._files.read(_path(request))
        if request.query_params.get("direct_download") == "true":
            return Response(content, media_type="application/octet-stream")
        return Answer({"content": base64.b64encode(content).decode("ascii"), "file_type": "file"})

    async def make_folders(self, request: Request) -> Response:
        self._files.make_folders(required_text(await read_object(request), "path"))
        return Answer({})

    async def delete(self, request: Request) -> Response:
        body = await read_object(request)
        self._files.delete(required_text(body, "path"), recursive=boolean(body, "recursive") or False)
        return Answer({})

    async def import_object(self, request: Request) -> Response:
        body = await read_object(request)
        path, overwrite = required_text(body, "path"), boolean(body, "overwrite") or False
        try:
            content = base64.b64decode(text(body, "content") or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid("content: must be base64.") from error
        try:
            self._files.write(path, content, overwrite=overwrite)
        except FileExists as error:
            # The two import calls answer differently here: this one with 400, the other one with 409.
            raise AlreadyExists(error.message) from error
        return Answer({})

    async def import_file(self, request: Request) -> Response:
        # The Databricks CLI percent-encodes the whole path into one segment, without its leading slash.
        path = "/" + request.path_params["path"].lstrip("/")
        overwrite = request.query_params.get("overwrite") == "true"
        self._files.write(path, await request.body(), overwrite=overwrite)
        return Answer({})


async def report(request: Request) -> Response:
    body = await read_object(request)
    return Answer({"errors": [], "numProtoSuccess": len(texts(body, "protoLogs"))})


def show(found: WorkspaceObject, asked: str) -> Json:
    """Show an object as `get-status` does; its path has the mount `/Workspace` if the requested path had it."""
    mounted = asked == MOUNT or asked.startswith(f"{MOUNT}/")
    shown: Json = {
        "object_type": "DIRECTORY" if found.is_folder else "FILE",
        "path": (f"{MOUNT}{found.path}".rstrip("/") if mounted else found.path),
        "object_id": found.id,
        "resource_id": str(found.id),
        "created_at": found.created_ms,
        "modified_at": found.modified_ms,
    }
    if found.content is not None:
        shown["size"] = len(found.content)
    return shown


def _path(request: Request) -> str:
    path = request.query_params.get("path")
    if not path:
        raise Invalid("path: is required.")
    return path
