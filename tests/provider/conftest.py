from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.stub.process import Running, start, stop
from tests.provider.version_bench import VersionBench
from tests.provider.workbench import Workbench
from tests.stub.stub_client import StubClient


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The stand-in workspace; an update settles after two looks at it."""
    folder: Path = tmp_path_factory.mktemp("stub")
    yield start(folder, settle="reads:2")
    stop(folder)


@pytest.fixture
def bench(stub: Running, request: pytest.FixtureRequest) -> Workbench:
    """A provider, a workspace and one endpoint name of the test's own."""
    return Workbench(WorkspaceClient(stub.host, stub.token), f"ep-{abs(hash(request.node.name)) % 10**10}")


@pytest.fixture
def versions(stub: Running, request: pytest.FixtureRequest, tmp_path: Path) -> VersionBench:
    """A provider, a workspace, a project with an MLflow model in it, and one model name of the test's own."""
    name = f"ml.own.m{abs(hash(request.node.name)) % 10**10}"
    return VersionBench(WorkspaceClient(stub.host, stub.token), StubClient(stub.host, stub.token), tmp_path, name)
