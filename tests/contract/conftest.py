"""One contract for every client: against a stub of the run's own, or against the workspace that is named.

README.md in this folder says how to name one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from bandplan.stub import process
from tests.contract.target import ENDPOINTS, HOST, PREFIX, TOKEN, Target

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

EXPECTED_UNKNOWN_ROUTES = frozenset({"GET /serving-endpoints/models"})
"""What clients ask and a workspace does not answer either. Any other unknown route is a gap of the stub."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HOST not in os.environ:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(0))  # a real endpoint takes up to an hour
            if item.get_closest_marker("stub_only"):
                item.add_marker(pytest.mark.skip(reason="needs what only the stub has"))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The workspace under test. A stub fails the run at its end when a client asked for what it does not know."""
    if HOST in os.environ:
        host = os.environ[HOST].rstrip("/")
        yield Target(host, os.environ[TOKEN], os.environ.get(PREFIX, "bandplan-contract"), None)
        return
    state_dir = tmp_path_factory.mktemp("contract-stub")
    running = process.start(state_dir)
    made = Target(running.host, running.token, "contract", state_dir)
    try:
        yield made
        unknown = made.ok("GET", "/stub/status")["unknown_routes"].keys() - EXPECTED_UNKNOWN_ROUTES
        assert not unknown, f"clients asked for what the stub does not know: {sorted(unknown)}"
    finally:
        process.stop(state_dir)


@pytest.fixture
def name(request: pytest.FixtureRequest, target: Target) -> Iterator[str]:
    """The name of an endpoint that no other test uses; what has it at the end is deleted."""
    made = f"{target.prefix}-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
    yield made
    target.send("DELETE", f"{ENDPOINTS}/{made}")


@pytest.fixture(scope="session")
def endpoint_of(target: Target) -> Iterator[Callable[[str], str]]:
    """Gives the name of a ready endpoint for chat, completions or embeddings, made at the first call."""
    names: dict[str, str] = {}

    def ready(kind: str) -> str:
        if kind not in names:
            names[kind] = f"{target.prefix}-{kind}-{os.getpid()}"
            target.create(names[kind], target.bands(kind))
        return names[kind]

    yield ready
    for made in names.values():
        target.send("DELETE", f"{ENDPOINTS}/{made}")


@pytest.fixture(scope="session")
def sdk(target: Target) -> "WorkspaceClient":
    """The Python SDK's client. It is imported here, and not where tests are collected: that takes seconds."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=target.host, token=target.token, config_file=os.devnull)


@pytest.fixture(scope="session")
def serving() -> ModuleType:
    """The types of the Python SDK for serving endpoints."""
    from databricks.sdk.service import serving

    return serving


@pytest.fixture
def databricks_environment(target: Target, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The variables that Databricks clients read, and none of this machine's profiles."""
    for variable in [variable for variable in os.environ if variable.startswith(("DATABRICKS_", "MLFLOW_", "OPENAI_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DATABRICKS_HOST", target.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", target.token)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return target
