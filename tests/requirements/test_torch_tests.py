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


@pytest.fixture
def clone(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which `main` is what the remote has."""
    git(project, "checkout", "--quiet", "main")
    folder = tmp_path_factory.mktemp("clone")
    git(folder, "clone", "--quiet", str(project), ".")
    return folder


def test_push_of_several_commits_is_compared_with_what_the_remote_had_before(clone: Path) -> None:
    git(Path(git(clone, "remote", "get-url", "origin")), "checkout", "--quiet", "change")
    commit(clone, ENGINE)
    commit(clone, "docs/other.md")
    assert "make test-torch runs: since " in said(clone), "not pushed yet"
    git(clone, "push", "--quiet", "origin", "main")
    assert "make test-torch runs: since " in said(clone), "the remote's branch moved by two commits"


def test_commits_that_were_fetched_are_compared_with_what_was_there_before(project: Path, clone: Path) -> None:
    commit(project, ENGINE)
    commit(project, "docs/other.md")
    git(clone, "pull", "--quiet")
    assert "make test-torch runs: since " in said(clone)


def test_branch_of_another_name_that_is_the_remotes_default_is_compared_with(project: Path, clone: Path) -> None:
    git(clone, "remote", "rename", "origin", "upstream")
    git(clone, "branch", "--quiet", "--delete", "--force", "--remotes", "upstream/main")
    git(clone, "update-ref", "refs/remotes/upstream/trunk", "HEAD")
    git(clone, "symbolic-ref", "refs/remotes/upstream/HEAD", "refs/remotes/upstream/trunk")
    commit(clone, ENGINE)
    commit(clone, "docs/other.md")
    assert "make test-torch runs: since " in said(clone)


def test_merge_is_compared_with_the_branch_before_it(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commit(project, ENGINE)
    commit(project, "docs/other.md")
    git(project, "checkout", "--quiet", "main")
    commit(project, "README.md")
    git(project, "merge", "--quiet", "--no-edit", "change")
    fresh = tmp_path_factory.mktemp("fresh")
    git(fresh, "clone", "--quiet", str(project), ".")
    assert "make test-torch runs: since " in said(fresh)


@pytest.mark.parametrize("variable", ["CI_COMMIT_BEFORE_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "GITHUB_EVENT_PATH"])
def test_range_that_the_ci_system_knows_is_used(clone: Path, tmp_path: Path, variable: str) -> None:
    before = git(clone, "rev-parse", "HEAD")
    commit(clone, ENGINE)
    commit(clone, "docs/other.md")
    commit(clone, "docs/other.md")
    git(clone, "update-ref", "--no-deref", "refs/remotes/origin/main", "HEAD")
    git(clone, "reflog", "delete", "origin/main@{0}")
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "branch", "--quiet", "--delete", "--force", "main")
    assert "is skipped" in said(clone), "nothing says that three commits came together"
    event = tmp_path / "event.json"
    event.write_text(f'{{\n  "after": "{"1" * 40}",\n  "before": "{before}",\n  "commits": []\n}}\n')
    value = str(event) if variable == "GITHUB_EVENT_PATH" else before
    assert "make test-torch runs: since " in said(clone, **{variable: value})
    assert "is skipped" in said(clone, CI_COMMIT_BEFORE_SHA="0" * 40), "a branch that is new"


def test_base_that_was_named_and_is_not_here_runs_them(clone: Path) -> None:
    commit(clone, "docs/other.md")
    assert said(clone, CI_BASE="1" * 40) == "make test-torch runs: there is no commit to compare with\n"


def test_clone_of_one_commit_runs_them(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    git(project, "checkout", "--quiet", "main")
    commit(project, "docs/other.md")
    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "--quiet", "--depth=1", f"file://{project}", ".")
    assert said(shallow) == "make test-torch runs: there is no commit to compare with\n"


def test_checkout_without_history_runs_them(project: Path) -> None:
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet")
    assert said(project) == "make test-torch runs: there is no commit to compare with\n"
