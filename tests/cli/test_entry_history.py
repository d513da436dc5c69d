"""When the throughput of an entry was written, from Git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bandplan.cli.entry_history import written_since

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
    return {name: (NOW - at) / DAY for name, at in written_since(models, stack, ["a", "b"], NOW, 21).items()}


def test_throughput_is_as_old_as_the_commit_that_wrote_it_whatever_else_changed_since(
    models: Path, commit: Commit
) -> None:
    for days_ago, text in ((20, fleet(2)), (5, fleet(3)), (2, fleet(3, words="other")), (1, fleet(3, 4, "other"))):
        models.write_text(text)
        commit(days_ago)
    assert days_old(models) == {"a": 5, "b": 1}
    # Of the stack, the ceiling is that of its override, which never changed.
    assert days_old(models, "dev") == {"b": 1}


def test_what_is_not_committed_is_new(models: Path, commit: Commit) -> None:
    models.write_text(fleet(2))
    commit(20)
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
