"""Files uploaded in parts, in any order and concurrently.

Part 1 determines the part size. From then on a part is written at its place in the whole file, so completing an upload
of equal parts copies nothing. Parts that do not fit (a part before part 1, a longer part, a part sent again) wait in
files of their own, and the whole is assembled at the end.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bandplan.stub.state.files.incoming_file import IncomingFile
from bandplan.stub.state.refusals import Conflict, Invalid, NoSuchFile

MAX_PARTS = 10_000
"""As in S3, where many workspaces store their files."""

STALE_MS = 24 * 3600 * 1000
"""An upload inactive for this long is dropped when the next one begins; arbitrary."""


@dataclass(frozen=True, slots=True)
class Part:
    """A completely received part: a range of a file on disk."""

    etag: str
    path: Path
    start: int
    size: int


@dataclass(slots=True)
class Upload:
    """One upload in progress, of the file at the remote path `path`."""

    path: str
    overwrite: bool
    directory: Path
    touched_ms: int
    part_bytes: int | None = None
    started: set[int] = field(default_factory=set)
    parts: dict[int, Part] = field(default_factory=dict)
    is_completing: bool = False

    @property
    def whole(self) -> Path:
        return self.directory / "whole"


class MultipartUploads:
    """Uploads in progress, by session token. They end with the process: no part is visible before the whole file is."""

    def __init__(self, directory: Path, clock_ms: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._directory = directory
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._uploads: dict[str, Upload] = {}

    def begin(self, path: str, *, overwrite: bool) -> str:
        """Begin an upload and return its session token."""
        now = self._clock_ms()
        for token in [token for token, upload in self._uploads.items() if now - upload.touched_ms > STALE_MS]:
            self.abort(token)
        token = self._new_id()
        directory = self._directory / self._new_id()
        directory.mkdir(mode=0o700, parents=True)
        self._uploads[token] = Upload(path, overwrite, directory, now)
        return token

    def get(self, token: str, path: str) -> Upload:
        """Return the upload of a token, which must be for this path. Raises NoSuchFile and Conflict."""
        upload = self._uploads.get(token)
        if upload is None or upload.path != path:
            raise NoSuchFile(f"There is no upload of '{path}' with this session token; it was completed or aborted.")
        if upload.is_completing:
            raise Conflict(f"The upload of '{path}' is being completed.")
        upload.touched_ms = self._clock_ms()
        return upload

    @contextmanager
    def part(self, upload: Upload, number: int, declared_bytes: int | None) -> Iterator[IncomingFile]:
        """Provide a file to write a part into, of the announced length `declared_bytes`; `keep` stores it."""
        is_in_place = number not in upload.started and (
            number == 1
            or (upload.part_bytes is not None and declared_bytes is not None and declared_bytes <= upload.part_bytes)
        )
        upload.started.add(number)
        upload.parts.pop(number, None)
        if is_in_place:
            file = IncomingFile(upload.whole, (number - 1) * (upload.part_bytes or 0))
        else:
            file = IncomingFile(upload.directory / self._new_id())
        try:
            yield file
        finally:
            file.close()

    def keep(self, upload: Upload, number: int, file: IncomingFile) -> str:
        """Store a completely received part and return its ETag."""
        etag = f'"{self._new_id()}"'
        upload.parts[number] = Part(etag, file.path, file.start, file.size)
        if number == 1 and file.path == upload.whole:
            upload.part_bytes = file.size
        upload.touched_ms = self._clock_ms()
        return etag

    def chosen(self, upload: Upload, listed: list[tuple[int, str]]) -> list[Part]:
        """Return the listed parts of the whole file, in order. Raises Invalid if any of them was not received."""
        numbers = [number for number, _ in listed]
        if not numbers or numbers != sorted(set(numbers)):
            raise Invalid("parts: must be in ascending order of part_number, each once.")
        came = {(number, part.etag.strip('"')) for number, part in upload.parts.items()}
        wrong = [str(number) for number, etag in listed if (number, etag.strip('"')) not in came]
        if wrong:
            raise Invalid(f"parts: {', '.join(wrong[:10])}: not received, or the ETag differs.")
        return [upload.parts[number] for number in numbers]

    def put_together(self, upload: Upload, parts: list[Part]) -> IncomingFile:
        """Assemble the whole file, ready to be published. May copy; call it from a thread."""
        expected = 0
        for part in parts:
            if part.path != upload.whole or part.start != expected:
                return self._copied(upload, parts)
            expected += part.size
        whole = IncomingFile(upload.whole)
        whole.size = expected
        return whole

    def abort(self, token: str) -> None:
        """Drop an upload and all its parts, if it exists."""
        upload = self._uploads.pop(token, None)
        if upload is not None:
            shutil.rmtree(upload.directory, ignore_errors=True)

    def _copied(self, upload: Upload, parts: list[Part]) -> IncomingFile:
        whole = IncomingFile(upload.directory / "copied")
        for part in parts:
            whole.absorb(part.path, part.start, part.size)
        return whole
