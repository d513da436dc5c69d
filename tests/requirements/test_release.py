"""`make release`: one commit and one tag, or nothing."""

import importlib.util
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "requirements" / "release.py"
TODAY = date(2026, 12, 1)
CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.1.0 (2026-11-01)\n- The first.\n"


@pytest.fixture(scope="module")
def release() -> Any:
    spec = importlib.util.spec_from_file_location("release", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "bandplan" / "cli").mkdir(parents=True)
    (tmp_path / "bandplan" / "cli" / "version.txt").write_text("0.1.0\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "a")
    git(tmp_path, "config", "user.email", "a@example.com")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "The first commit here")
    return tmp_path


def test_release_is_one_commit_and_one_tag(release: Any, repository: Path) -> None:
    release.release("0.2.0", TODAY, repository)
    assert (repository / "bandplan/cli/version.txt").read_text() == "0.2.0\n"
    assert (repository / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n\n### Added\n- A thing.\n\n"
        "## 0.1.0 (2026-11-01)\n- The first.\n"
    )
    assert git(repository, "log", "-1", "--format=%s", "v0.2.0") == "Release 0.2.0\n"
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("version", "changelog", "said"),
    [
        ("0.1.0", CHANGELOG, "must be higher than 0.1.0"),
        ("0.0.9", CHANGELOG, "must be higher than 0.1.0"),
        ("0.2", CHANGELOG, "must have three numbers"),
        ("0.2.0", CHANGELOG.replace("- A thing.\n", ""), "nothing is unreleased"),
        ("0.2.0", CHANGELOG.replace("## Unreleased", "## Later"), "has no heading"),
    ],
)
def test_what_cannot_be_released_changes_nothing(
    release: Any, repository: Path, version: str, changelog: str, said: str
) -> None:
    (repository / "CHANGELOG.md").write_text(changelog)
    if changelog != CHANGELOG:
        git(repository, "commit", "-qam", "Change the log of changes")
    before = git(repository, "rev-parse", "HEAD")
    with pytest.raises(release.NotReleased, match=said):
        release.release(version, TODAY, repository)
    assert git(repository, "status", "--porcelain") == "" and git(repository, "rev-parse", "HEAD") == before


def test_changes_that_are_not_committed_are_not_released(release: Any, repository: Path) -> None:
    (repository / "new").touch()
    with pytest.raises(release.NotReleased, match="working tree has changes"):
        release.release("0.2.0", TODAY, repository)


def test_tag_that_exists_is_not_moved(release: Any, repository: Path) -> None:
    git(repository, "tag", "v0.2.0")
    with pytest.raises(release.NotReleased, match=r"v0\.2\.0 exists already"):
        release.release("0.2.0", TODAY, repository)
