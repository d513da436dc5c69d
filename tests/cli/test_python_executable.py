"""The Python that Pulumi starts: every argument reaches it, and only pip's list is answered otherwise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bandplan.cli.engines.python_executable import VARIABLE, with_quick_python


@pytest.fixture
def python(tmp_path: Path) -> str:
    return with_quick_python({}, tmp_path / "it's here", sys.executable)[VARIABLE]


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_packages_are_those_that_pip_lists(python: str) -> None:
    of_pip = json.loads(run(sys.executable, "-m", "pip", "list", "--format", "json"))
    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json"))
    assert [(one["name"], one["version"]) for one in listed] == [(one["name"], one["version"]) for one in of_pip]


def test_everything_else_is_this_python_with_its_arguments_and_status(python: str) -> None:
    assert run(python, "-c", "import sys; print(sys.executable, sys.argv[1:])", "a b", "") == (
        f"{sys.executable} ['a b', '']\n"
    )
    assert run(python, "-m", "pip", "--version").startswith("pip ")
    assert subprocess.run([python, "-c", "raise SystemExit(7)"]).returncode == 7
    assert "--format json" not in run(python, "-m", "pip", "list", "--format", "freeze")


def test_python_that_the_user_names_stays_and_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    assert with_quick_python({VARIABLE: "/own/python"}, tmp_path / "new", sys.executable) == {VARIABLE: "/own/python"}
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    assert with_quick_python({"A": "1"}, tmp_path / "file", sys.executable) == {"A": "1"}
