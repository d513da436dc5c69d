from collections.abc import Iterator

import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from tests.workspace.fake_workspace import TOKEN, FakeTime, FakeWorkspace


@pytest.fixture
def workspace() -> Iterator[FakeWorkspace]:
    fake = FakeWorkspace()
    yield fake
    fake.close()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def client(workspace: FakeWorkspace, time: FakeTime) -> WorkspaceClient:
    """Time is faked and the jitter is nil: pauses are 0.2, 0.4, 0.8 ... s."""
    return WorkspaceClient(workspace.host, TOKEN, clock=time.clock, random=lambda: 0.0)
