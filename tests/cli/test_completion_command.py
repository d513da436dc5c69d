import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bandplan.cli.candidates import FILES, candidates
from bandplan.cli.commands.completion import SCRIPTS, shown
from bandplan.cli.main import COMMANDS, main
from tests.cli.team_project import write_team_project

MODELS = """\
version: 1
models:
  - name: support-chat
    entities:
      - name: not-an-endpoint
  - {name: search-vectors}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "stack"
    root.mkdir()
    write_team_project(root, MODELS)
    (tmp_path / "config").write_text("[DEFAULT]\nhost = x\n[prod-eu]\ntoken = secret\n")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    monkeypatch.chdir(root)
    return root


def words(*line: str) -> list[str]:
    return [word for word, _ in candidates(line)]


CASES = {
    ("prev",): ["preview"],
    ("preview", "--st"): ["--stack"],
    ("preview", "--stack", ""): ["local", "prod"],
    ("preview", "--profile", "p"): ["prod-eu"],
    ("query", ""): ["support-chat", "search-vectors"],
    ("query", "support-chat", ""): [],
    ("adopt", "support-chat", ""): ["search-vectors"],
    ("stack", ""): ["ls", "new", "export"],
    ("stack", "export", "--e"): ["--engine"],
    ("stack", "ls", "--engine", ""): ["pulumi", "embedded"],
    ("up", "--plan", ""): [FILES],
    ("-C", ""): [FILES],
    ("explain", "S8-c"): ["S8-chunk"],
    ("docs", "roll"): ["rollout"],
    ("no-such-command", ""): [],
}


@pytest.mark.parametrize("line", CASES, ids=" ".join)
def test_word_is_completed_by_what_fits_there(line: tuple[str, ...]) -> None:
    assert words(*line) == CASES[line]


def test_empty_line_offers_every_command() -> None:
    assert words("")[: len(COMMANDS)] == list(COMMANDS)


def test_option_that_was_given_is_not_offered_again() -> None:
    assert "--diff" in words("preview", "--") and "--diff" not in words("preview", "--diff", "--")


def test_folder_called_like_a_command_is_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)
    assert words("-C", "stack", "stack", "ls", "--stack", "p") == ["prod"]
    assert words("query", "") == []


def test_each_shell_gets_its_form() -> None:
    assert shown("bash", "up", "deploy") == "up"
    assert shown("zsh", "a:b", "what") == "a\\:b:what"
    assert shown("fish", "up", "deploy") == "up\tdeploy"


def test_files_are_left_to_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash", "up", "--plan", ""]) == 0
    assert capsys.readouterr().out == "files\n"


DRIVERS = {
    "bash": '{script}\nCOMP_WORDS=(bandplan query sup); COMP_CWORD=2; _bandplan; echo "${{COMPREPLY[@]}}"',
    "zsh": "compdef() {{ :; }}; _describe() {{ print -l -- $found; }}\n{script}\nwords=(bandplan query sup); CURRENT=3; _bandplan",
    "fish": '{script}\ncomplete -C "bandplan query sup"',
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_script_completes_in_its_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "bin" / "bandplan"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bandplan.cli.main "$@"\n')
    command.chmod(0o700)
    environ = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    script = DRIVERS[shell].format(script=SCRIPTS[shell])
    ran = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=environ)
    assert ran.stdout.strip() == "support-chat", ran.stderr
