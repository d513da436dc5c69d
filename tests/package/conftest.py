import os
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


@pytest.fixture(scope="session")
def installed(shared: Path, wheel: Path) -> Installation:
    folder = shared / "installed-now"
    # An environment cannot be moved: made in place, with a marker beside it.
    once(shared / "installed-now.done", lambda _: install(folder, wheel))
    return Installation(folder)
