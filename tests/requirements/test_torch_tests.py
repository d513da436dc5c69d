"""`.ci/torch`: when the tests with torch run, and what it says when they do not."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "torch"
ENGINE = "bandplan/stub/inference/engine.py"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with landed commits on `main` and a branch of its own that is checked out."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    shutil.copytree(SCRIPT.parent, tmp_path / ".ci")
    commit(tmp_path, "README.md")
    commit(tmp_path, "README.md")
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    return tmp_path


def commit(folder: Path, file: str) -> None:
    write(folder, file)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"Change {file}")


def write(folder: Path, file: str) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "x\n")


def said(folder: Path, **environ: str) -> str:
    done = subprocess.run(
        [folder / ".ci" / "torch", "--dry-run"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **environ},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_change_of_something_else_skips_them_and_says_why(project: Path) -> None:
    commit(project, "docs/other.md")
    assert said(project).startswith("make test-torch is skipped: nothing in bandplan/stub/inference ")


def test_change_of_the_engine_in_any_commit_of_the_branch_runs_them(project: Path) -> None:
    commit(project, ENGINE)
    commit(project, "docs/other.md")
    assert said(project).startswith("make test-torch runs: since ")


def test_change_that_is_not_committed_runs_them(project: Path) -> None:
    write(project, ENGINE)
    assert said(project).startswith("make test-torch runs: since ")


def test_what_has_landed_on_main_meanwhile_does_not_count(project: Path) -> None:
    commit(project, "docs/other.md")
    git(project, "checkout", "--quiet", "main")
    commit(project, ENGINE)
    git(project, "checkout", "--quiet", "change")
    assert "is skipped" in said(project)


def test_commit_on_main_is_compared_with_the_one_before_or_the_one_named(project: Path) -> None:
    git(project, "checkout", "--quiet", "main")
    commit(project, ENGINE)
    before = git(project, "rev-parse", "HEAD~1")
    assert "make test-torch runs: since " in said(project)
    commit(project, "docs/other.md")
    assert "is skipped" in said(project)
    assert "make test-torch runs: since " in said(project, CI_BASE=before)


def test_checkout_without_history_runs_them(project: Path) -> None:
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet")
    assert said(project) == "make test-torch runs: there is no commit to compare with\n"
