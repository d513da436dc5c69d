"""When the throughput of an entry was written, from Git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bandplan.cli.entry_history import Written, written_since

DAY = 86_400
NOW = 1_795_000_000.0
ENTRY = """\
  - name: {name}
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {{bands: {{min: 1, max: {max}}}}}
    description: {words}
"""

Commit = Callable[[float], None]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models.yaml"


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    """Commits everything as of so many days ago."""
    identity = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    identity |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.com"}

    def git(*arguments: str, **more: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, env={**os.environ, **identity, **more}, check=True)

    git("init", "--quiet")

    def commit_of(days_ago: float) -> None:
        git("add", "--all")
        git("commit", "--quiet", "--message", "x", GIT_COMMITTER_DATE=f"{int(NOW - days_ago * DAY)} +0000")

    return commit_of


def fleet(a: int, b: int = 2, words: str = "x") -> str:
    entries = ENTRY.format(name="a", max=a, words=words) + ENTRY.format(name="b", max=b, words=words)
    return f"version: 1\nmodels:\n{entries}overrides:\n  dev: {{a: {{throughput: {{bands: {{max: 9}}}}}}}}\n"


def days_old(models: Path, stack: str | None = None) -> dict[str, float]:
    return {name: (NOW - one.at) / DAY for name, one in written(models, stack).items()}


def written(models: Path, stack: str | None = None) -> dict[str, Written]:
    return written_since(models, stack, ["a", "b"], NOW, 21)


def test_throughput_is_as_old_as_the_commit_that_wrote_it_whatever_else_changed_since(
    models: Path, commit: Commit
) -> None:
    for days_ago, text in ((30, fleet(2)), (5, fleet(3)), (2, fleet(3, words="other")), (1, fleet(3, 4, "other"))):
        models.write_text(text)
        commit(days_ago)
    assert days_old(models) == {"a": 5, "b": 1}
    # Of the stack, the ceiling is that of its override, which never changed.
    assert days_old(models, "dev") == {"b": 1}


def test_what_is_not_committed_is_new(models: Path, commit: Commit) -> None:
    models.write_text(fleet(2))
    commit(30)
    models.write_text(fleet(3))
    assert days_old(models) == {"a": 0}


def test_older_changes_are_not_looked_for_and_without_git_nothing_is_known(models: Path, commit: Commit) -> None:
    for days_ago, text in ((60, fleet(1)), (40, fleet(2)), (30, fleet(2, words="y"))):
        models.write_text(text)
        commit(days_ago)
    assert days_old(models) == {}
    outside = models.parent.parent / "elsewhere"
    outside.mkdir()
    (outside / "models.yaml").write_text(fleet(2))
    assert days_old(outside / "models.yaml") == {}


def test_throughput_that_never_changed_is_as_old_as_the_first_commit_and_no_change(
    models: Path, commit: Commit
) -> None:
    for days_ago, text in ((3, fleet(2)), (1, fleet(2, 4))):
        models.write_text(text)
        commit(days_ago)
    found = written(models)
    assert found == {"a": Written(NOW - 3 * DAY), "b": Written(NOW - DAY, is_change=True)}


def test_entry_that_is_new_in_an_old_file_did_not_change(models: Path, commit: Commit) -> None:
    models.write_text("version: 1\nmodels:\n" + ENTRY.format(name="a", max=2, words="x"))
    commit(30)
    models.write_text(fleet(2))
    commit(2)
    assert written(models) == {"b": Written(NOW - 2 * DAY)}


def test_commit_with_a_broken_file_ends_no_throughput(models: Path, commit: Commit) -> None:
    for days_ago, text in ((30, fleet(2)), (4, "models: ["), (2, fleet(2, words="y"))):
        models.write_text(text)
        commit(days_ago)
    assert written(models) == {}


def test_shallow_clone_says_that_it_does_not_know_what_was_before(
    models: Path, commit: Commit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for days_ago, text in ((30, fleet(2)), (2, fleet(2, words="y"))):
        models.write_text(text)
        commit(days_ago)
    clone = tmp_path_factory.mktemp("shallow")
    source = f"file://{models.parent}"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", source, str(clone)], check=True)
    cut = Written(NOW - 2 * DAY, is_cut=True)
    assert written(clone / models.name) == {"a": cut, "b": cut}
