"""What every resource of the package needs from outside: the workspace, the project's folder, the user's log."""

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
    """The context of one provider, for its whole life; thread-safe. The workspace client is created on first use."""

    def __init__(
        self,
        client_factory: Callable[[], WorkspaceClient],
        progress: Say,
        warn: Say,
        root: Path | None = None,
    ) -> None:
        """Set the sources; `root` is the project's folder.

        Without `root`, it is the nearest folder at or above the working directory with a Pulumi.yaml.
        """
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
        """The project's folder, which sources are relative to. Errors: ProviderError if there is none."""
        if self._root is None:
            here = Path.cwd()
            found = (
                folder for folder in (here, *here.parents) if any((folder / name).is_file() for name in _PROJECT_FILES)
            )
            self._root = next(found, None)
        if self._root is None:
            raise ProviderError(f"no Pulumi.yaml in {os.getcwd()} or above it, so relative folders cannot be resolved")
        return self._root

    def warn(self, urn: str, text: str) -> None:
        """Warn once per resource and text: a deployment requests the same diff when planning and again when acting."""
        with self._lock:
            is_new = (urn, text) not in self._warned
            self._warned.add((urn, text))
        if is_new:
            self._say_warning(urn, text)


@contextmanager
def told_to_user(subject: str) -> Iterator[None]:
    """Turn a workspace error into an error for the user about `subject`."""
    try:
        yield
    except WorkspaceError as error:
        raise ProviderError(f"{subject}: {error}") from error
