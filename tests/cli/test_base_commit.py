"""The models file of a stack in another commit: found by that commit's own configuration."""

import os
import subprocess
from pathlib import Path

import pytest

from bandplan.cli.base_commit import NOTHING, models_in_commit
from bandplan.cli.errors import CommandError
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import StackChoice, choose_stack


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> None:
        who = {f"GIT_{role}_{part}": "t" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        environ = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], cwd=self.path, env=environ, check=True, capture_output=True)

    def commit(self, **files: str | None) -> None:
        """Files by name, with `__` for `/` and no `.yaml`; None removes one."""
        for name, text in files.items():
            file = self.path / f"{name.replace('__', '/')}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def choice(self, stack: str = "dev", **variables: str) -> StackChoice:
        return choose_stack(Project(self.path), stack, variables)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(tmp_path)
    found.commit(
        **{"Pulumi": "name: bandplan\n", "stacks__Pulumi.dev": "config: {}\n", "models": "old\n", "other": "other\n"}
    )
    return found


def test_file_that_changed_is_that_of_the_commit(repository: Repository) -> None:
    repository.commit(models="new\n")
    assert models_in_commit(repository.choice(), "HEAD^1") == ("models.yaml", b"old\n")
    assert models_in_commit(repository.choice(), "HEAD") == ("models.yaml", b"new\n")


def test_file_that_the_change_moved_is_found_where_it_was(repository: Repository) -> None:
    config = "config: {bandplan:models: teams/a.yaml}\n"
    repository.commit(**{"stacks__Pulumi.dev": config, "models": None, "teams__a": "new\n"})
    assert models_in_commit(repository.choice(), "HEAD^1") == ("models.yaml", b"old\n")
    assert models_in_commit(repository.choice(), "HEAD") == ("teams/a.yaml", b"new\n")


def test_variable_names_the_file_in_either_version(repository: Repository) -> None:
    repository.commit(other="newer\n")
    for name in ("other.yaml", "./other.yaml", str(repository.path / "other.yaml")):
        assert models_in_commit(repository.choice(BANDPLAN_MODELS=name), "HEAD^1")[1] == b"other\n"
    with pytest.raises(CommandError, match="lies outside the project"):
        models_in_commit(repository.choice(BANDPLAN_MODELS="../other.yaml"), "HEAD^1")


def test_stack_and_file_that_the_commit_did_not_have_are_empty(repository: Repository) -> None:
    repository.commit(
        **{"stacks__Pulumi.new": "config: {}\n", "stacks__Pulumi.dev": "config: {bandplan:models: n.yaml}\n"}
    )
    repository.commit(n="new\n")
    assert models_in_commit(repository.choice("new"), "HEAD^^")[1] == NOTHING.encode()
    assert models_in_commit(repository.choice("dev"), "HEAD^1") == ("n.yaml", NOTHING.encode())


@pytest.mark.parametrize("commit", ["HEAD^9", "no-such-branch", "", "--help", "HEAD:models.yaml"])
def test_what_is_no_commit_is_refused(repository: Repository, commit: str) -> None:
    with pytest.raises(CommandError, match="has no such commit"):
        models_in_commit(repository.choice(), commit)


def test_project_in_a_folder_of_its_repository_is_read_there(repository: Repository) -> None:
    inner = {f"fleet__{name}": text for name, text in {"Pulumi": "name: bandplan\n", "models": "inner\n"}.items()}
    repository.commit(**inner)
    choice = choose_stack(Project(repository.path / "fleet"), "local", {})
    assert models_in_commit(choice, "HEAD") == ("models.yaml", b"inner\n")
