"""What every resource of the package needs from outside: the workspace, the project's folder, the user's eyes."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bandplan.plugin.errors import ProviderError
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import WorkspaceError

Say = Callable[[str, str], None]
"""Takes the URN a line belongs to, and the line."""

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


class Context:
    """One for the life of a provider; safe between threads. The workspace is made when it is first asked for."""

    def __init__(
        self,
        client_factory: Callable[[], WorkspaceClient],
        progress: Say,
        warn: Say,
        root: Path | None = None,
    ) -> None:
        """`root` is the project's folder; None: the nearest one above the working directory that has a Pulumi.yaml."""
        self.progress = progress
        self.cancelled = threading.Event()
        self._client_factory = client_factory
        self._say_warning = warn
        self._root = root
        self._lock = threading.Lock()
        self._client: WorkspaceClient | None = None
        self._warned: set[tuple[str, str]] = set()

    @property
    def client(self) -> WorkspaceClient:
        """The workspace. Errors: NotConfigured."""
        with self._lock:
            if self._client is None:
                self._client = self._client_factory()
            return self._client

    @property
    def root(self) -> Path:
        """The project's folder, which sources are relative to. Errors: ProviderError when there is none."""
        if self._root is None:
            here = Path.cwd()
            found = (
                folder for folder in (here, *here.parents) if any((folder / name).is_file() for name in _PROJECT_FILES)
            )
            self._root = next(found, None)
        if self._root is None:
            raise ProviderError(f"no Pulumi.yaml in {os.getcwd()} or above it, so folders cannot be found")
        return self._root

    def warn(self, urn: str, text: str) -> None:
        """Once per resource and text: a deploy asks for the same diff when it plans and again when it acts."""
        with self._lock:
            is_new = (urn, text) not in self._warned
            self._warned.add((urn, text))
        if is_new:
            self._say_warning(urn, text)


@contextmanager
def told_to_user(subject: str) -> Iterator[None]:
    """What goes wrong with the workspace as an error for the user about `subject`."""
    try:
        yield
    except WorkspaceError as error:
        raise ProviderError(f"{subject}: {error}") from error
