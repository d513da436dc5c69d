"""A real stub workspace, started as users start it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.stub import process
from tests.stub.stub_client import StubClient


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """One workspace for all tests that only make things of their own name in it."""
    state_dir = tmp_path_factory.mktemp("shared-stub")
    yield process.start(state_dir)
    process.stop(state_dir)


@pytest.fixture
def client(running: process.Running) -> StubClient:
    return StubClient(running.host, running.token)


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """A state directory of the test's own; whatever serves it is stopped afterwards."""
    directory = tmp_path / "stub"
    yield directory
    if directory.exists():
        process.stop(directory)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An endpoint name that no other test uses."""
    import hashlib

    return "e-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
