import os
import shutil
from pathlib import Path

import pytest

from tests.package.installation import UV, VERSION, Installation, build, install, once


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def dist(shared: Path) -> Path:
    """The sdist, and the wheel that was built from it."""
    if not os.access(UV, os.X_OK):
        pytest.skip("no uv on PATH or in .venv (INSTALLER=pip leaves it out)")
    return once(shared / "dist-now", lambda out: build(out, VERSION, is_whole=True)) / "dist"


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


PREVIOUS = "0.0.9"


def edit_previous(copy: Path) -> None:
    """Make the previous version generate three files differently, and write an older format."""
    templates = copy / "bandplan/starter/templates"
    for name, old, new in (
        ("gitignore.txt", ".venv/\n", ".venv/\n.env/\n"),
        ("policies.py.txt", "serve(", "# as it was\nserve("),
        ("README.md.txt", "LLM serving endpoints on", "LLM endpoints on"),
    ):
        text = (templates / name).read_text()
        assert old in text
        (templates / name).write_text(text.replace(old, new, 1))
    formats = copy / "bandplan/starter/formats.py"
    formats.write_text(formats.read_text().replace('"measured use": 2', '"measured use": 1'))


@pytest.fixture(scope="session")
def previous(shared: Path, wheel: Path) -> tuple[Installation, Path]:
    """An installation of the previous version, and the folder with the wheels of both."""
    built = once(shared / "dist-before", lambda out: build(out, PREVIOUS, is_whole=False, edit=edit_previous))
    (old,) = (built / "dist").glob("*.whl")

    def collect(folder: Path) -> None:
        shutil.copy(old, folder)
        shutil.copy(wheel, folder)

    folder = shared / "installed-before"
    once(shared / "installed-before.done", lambda _: install(folder, old))
    return Installation(folder), once(shared / "wheels", collect)


@pytest.fixture(scope="session")
def installed(shared: Path, wheel: Path) -> Installation:
    folder = shared / "installed-now"
    # An environment cannot be moved: made in place, with a marker beside it.
    once(shared / "installed-now.done", lambda _: install(folder, wheel))
    return Installation(folder)
