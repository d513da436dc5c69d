import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli import diagnosis
from bandplan.cli.main import main
from tests.answering import JsonHandler, answering
from tests.cli.team_project import write_team_project


class Workspace(JsonHandler):
    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "Bearer good-token"
        body = {"userName": "ann@example.com"} if is_known else {"error_code": "UNAUTHENTICATED", "message": "no"}
        self.reply(200 if is_known else 401, body)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_team_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    monkeypatch.setenv("DATABRICKS_TOKEN", "good-token")
    with answering(Workspace) as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        yield tmp_path


def findings(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["doctor", "--json", *options])
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    return status, {found["subject"]: found for found in document["findings"]}


def test_healthy_project_says_who_is_logged_in_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(project.iterdir())
    status, found = findings(capsys)
    assert found["stack prod"]["finding"] == f"ann@example.com at {os.environ['DATABRICKS_HOST']} by pat"
    assert (found["pulumi CLI"]["level"], found["folder"]["level"], found["state"]["level"]) == ("warning", "ok", "ok")
    assert (status, sorted(project.iterdir())) == (0, before)


def test_rejected_token_is_a_warning_and_an_error_if_the_stack_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "bad-token")
    status, found = findings(capsys)
    assert (status, found["stack prod"]["level"]) == (0, "warning")
    status, found = findings(capsys, "--stack", "prod")
    assert (status, found["stack prod"]["level"]) == (1, "error")
    assert "bad-token" not in json.dumps(found)


def test_profile_is_the_login_that_has_to_work(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BANDPLAN_PROFILE", "")  # which the command sets
    host = os.environ["DATABRICKS_HOST"]
    (project / "cfg").write_text(
        f"[good]\nhost = {host}\ntoken = good-token\n[bad]\nhost = {host}\ntoken = bad-token\n"
    )
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(project / "cfg"))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name)
    status, found = findings(capsys, "--profile", "good")
    assert (status, found["stack prod"]["finding"]) == (0, f"ann@example.com at {host} by pat, profile good")
    assert found["profile good"]["finding"] == f"ann@example.com at {host} by pat, profile good"
    for other in ("bad", "none"):
        status, found = findings(capsys, "--profile", other)
        assert (status, found[f"profile {other}"]["level"], found["stack prod"]["level"]) == (1, "error", "warning")
        status, found = findings(capsys, "--profile", other, "--stack", "prod")
        assert (status, found["stack prod"]["level"], f"profile {other}" in found) == (1, "error", False)
    for more in (("--offline",), ("--stack", "local")):
        assert main(["doctor", "--profile", "good", *more]) == 2
        assert "--profile good: " in capsys.readouterr().err


def test_profile_needs_neither_a_stack_nor_a_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BANDPLAN_PROFILE", "")
    host = os.environ["DATABRICKS_HOST"]
    (project / "cfg").write_text(f"[own]\nhost = {host}\ntoken = good-token\n")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(project / "cfg"))
    for file in (project / "stacks").glob("*prod*"):
        file.unlink()
    told = f"ann@example.com at {host} by pat, profile own"
    status, found = findings(capsys, "--profile", "own")
    assert (status, found["profile own"]["finding"]) == (0, told)
    monkeypatch.chdir(project.parent)
    status, found = findings(capsys, "--profile", "own")
    assert (status, found["profile own"]["finding"], found["project"]["level"]) == (1, told, "error")


def test_stack_that_names_another_workspace_is_asked_with_its_own_login(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BANDPLAN_PROFILE", "")
    host = os.environ["DATABRICKS_HOST"]
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name)
    (project / "cfg").write_text(
        f"[one]\nhost = {host}\ntoken = good-token\n[two]\nhost = {host}\ntoken = good-token\n"
    )
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(project / "cfg"))
    (project / "stacks/Pulumi.prod.yaml").write_text("config: {databricks:profile: two}\n")
    status, found = findings(capsys, "--profile", "one")
    assert (status, found["stack prod"]["finding"]) == (0, f"ann@example.com at {host} by pat, profile two")
    status, found = findings(capsys, "--profile", "one", "--stack", "prod")
    assert (status, found["stack prod"]["level"]) == (1, "error")
    assert "names the profile two (databricks:profile)" in found["stack prod"]["finding"]


def test_workspace_that_never_answers_is_given_up(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "WORKSPACE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{silent.getsockname()[1]}")
        status, found = findings(capsys, "--stack", "prod")
    assert (status, found["stack prod"]["finding"]) == (1, "no answer within 0.2 s")
    assert found["stack prod"]["step"].startswith("check its host")


def test_offline_asks_no_workspace(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "stack prod" not in findings(capsys, "--offline")[1]


def test_broken_models_file_is_a_problem_with_its_step(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text("modles: []\n")
    assert main(["doctor", "--offline"]) == 1
    shown = capsys.readouterr().out.splitlines()
    at = next(at for at, line in enumerate(shown) if line.startswith("FAIL  models"))
    assert shown[at + 1].strip() == "run `bandplan validate`"
    assert shown[-1] == "1 problem, 1 warning"


def write_state(project: Path, holder: dict[str, Any] | None) -> None:
    root = project / ".bandplan" / "state" / ".pulumi"
    stack = root / "stacks" / "team" / "local.json"
    stack.parent.mkdir(parents=True)
    stack.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "organization/team/local", "latest": None}}))
    if holder is not None:
        lock = root / "locks" / "organization" / "team" / "local" / "a.json"
        lock.parent.mkdir(parents=True)
        lock.write_text(json.dumps(holder))


@pytest.mark.parametrize(
    ("pid", "level", "said"),
    [(None, "warning", "being updated"), (2**31 - 1, "ok", "has ended")],
    ids=["running", "ended"],
)
def test_lock_names_its_holder(
    pid: int | None, level: str, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_state(
        project, {"pid": pid or os.getpid(), "hostname": socket.gethostname(), "username": "bob", "timestamp": "today"}
    )
    status, found = findings(capsys, "--offline")
    assert (status, found["lock"]["level"]) == (0, level), found
    assert said in found["lock"]["finding"] and "bob@" in found["lock"]["finding"]


def test_damaged_state_is_a_problem(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_state(project, None)
    (project / ".bandplan/state/.pulumi/stacks/team/local.json").write_text("{")
    status, found = findings(capsys, "--offline")
    assert (status, found["state"]["level"]) == (1, "error")


def test_outside_a_project_the_installation_is_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, found = findings(capsys)
    assert (status, found["bandplan"]["level"], found["project"]["level"]) == (1, "ok", "error")
    assert "bandplan init" in found["project"]["step"]


@pytest.mark.parametrize(
    ("file", "text", "subject", "told"),
    [
        (
            "stacks/Pulumi.local.yaml",
            "config:\n  a: b\n c: d\n",
            "models",
            "stacks/Pulumi.local.yaml:3:2: is not YAML: ",
        ),
        (
            "stacks/Pulumi.local.yaml",
            "a: 2026-13-45\n",
            "models",
            "stacks/Pulumi.local.yaml: is not YAML: month must be",
        ),
        ("Pulumi.yaml", "runtime: python\n", "project", "has no project name; add a line such as"),
    ],
)
def test_file_that_cannot_be_read_is_a_finding_of_one_line_among_the_others(
    project: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, subject: str, told: str
) -> None:
    (project / file).write_text(text)
    status, found = findings(capsys)
    assert (status, found[subject]["level"]) == (1, "error")
    assert told in found[subject]["finding"] and "\n" not in found[subject]["finding"]
    assert found["stack prod"]["level"] == "ok"
