"""Files on the wire: uploads written to disk as they arrive, downloads sent as they are read."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.bodies import MAX_DISCARDED_BYTES, too_large
from bandplan.stub.state.files.incoming_file import BLOCK_BYTES, IncomingFile
from bandplan.stub.state.files.stored_files import StoredFile
from bandplan.stub.state.refusals import BadRequest, Refusal

MAX_FILE_BYTES = 5 * 1024**3
"""Maximum size of one upload request (docs.databricks.com, Files API); a larger file is uploaded in parts."""


class FileBody:
    """The body of a request, read in blocks; at most one block is in memory."""

    def __init__(self, request: Request) -> None:
        declared = request.headers.get("content-length", "")
        self.declared_bytes = int(declared) if declared.isascii() and declared.isdigit() else None
        self._receive = request.receive
        self._is_read = False

    async def save(self, file: IncomingFile) -> None:
        """Write the whole body to a file. Raises BadRequest if it is too large or ends early."""
        if (self.declared_bytes or 0) > MAX_FILE_BYTES:
            raise too_large(MAX_FILE_BYTES)
        async for block in self._blocks():
            if file.size + len(block) > MAX_FILE_BYTES:
                raise too_large(MAX_FILE_BYTES)
            if len(block) < BLOCK_BYTES:
                file.write(block)
            else:
                # In a thread: a slow disk must not block the workspace.
                await asyncio.to_thread(file.write, block)

    async def discard(self) -> None:
        """Read and discard the rest of the body: a client that is still sending would not see the answer."""
        size = 0
        async for chunk in self._chunks():
            size += len(chunk)
            if size > MAX_DISCARDED_BYTES:
                return

    async def _blocks(self) -> AsyncIterator[bytes]:
        gathered = bytearray()
        async for chunk in self._chunks():
            gathered += chunk
            while len(gathered) >= BLOCK_BYTES:
                yield bytes(gathered[:BLOCK_BYTES])
                del gathered[:BLOCK_BYTES]
        yield bytes(gathered)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while not self._is_read:
            message = await self._receive()
            self._is_read = not message.get("more_body", False)
            if message["type"] == "http.disconnect":
                raise BadRequest("The request ended before its body was complete.")
            yield message.get("body", b"")


@asynccontextmanager
async def file_body(request: Request) -> AsyncIterator[FileBody]:
    """Provide the body of a request; if the request is refused, discard the rest of the body first."""
    body = FileBody(request)
    try:
        yield body
    except Refusal:
        try:
            await body.discard()
        except BadRequest:
            pass
        raise


class FileAnswer(FileResponse):
    """A file, or the requested ranges of it."""

    chunk_size = BLOCK_BYTES

    def __init__(self, file: StoredFile) -> None:
        super().__init__(file.path, media_type="application/octet-stream", stat_result=os.stat(file.path))


def file_answer(request: Request, file: StoredFile) -> Response:
    """Answer a GET or HEAD of a file. A client that resumes a download sends `If-Unmodified-Since`."""
    since = request.headers.get("if-unmodified-since")
    if since is not None:
        try:
            limit_seconds = int(parsedate_to_datetime(since).timestamp())
        except (ValueError, OverflowError) as error:
            raise BadRequest("if-unmodified-since: must be an HTTP date.") from error
        if file.modified_ms // 1000 > limit_seconds:
            return Answer({"error_code": "FAILED_PRECONDITION", "message": "The file has changed since then."}, 412)
    return FileAnswer(file)
