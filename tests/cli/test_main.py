import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bandplan.cli.main import COMMANDS, main

HEAVY = (
    "pulumi",
    "pulumi_databricks",
    "grpc",
    "pydantic",
    "yaml",
    "rich",
    "jsonschema",
    "urllib3",
    "mlflow",
    "starlette",
)


def test_unknown_command_is_refused_with_exit_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deploy"])
    assert ended.value.code == 2
    assert "deploy" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^    {name}\s", shown, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: bandplan {command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["preview", "--help"], ["up", "--help"], ["validate", "--help"]])
def test_help_loads_no_heavy_package(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom bandplan.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"


def test_terminal_that_lacks_a_character_gets_a_question_mark_and_the_command_goes_on() -> None:
    program = "import bandplan.cli.main; bandplan.cli.main.load_command = lambda name: print('\\u2705 done') or exit(0); bandplan.cli.main.main(['up'])"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "? done\n", "")


def test_file_that_cannot_be_written_is_one_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: project\n")
    (tmp_path / ".bandplan").write_text("a file where the folder has to be")  # as unwritable for root as for others
    monkeypatch.chdir(tmp_path)
    assert main(["stub", "start"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/.bandplan") and len(said.splitlines()) == 1


def test_folder_that_is_not_there_is_one_line_without_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", "/no/such/folder", "stack", "ls"]) == 2
    assert capsys.readouterr().err == "error: -C /no/such/folder: No such file or directory\n"


def test_command_outside_a_project_says_where_it_looked(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["stack", "ls", "--engine", "embedded"]) == 2
    message = capsys.readouterr().err
    assert str(tmp_path) in message
    assert "Pulumi.yaml" in message


@pytest.mark.parametrize("arguments", [[], ["validate"], ["-C", ".", "stub", "status"]])
def test_working_folder_that_was_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        "error: the working folder does not exist any more; go to one that does, or give -C FOLDER\n"
    )


@pytest.mark.parametrize("module", ["bandplan.cli.warm.switch", "bandplan.cli.main", "bandplan.cli.commands.version"])
def test_interruption_while_the_code_is_imported_shows_no_traceback(module: str) -> None:
    program = f"""
import sys
from importlib.abc import MetaPathFinder

class Interrupting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

from bandplan.cli.start import main
sys.meta_path.insert(0, Interrupting())
sys.argv = ["bandplan", "version"]
sys.exit(main())
"""
    environment = {**os.environ, "BANDPLAN_WARM": "0"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")
