"""/api/2.0/fs/files and /directories: the Files API."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.files.bodies import FileBody, file_answer, file_body
from bandplan.stub.api.paging import page
from bandplan.stub.api.routing import route, streaming_route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files.places import FilePlaces
from bandplan.stub.state.files.stored_files import Entry, StoredFiles
from bandplan.stub.state.refusals import DirectoryNotEmpty
from bandplan.stub.state.workspace import new_id

MAX_PAGE = 1000
"""Maximum number of rows in one page of a listing (docs.databricks.com, Files API)."""

NO_CONTENT = Response(status_code=204)


def routes(places: FilePlaces, files: StoredFiles) -> list[Route]:
    handlers = FilesApi(places, files)
    file, directory = "/api/2.0/fs/files/{path:path}", "/api/2.0/fs/directories/{path:path}"
    return [
        streaming_route("PUT", file, handlers.write),
        route("GET", file, handlers.read),
        route("HEAD", file, handlers.read),
        route("DELETE", file, handlers.delete),
        route("PUT", directory, handlers.make_directory),
        route("GET", directory, handlers.list_directory),
        route("HEAD", directory, handlers.look_at_directory),
        route("DELETE", directory, handlers.delete_directory),
    ]


class FilesApi:
    """Handlers; each resolves the path, which decides whether it is writable."""

    def __init__(self, places: FilePlaces, files: StoredFiles) -> None:
        self._places = places
        self._files = files

    async def write(self, request: Request) -> Response:
        async with file_body(request) as body:
            await self.save(body, path_of(request), overwrite=overwrite(request))
        return NO_CONTENT

    async def save(self, body: FileBody, path: str, *, overwrite: bool) -> None:
        """Store a body at a path, which is resolved again at the end in case its version was finalized meanwhile."""
        self._places.writable(path)
        with self._files.incoming(new_id()) as file:
            await body.save(file)
            self._files.publish(file, self._places.writable(path), overwrite=overwrite)

    async def read(self, request: Request) -> Response:
        return file_answer(request, self._files.file(self._places.readable(path_of(request))))

    async def delete(self, request: Request) -> Response:
        self._files.delete(self._places.writable(path_of(request)))
        return NO_CONTENT

    async def make_directory(self, request: Request) -> Response:
        self._files.make_directory(self._places.writable(path_of(request)))
        return NO_CONTENT

    async def list_directory(self, request: Request) -> Response:
        place = self._places.readable(path_of(request))
        entries = self._files.entries(place)
        size = request.query_params.get("page_size") or str(MAX_PAGE)
        limit = min(int(size), MAX_PAGE) if size.isascii() and size.isdigit() and len(size) < 9 else MAX_PAGE
        token = request.query_params.get("page_token")
        return Answer(page("contents", entries, lambda entry: show(place.shown, entry), limit or MAX_PAGE, token))

    async def look_at_directory(self, request: Request) -> Response:
        place = self._places.readable(path_of(request))
        self._files.entries(place)
        return Response(status_code=200)

    async def delete_directory(self, request: Request) -> Response:
        try:
            self._files.delete_directory(self._places.writable(path_of(request)))
        except DirectoryNotEmpty as refusal:
            # The Databricks CLI checks for this reason.
            reason = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "FILES_API_DIRECTORY_IS_NOT_EMPTY",
                "domain": "filesystem.databricks.com",
            }
            return Answer({"error_code": "BAD_REQUEST", "message": refusal.message, "details": [reason]}, 400)
        return NO_CONTENT


def path_of(request: Request) -> str:
    """Return the remote path of a request, decoded once as a whole: clients percent-encode slashes too."""
    path: str = request.path_params["path"]
    return path if path.startswith("/") else f"/{path}"


def overwrite(request: Request) -> bool:
    """Whether to replace an existing file; true unless the request says otherwise (docs.databricks.com, Files API)."""
    return request.query_params.get("overwrite", "true").lower() != "false"


def show(directory: str, entry: Entry) -> Json:
    shown: Json = {
        "path": f"{directory}/{entry.name}",
        "name": entry.name,
        "is_directory": entry.size is None,
        "last_modified": entry.modified_ms,
    }
    if entry.size is not None:
        shown["file_size"] = entry.size
    return shown
