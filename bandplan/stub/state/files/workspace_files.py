"""Files and folders of the workspace: a tree of paths that exists only in the database.

`/Workspace/Users/me` and `/Users/me` are the same folder. A path is first cleaned of `.`, `..` and doubled slashes, so
none leads out of the tree. The root, the users' folder, the user's home and the shared folder always exist.
"""

import base64
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from bandplan.stub.state.access import Access
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import AlreadyExists, DirectoryNotEmpty, FileExists, Invalid, NotFound
from bandplan.stub.state.store import Store

MOUNT = "/Workspace"

MAX_FILE_BYTES = 10 * 1024 * 1024
"""Limit of the workspace import and export API (docs.databricks.com, workspace API)."""

MAX_PATH_CHARACTERS = 1024
"""Arbitrary bound."""


@dataclass(frozen=True, slots=True)
class WorkspaceObject:
    """A folder (`content` None) or a file; `path` is without the mount `/Workspace`."""

    path: str
    id: int
    created_ms: int
    modified_ms: int
    content: bytes | None = None

    @property
    def is_folder(self) -> bool:
        return self.content is None


class WorkspaceFiles:
    """Workspace objects by cleaned path; every change is committed before it returns."""

    def __init__(
        self, store: Store, access: Access, user_name: str, clock_ms: Callable[[], int], new_id: Callable[[], str]
    ) -> None:
        self._access = access
        self._clock_ms = clock_ms
        self._new_id = new_id
        self._collection: Collection[WorkspaceObject] = Collection(store, "workspace_file", to_document, from_document)
        fixed = ("/", "/Users", f"/Users/{user_name}", "/Shared")
        self._fixed = {path: WorkspaceObject(path, number, 0, 0) for number, path in enumerate(fixed, 1)}

    def get(self, path: str) -> WorkspaceObject:
        key = cleaned(path)
        found = self._at(key)
        if found is None:
            raise NotFound(f"Path ({path}) doesn't exist.")
        return found

    def folder(self, object_id: str) -> WorkspaceObject:
        """Return the folder with this id, for its permissions."""
        found = next((o for o in self._all() if o.is_folder and str(o.id) == object_id), None)
        if found is None:
            raise NotFound(f"Folder with id '{object_id}' does not exist.")
        return found

    def children(self, path: str) -> list[WorkspaceObject]:
        """Return the direct contents of a folder, by name; a file contains itself."""
        folder = self.get(path)
        if not folder.is_folder:
            return [folder]
        found = [o for o in self._all() if o.path != "/" and posixpath.dirname(o.path) == folder.path]
        return sorted(found, key=lambda o: o.path)

    def make_folders(self, path: str) -> None:
        """Make a folder and its parents; existing ones stay."""
        key = cleaned(path)
        missing = []
        while (found := self._at(key)) is None:
            missing.append(key)
            key = posixpath.dirname(key)
        if not found.is_folder:
            raise AlreadyExists(f"Path ({found.path}) is a file; it already exists.")
        now = self._clock_ms()
        for folder in reversed(missing):
            self._keep(WorkspaceObject(folder, self._number(), now, now))

    def write(self, path: str, content: bytes, *, overwrite: bool) -> WorkspaceObject:
        """Put a file into an existing folder; replace an existing file only with `overwrite`."""
        key = cleaned(path)
        if len(content) > MAX_FILE_BYTES:
            raise Invalid(f"({path}): {len(content)} bytes; a workspace file may have at most {MAX_FILE_BYTES}.")
        parent = self._at(posixpath.dirname(key))
        if parent is None or not parent.is_folder:
            raise NotFound(f"The parent folder ({posixpath.dirname(key)}) does not exist.")
        now = self._clock_ms()
        found = self._at(key)
        if found is None:
            return self._keep(WorkspaceObject(key, self._number(), now, now, content))
        if found.is_folder or not overwrite:
            raise FileExists(f"Path ({path}) already exists.")
        return self._keep(replace(found, modified_ms=now, content=content))

    def read(self, path: str) -> bytes:
        found = self.get(path)
        if found.content is None:
            raise Invalid(f"({path}): is a folder; only files can be exported.")
        return found.content

    def delete(self, path: str, *, recursive: bool) -> None:
        found = self.get(path)
        if found.path in self._fixed:
            raise Invalid(f"({path}): this folder is built in and cannot be deleted.")
        below = [o.path for o in self._all() if o.path.startswith(f"{found.path}/")]
        if below and not recursive:
            raise DirectoryNotEmpty(f"Folder ({path}) is not empty.")
        # The innermost first: a process killed halfway leaves no file outside a folder.
        for key in sorted((*below, found.path), key=len, reverse=True):
            self._access.forget_permissions(folder_path(self.get(key)))
            self._collection.remove(key)

    def _at(self, key: str) -> WorkspaceObject | None:
        return self._fixed.get(key) or self._collection.get(key)

    def _all(self) -> Iterator[WorkspaceObject]:
        yield from self._fixed.values()
        for _, found in self._collection:
            yield found

    def _number(self) -> int:
        # Numbers that a client in JavaScript reads exactly, above those of the built-in folders.
        return int(self._new_id()[:13], 16) + len(self._fixed) + 1

    def _keep(self, found: WorkspaceObject) -> WorkspaceObject:
        self._collection.put(found.path, found)
        return found


def folder_path(folder: WorkspaceObject) -> str:
    """Return the object path under which the permissions of a folder are stored."""
    return f"directories/{folder.id}"


def cleaned(path: str) -> str:
    """Return the path from the root of the tree, without the mount. Raises Invalid if it is not a valid path."""
    if not path.startswith("/"):
        raise Invalid(f"path: ({path[:80]}) must start with '/'.")
    if len(path) > MAX_PATH_CHARACTERS or not path.isprintable():
        raise Invalid(f"path: must be at most {MAX_PATH_CHARACTERS} printable characters.")
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if clean == MOUNT:
        return "/"
    return clean.removeprefix(MOUNT) if clean.startswith(f"{MOUNT}/") else clean


def to_document(found: WorkspaceObject) -> dict[str, Any]:
    content = None if found.content is None else base64.b64encode(found.content).decode("ascii")
    return {
        "path": found.path,
        "id": found.id,
        "created_ms": found.created_ms,
        "modified_ms": found.modified_ms,
        "content": content,
    }


def from_document(document: dict[str, Any]) -> WorkspaceObject:
    content = document["content"]
    return WorkspaceObject(**{**document, "content": None if content is None else base64.b64decode(content)})
