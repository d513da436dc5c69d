"""/api/2.0/fs/files?action=... and /create-*-url: multipart uploads, and URLs that need no token."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.files.bodies import file_answer, file_body
from bandplan.stub.api.files.files import FilesApi, overwrite, path_of
from bandplan.stub.api.requests import integer, objects, read_object, required_text, text
from bandplan.stub.api.routing import route, streaming_route
from bandplan.stub.json_object import Json
from bandplan.stub.state.files import presigned
from bandplan.stub.state.files.multipart_uploads import MAX_PARTS, MultipartUploads, Upload
from bandplan.stub.state.files.places import FilePlaces
from bandplan.stub.state.files.presigned import LIFETIME_MS, UrlGrant
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.refusals import FileExists, Invalid, NoSuchFile

MAX_URLS = 1000
"""Maximum number of URLs created by one request; arbitrary."""


def routes(places: FilePlaces, files: StoredFiles, uploads: MultipartUploads, host: str) -> list[Route]:
    handlers = FileUploads(places, files, uploads, host)
    base = "/api/2.0/fs"
    return [
        route("POST", f"{base}/files/{{path:path}}", handlers.act),
        route("POST", f"{base}/create-upload-url", handlers.upload_url),
        route("POST", f"{base}/create-download-url", handlers.download_url),
        route("POST", f"{base}/create-upload-part-urls", handlers.part_urls),
        route("POST", f"{base}/create-abort-upload-url", handlers.abort_url),
        streaming_route("PUT", "/presigned/{grant}", handlers.put),
        route("GET", "/presigned/{grant}", handlers.get),
        route("DELETE", "/presigned/{grant}", handlers.abort),
    ]


class FileUploads:
    """Handlers. URLs point only to this workspace's own address and expire with the process at the latest."""

    def __init__(self, places: FilePlaces, files: StoredFiles, uploads: MultipartUploads, host: str) -> None:
        self._places = places
        self._files = files
        self._uploads = uploads
        self._host = host
        self._key = secrets.token_bytes(32)
        self._whole_files = FilesApi(places, files)

    async def act(self, request: Request) -> Response:
        action = request.query_params.get("action")
        if action == "initiate-upload":
            return self._initiate(path_of(request), overwrite(request))
        if action == "complete-upload":
            listed = [
                (_number(row, "part_number"), required_text(row, "etag", "parts/"))
                for row in objects(await read_object(request), "parts")
            ]
            await self._complete(request.query_params.get("session_token", ""), path_of(request), listed)
            return Answer({})
        raise Invalid("action: must be initiate-upload or complete-upload.")

    async def upload_url(self, request: Request) -> Response:
        body = await read_object(request)
        path = required_text(body, "path")
        self._places.writable(path)
        return Answer(self._url(UrlGrant("upload", path, _expires_ms(body))))

    async def download_url(self, request: Request) -> Response:
        # MLflow sends a body, the SDK a query.
        given = {**request.query_params, **await read_object(request)}
        path = required_text(given, "path")
        self._files.file(self._places.readable(path))
        return Answer(self._url(UrlGrant("download", path, _expires_ms(given))))

    async def part_urls(self, request: Request) -> Response:
        body = await read_object(request)
        path, token = required_text(body, "path"), required_text(body, "session_token")
        self._uploads.get(token, path)
        first, count = _number(body, "start_part_number"), integer(body, "count")
        if not 1 <= (1 if count is None else count) <= MAX_URLS:
            raise Invalid(f"count: must be from 1 to {MAX_URLS}.")
        expires_ms = _expires_ms(body)
        urls = [
            {**self._url(UrlGrant("part", path, expires_ms, token, number)), "part_number": number}
            for number in range(first, min(first + (count or 1), MAX_PARTS + 1))
        ]
        return Answer({"upload_part_urls": urls})

    async def abort_url(self, request: Request) -> Response:
        body = await read_object(request)
        path, token = required_text(body, "path"), required_text(body, "session_token")
        self._uploads.get(token, path)
        return Answer({"abort_upload_url": self._url(UrlGrant("abort", path, _expires_ms(body), token))})

    async def put(self, request: Request) -> Response:
        async with file_body(request) as body:
            grant = self._grant(request, "upload", "part")
            if isinstance(grant, Response):
                await body.discard()
                return grant
            if grant.action == "upload":
                await self._whole_files.save(body, grant.path, overwrite=True)
                return Response(status_code=200)
            upload = self._open(grant)
            with self._uploads.part(upload, grant.part_number, body.declared_bytes) as file:
                await body.save(file)
                # The upload may have been completed or aborted meanwhile.
                etag = self._uploads.keep(self._open(grant), grant.part_number, file)
        return Response(status_code=200, headers={"etag": etag})

    async def get(self, request: Request) -> Response:
        grant = self._grant(request, "download")
        if isinstance(grant, Response):
            return grant
        return file_answer(request, self._files.file(self._places.readable(grant.path)))

    async def abort(self, request: Request) -> Response:
        grant = self._grant(request, "abort")
        if isinstance(grant, Response):
            return grant
        self._uploads.get(grant.session_token, grant.path)
        self._uploads.abort(grant.session_token)
        return Response(status_code=200)

    def _initiate(self, path: str, overwrite: bool) -> Response:
        place = self._places.writable(path)
        if not overwrite and self._exists(path):
            raise FileExists(f"The file '{place.shown}' already exists.")
        return Answer({"multipart_upload": {"session_token": self._uploads.begin(path, overwrite=overwrite)}})

    def _exists(self, path: str) -> bool:
        try:
            self._files.file(self._places.readable(path))
        except NoSuchFile:
            return False
        return True

    async def _complete(self, token: str, path: str, listed: list[tuple[int, str]]) -> None:
        upload = self._uploads.get(token, path)
        self._places.writable(path)
        parts = self._uploads.chosen(upload, listed)
        upload.is_completing = True
        try:
            whole = await asyncio.to_thread(self._uploads.put_together, upload, parts)
            try:
                self._files.publish(whole, self._places.writable(path), overwrite=upload.overwrite)
            finally:
                whole.close()
        finally:
            self._uploads.abort(token)

    def _open(self, grant: UrlGrant) -> Upload:
        self._places.writable(grant.path)
        return self._uploads.get(grant.session_token, grant.path)

    def _url(self, grant: UrlGrant) -> Json:
        return {"url": f"{self._host}/presigned/{presigned.sign(self._key, grant)}", "headers": []}

    def _grant(self, request: Request, *actions: str) -> UrlGrant | Response:
        """Return what the URL allows, or a refusal like cloud storage's, which makes clients request a new URL."""
        try:
            grant = presigned.verify(self._key, request.path_params["grant"], _now_ms())
        except presigned.Expired:
            return _denied("AccessDenied", "Request has expired")
        except presigned.BadSignature:
            return _denied("SignatureDoesNotMatch", "The URL was not issued by this workspace since its last start")
        return grant if grant.action in actions else _denied("AccessDenied", "The URL is for another request")


def _denied(code: str, message: str) -> Response:
    content = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(content, status_code=403, media_type="application/xml")


def _number(body: Json, key: str) -> int:
    number = integer(body, key)
    if number is None or not 1 <= number <= MAX_PARTS:
        raise Invalid(f"{key}: must be from 1 to {MAX_PARTS}.")
    return number


def _expires_ms(given: Mapping[str, object]) -> int:
    """Return when a URL expires: as requested, but within an hour. Uses the machine's clock, which clients follow."""
    latest_ms = _now_ms() + LIFETIME_MS
    asked = text(dict(given), "expire_time")
    if not asked:
        return latest_ms
    try:
        asked_ms = int(datetime.fromisoformat(asked).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Invalid("expire_time: must be an RFC 3339 timestamp.") from error
    return min(asked_ms, latest_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
