"""The project that a command works on, and the location of its machine-local files (`.bandplan/`, never committed)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.errors import CommandError, NoProject
from bandplan.serving.spec.models_file import STANDING, shown_file
from bandplan.wire.machine_folder import make_private_folder

LOCAL = "local"
"""The stack of the stand-in workspace."""

PROJECT_FILE = "Pulumi.yaml"


@dataclass(frozen=True)
class Project:
    """A folder with a Pulumi.yaml; `root` is absolute."""

    root: Path

    @property
    def name(self) -> str:
        """The `name` in Pulumi.yaml. Importing a YAML parser takes 0.03 s, for one line.

        Errors: CommandError if there is none.
        """
        file = self.root / PROJECT_FILE
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start:,}"
            raise CommandError(f"{file}: cannot be read: {reason}") from error
        found = re.search(r"""^name:[ \t]*["']?([A-Za-z0-9_.-]+)["']?[ \t]*(?:#.*)?$""", text, re.MULTILINE)
        if found is None:
            raise CommandError(f"{file}: has no project name; add a line such as `name: bandplan`")
        return found[1]

    def shown(self, path: Path) -> str:
        """Return a path in the project as messages name it: relative to where the user stands, else to the project."""
        standing = os.environ.get(STANDING)
        return shown_file(path, os.environ) if standing else path.relative_to(self.root).as_posix()

    @property
    def configured_stacks(self) -> tuple[str, ...]:
        """The sorted stacks that have a configuration file in `stacks/`."""
        files = (self.root / "stacks").glob("Pulumi.*.yaml")
        return tuple(sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files))

    @property
    def own_folder(self) -> Path:
        return self.root / ".bandplan"

    def make_private(self, folder: Path) -> Path:
        """Create `.bandplan/`, or a folder in it, and deny other users access to it and its parents up to `.bandplan/`.

        Errors: OSError.
        """
        make_private_folder(folder, self.own_folder)
        return folder

    @property
    def stub_folder(self) -> Path:
        """The stub workspace's state: database, token, log."""
        return self.own_folder / "stub"

    @property
    def state_folder(self) -> Path:
        """Pulumi's file backend, where both engines keep the local stack."""
        return self.own_folder / "state"

    @property
    def plugins_folder(self) -> Path:
        """The plugin executables that only runs of the local stack see."""
        return self.own_folder / "plugins"

    @property
    def digests_folder(self) -> Path:
        """The digests of model files that were already read."""
        return self.own_folder / "digests"


def find_project(start: Path) -> Project:
    """Find the nearest folder at or above `start` that holds a Pulumi.yaml.

    Errors: NoProject.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return Project(folder)
    raise NoProject(
        f"{start}: no {PROJECT_FILE} here or above; run this inside the project, give -C FOLDER, or write a new one "
        "with `bandplan init`"
    )
