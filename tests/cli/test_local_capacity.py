"""`bandplan:engines` of the local stack's file reaches the workspace, or is told with every problem before anything is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.errors import UsageProblem
from bandplan.cli.local_capacity import require_right, tell_capacity
from bandplan.cli.project import Project
from bandplan.stub import process
from tests.stub.stub_client import StubClient

MODELS: dict[str, Any] = {"models": [{"name": "support-chat"}, {"name": "embeddings"}]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    (tmp_path / "stacks").mkdir()
    project = Project(tmp_path)
    yield project
    if project.stub_folder.exists():
        process.stop(project.stub_folder)


def write(project: Project, engines: str) -> None:
    (project.root / "stacks" / "Pulumi.local.yaml").write_text(f"config:\n  bandplan:engines: {engines}\n")


def test_settings_of_the_file_hold_in_the_workspace(project: Project) -> None:
    write(project, "{support-chat: {capacity: {startup_seconds: 5, basis: output}}, embeddings: {}}")
    running = process.start(project.stub_folder)
    process.set_capacity(running, "embeddings", {"queue_limit": 1})
    tell_capacity(project, lambda: MODELS)
    client = StubClient(running.host, running.token)
    path = "/stub/endpoints/{}/capacity"
    assert client.ok("GET", path.format("support-chat"))["own"] == {"startup_seconds": 5, "basis": "output"}
    assert client.ok("GET", path.format("embeddings"))["own"] == {}, "what the file leaves out has its default again"


def test_file_that_says_nothing_needs_neither_workspace_nor_models(project: Project) -> None:
    def unread() -> dict[str, Any]:
        raise AssertionError("the models file is not needed")

    tell_capacity(project, unread)
    write(project, "null")
    tell_capacity(project, unread)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([], ": must be a mapping of endpoint names"),
        ({"support-chat": 5}, "/support-chat: must be a mapping with the key capacity"),
        ({"support-chat": {"speed": 1}}, "/support-chat/speed: must be one of: capacity"),
        ({"support-chat": {"capacity": 1}}, "/support-chat/capacity: must be a mapping of settings"),
        (
            {"support-chat": {"capacity": {"queue_limit": -1}}},
            "/support-chat/capacity/queue_limit: must be an integer from 0 to 100000",
        ),
        ({"suport-chat": {}}, "/suport-chat: the models file has no endpoint of this name; did you mean support-chat?"),
        ({"x\x1b": {}}, "/x\\x1b: the models file has no endpoint of this name; name one of its entries"),
        ({5: {}}, "/5: the models file has no endpoint of this name; name one of its entries"),
    ],
)
def test_problem_is_told_with_its_place_and_rule(found: Any, line: str) -> None:
    with pytest.raises(UsageProblem) as told:
        require_right(found, MODELS)
    first, step = str(told.value).splitlines()
    assert first == f"stacks/Pulumi.local.yaml: bandplan:engines{line}"
    assert step.startswith("fix the file")


def test_all_problems_are_told_at_once_and_nothing_is_sent(project: Project) -> None:
    write(project, "{support-chat: {capacity: {queue_limit: 3}}, embeddings: {capacity: {a: 1, b: 2}, c: 3}}")
    running = process.start(project.stub_folder)
    with pytest.raises(UsageProblem) as told:
        tell_capacity(project, lambda: MODELS)
    assert len(str(told.value).splitlines()) == 4
    client = StubClient(running.host, running.token)
    assert client.ok("GET", "/stub/endpoints/support-chat/capacity")["own"] == {}


def test_models_file_that_cannot_be_read_is_for_the_deployment_to_tell() -> None:
    require_right({"support-chat": {}}, {})


def test_stub_that_is_gone_is_told(project: Project) -> None:
    running = process.start(project.stub_folder)
    process.stop(project.stub_folder)
    with pytest.raises(process.StubError):
        process.set_capacity(running, "e", {})
