"""`bandplan auth`, `--profile`, and two stacks in two workspaces, against fake workspaces with tokens of their own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import main
from bandplan.cli.stack_engine import require_answer
from tests.answering import JsonHandler, answering


class Workspace:
    """A workspace that accepts one token and knows its user; `callers` are the headers that it was sent."""

    def __init__(self, name: str) -> None:
        self.name, self.token, self.callers, self.url = name, f"token-of-{name}", list[str](), ""
        workspace = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                workspace.callers.append(self.headers["Authorization"])
                if self.headers["Authorization"] != f"Bearer {workspace.token}":
                    return self.reply(401, {"error_code": "UNAUTHENTICATED", "message": "wrong"})
                return self.reply(200, {"userName": f"me-of-{workspace.name}"})

        self.handler = Handler


@pytest.fixture
def dev() -> Iterator[Workspace]:
    workspace = Workspace("dev")
    with answering(workspace.handler) as workspace.url:
        yield workspace


@pytest.fixture
def prod() -> Iterator[Workspace]:
    workspace = Workspace("prod")
    with answering(workspace.handler) as workspace.url:
        yield workspace


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dev: Workspace, prod: Workspace) -> Path:
    """A project whose stacks are in two workspaces, and a file with a profile for each; nothing in the environment."""
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "BANDPLAN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BANDPLAN_PROFILE", "")  # restores what a command sets
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "cfg"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    (tmp_path / "stacks").mkdir()
    sections = []
    for workspace in (dev, prod):
        lines = f"config:\n  databricks:host: {workspace.url}\n  databricks:profile: {workspace.name}\n"
        (tmp_path / "stacks" / f"Pulumi.{workspace.name}.yaml").write_text(lines)
        sections.append(f"[{workspace.name}]\nhost = {workspace.url}\ntoken = {workspace.token}\n")
    (tmp_path / "cfg").write_text("".join(sections))
    (tmp_path / "cfg").chmod(0o600)
    return tmp_path


def test_two_stacks_are_two_workspaces_without_variables(
    dev: Workspace, prod: Workspace, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [main(["auth", "--stack", name]) for name in ("dev", "prod")] == [0, 0]
    assert capsys.readouterr().out.splitlines() == [
        f"{one.name}: me-of-{one.name} at {one.url} by pat, profile {one.name} of {project}/cfg" for one in (dev, prod)
    ]
    assert (dev.callers, prod.callers) == (["Bearer token-of-dev"], ["Bearer token-of-prod"])


def test_a_token_in_the_environment_does_not_reach_the_workspace_of_another_stack(
    prod: Workspace, dev: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", dev.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", dev.token)
    assert main(["auth", "--stack", "prod"]) == 0
    assert (dev.callers, prod.callers) == ([], ["Bearer token-of-prod"])


def test_json_has_its_own_version_and_the_parts_of_the_line(
    prod: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["auth", "--stack", "prod", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "command": "auth",
        "stack": "prod",
        "host": prod.url,
        "user": "me-of-prod",
        "authType": "pat",
        "profile": "prod",
    }


def test_a_profile_for_another_workspace_than_the_stack_s_is_refused_before_anything_is_sent(
    prod: Workspace, dev: Workspace, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["auth", "--stack", "prod", "--profile", "dev"]) == 2
    assert "--profile dev: stacks/Pulumi.prod.yaml names the profile prod" in capsys.readouterr().err
    (project / "stacks" / "Pulumi.prod.yaml").write_text(f"config: {{databricks:host: '{prod.url}'}}\n")
    assert main(["auth", "--stack", "prod", "--profile", "dev"]) == 2
    assert f"the profile dev of {project}/cfg is for {dev.url}" in capsys.readouterr().err
    assert (dev.callers, prod.callers) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "config", "said"),
    [
        (["--profile", "dev"], "", "--profile dev: the stack local uses the local workspace"),
        (
            [],
            "config: {databricks:host: 'https://prod.example'}",
            "stacks/Pulumi.local.yaml: databricks:host: the stack",
        ),
        ([], "config: {databricks:profile: prod}", "stacks/Pulumi.local.yaml: databricks:profile: the stack local"),
    ],
)
def test_the_local_stack_names_no_other_workspace(
    project: Path, arguments: list[str], config: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "stacks" / "Pulumi.local.yaml").write_text(config)
    assert main(["auth", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_token_fails_in_one_line_without_it(prod: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    given, prod.token = prod.token, "another"
    assert main(["auth", "--stack", "prod"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {prod.url} does not accept the token") and given not in line
    assert line.endswith("; renew the token of the profile prod, or see `bandplan docs login`")


def test_a_file_that_others_may_read_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "cfg").chmod(0o644)
    assert main(["auth", "--stack", "prod"]) == 0
    assert "(other users may read it; run `chmod 600" in capsys.readouterr().out


def test_a_run_names_the_login_that_worked_for_the_program_and_pulumi_s_plugin(prod: Workspace, project: Path) -> None:
    environ = {"DATABRICKS_CONFIG_FILE": str(project / "cfg"), "DATABRICKS_CONFIG_PROFILE": "prod"}
    assert require_answer(environ) == {**environ, "DATABRICKS_HOST": prod.url, "DATABRICKS_AUTH_TYPE": "pat"}
