"""Which stream has what, in which order, and how messages name files."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from bandplan.cli.main import main
from bandplan.serving.planning.deployment import deployment_request

WRONG = "version: 1\nmodels:\n  - {name: chat, taks: llm/v1/chat, throughput: {bands: {min: 3, max: 2}}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "fleet"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (root / "models.yaml").write_text(WRONG)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    ("below", "arguments", "file"),
    [
        (".", (), "models.yaml"),
        ("stacks", (), "../models.yaml"),
        ("..", ("-C", "fleet"), "fleet/models.yaml"),
        ("..", ("-C", "fleet/stacks"), "fleet/models.yaml"),
    ],
)
@pytest.mark.parametrize("command", [("validate", "--offline"), ("check",), ("policy", "test")])
def test_place_opens_from_where_the_user_stands(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    below: str,
    arguments: tuple[str, ...],
    file: str,
) -> None:
    monkeypatch.chdir(project / below)
    main([*arguments, *command])
    told = capsys.readouterr().out.splitlines()
    assert {line.partition(":")[0] for line in told if ":3:" in line} == {file}


def test_program_of_a_stack_names_the_file_as_the_command_does(tmp_path: Path) -> None:
    def file(**environ: str) -> str:
        return deployment_request(tmp_path, "fleets/a.yaml", "dev", environ, date(2026, 11, 29)).file

    assert file(BANDPLAN_STANDING=str(tmp_path)) == "fleets/a.yaml"
    assert file(BANDPLAN_STANDING=str(tmp_path / "stacks")) == "../fleets/a.yaml"
    assert file(BANDPLAN_STANDING="/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w") == str(tmp_path / "fleets/a.yaml")
    assert file() == "a.yaml"


def test_findings_and_summary_are_one_stream_and_failures_another(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["validate", "--offline"])
    told = capsys.readouterr()
    assert told.err == "" and told.out.splitlines()[-1].endswith("no fleet, 3 errors, 0 warnings")
    main(["validate", "--offline", "--show"])
    told = capsys.readouterr()
    assert told.out == "" and "3 errors" in told.err


def test_both_streams_in_one_file_keep_their_order(project: Path) -> None:
    program = (
        "import sys; from bandplan.embedded.terminal import close_the_door; close_the_door()\n"
        "for number in range(3): print(f'out {number}'); print(f'err {number}', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.stdout.split("\n") == ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2", ""]


def test_other_files_of_the_project_are_named_from_where_the_user_stands(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "stacks" / "policies.local.json").write_text('{"over-provisoned": "mandatory"}')
    monkeypatch.chdir(project / "stacks")
    main(["policy", "test"])
    assert "error: policies.local.json: over-provisoned: no such rule" in capsys.readouterr().err
    assert "BANDPLAN_STANDING" not in os.environ


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("command", ["validate --offline", "query chat", "--help", ""])
def test_closed_streams_change_neither_the_exit_status_nor_what_the_others_have(
    project: Path, closed: tuple[int, ...], command: str
) -> None:
    def run(*, closes: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bandplan.cli.main", *command.split()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=(lambda: [os.close(descriptor) for descriptor in closed]) if closes else None,
        )

    shown, hidden = run(closes=False), run(closes=True)
    assert hidden.returncode == shown.returncode
    assert hidden.stdout == ("" if 1 in closed else shown.stdout)
    assert hidden.stderr == ("" if 2 in closed else shown.stderr)


def test_output_that_finds_no_room_does_not_blame_the_project() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-u", "-m", "bandplan.cli.main", "explain"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    step = "free space where the output goes, and in the project folder"
    assert (done.returncode, done.stderr) == (1, f"error: No space left on device; {step}\n")
