import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import main
from bandplan.cli.project import Project
from bandplan.cli.watching import changed, next_change, stamps, told, without_watch
from tests.cli.team_project import write_team_project

MODELS = """\
version: 1
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_team_project(tmp_path, MODELS, "dev")
    (tmp_path / "policies" / "own").mkdir(parents=True)
    (tmp_path / "policies" / "own" / "rule.py").write_text("")
    return Project(tmp_path)


def test_files_of_a_project_are_watched_and_what_commands_write_is_not(project: Project, tmp_path: Path) -> None:
    for name in (".bandplan/state/x.json", "stacks/__pycache__/x.py", ".git/x.yaml", "preview.txt", "stacks/.swp.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    watched = {str(path.relative_to(tmp_path)) for path in stamps(project, tmp_path / "models.yaml")}
    assert watched == {"Pulumi.yaml", "models.yaml", "stacks/Pulumi.dev.yaml", "policies/own/rule.py"}


def test_changes_are_named_whether_written_replaced_created_or_removed(project: Project, tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    before = stamps(project, models)
    (tmp_path / "new.yaml").write_text("")
    (tmp_path / "stacks" / "Pulumi.dev.yaml").unlink()
    (tmp_path / "written").write_text(MODELS)
    os.replace(tmp_path / "written", models)
    names = changed(before, stamps(project, models), tmp_path)
    assert names == ["models.yaml", "new.yaml", "stacks/Pulumi.dev.yaml"]
    assert told([*names, "z"]) == "models.yaml, new.yaml, stacks/Pulumi.dev.yaml and 1 more"


def test_models_file_outside_the_project_is_watched(project: Project, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-models.yaml"
    other.write_text(MODELS)
    before = stamps(project, other)
    other.write_text(MODELS + "# longer")
    assert changed(before, stamps(project, other), tmp_path) == [str(other)]


def test_change_during_a_run_is_seen_after_it(project: Project, tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    known = stamps(project, models)
    models.write_text(MODELS + "# changed while the command was running")
    found, names = next_change(project, models, known)
    assert names == ["models.yaml"] and found == stamps(project, models)


def test_option_is_left_out_of_the_repeated_command() -> None:
    typed = ["-C", "folder", "preview", "--watch", "--diff", "--w", "-", "--"]
    assert without_watch(typed) == ["-C", "folder", "preview", "--diff", "-", "--"]


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        ("preview --watch --json", "--json"),
        ("preview --watch --save-plan=plan.json", "--save-plan"),
        ("validate --watch --sarif=found.sarif", "--sarif"),
        ("validate --watch --format=sarif", "--format sarif"),
    ],
)
def test_watching_and_writing_a_document_are_refused_together(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, option: str
) -> None:
    monkeypatch.chdir(project.root)
    assert main(typed.split()) == 2
    assert capsys.readouterr().err == f"error: --watch: cannot be combined with {option}; remove one of them\n"


@pytest.fixture
def watching(project: Project) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bandplan.cli.main", "-C", project.root.name, "validate", "--watch", "--offline"]
    running = subprocess.Popen(
        command, cwd=project.root.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    limit = threading.Timer(250, running.kill)
    limit.start()
    yield running
    limit.cancel()
    running.kill()
    running.communicate()


def line_with(running: "subprocess.Popen[str]", text: str) -> str:
    assert running.stdout is not None
    return next(line for line in running.stdout if text in line)


def save(models: Path, text: str) -> None:
    """Replace the file in one step, as editors do: half of a text would be one change more."""
    unfinished = models.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.replace(models)


def test_each_save_is_validated_until_ctrl_c(watching: "subprocess.Popen[str]", project: Project) -> None:
    models = project.root / "models.yaml"
    first = line_with(watching, "; waiting for changes in models.yaml, stacks/ and policies/")
    save(models, MODELS.replace("version: 1", "version: one", 1))
    line_with(watching, "models.yaml changed")
    line_with(watching, "no fleet, 2 errors")
    line_with(watching, "exit status 2; waiting")
    save(models, MODELS)
    assert line_with(watching, "; waiting").partition("] ")[2] == first.partition("] ")[2]
    os.killpg(watching.pid, signal.SIGINT)
    assert line_with(watching, "interrupted") == "interrupted\n"
    assert watching.wait() == 130
