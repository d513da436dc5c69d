"""State, journal, locks and the folders that hold them are for their owner alone."""

from pathlib import Path

import pytest

from bandplan.embedded.checkpoint import StackFile, parse
from bandplan.embedded.journal import Journal
from bandplan.embedded.lock import hold
from tests.embedded.conftest import ToyProject, thing


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def left_as_by_a_killed_update(project: ToyProject) -> StackFile:
    file = StackFile(project.state_dir, "toys", "local")
    text = file.path.read_bytes()
    journal = Journal(file, parse(text, file), text)
    journal.start(journal.progress.base.resources[-1], "deleting")
    journal.close()
    return file


@pytest.mark.parametrize("made_before", ["private", "by an earlier version"])
def test_every_file_and_folder_of_the_state_is_for_its_owner_alone(project: ToyProject, made_before: str) -> None:
    project.declare(thing("a"))
    assert project.up().ok
    project.declare(thing("a"), thing("b"))
    assert project.up().ok, "now there is a copy of the state before"
    root = project.state_dir / ".pulumi"
    if made_before == "by an earlier version":
        for folder in (project.state_dir, root, *root.rglob("*")):
            folder.chmod(0o755 if folder.is_dir() else folder.stat().st_mode)
        (root / "journals" / "toys").mkdir(parents=True, exist_ok=True)
        (root / "journals" / "toys" / "local.jsonl").touch(0o644)

    file = left_as_by_a_killed_update(project)
    with hold(file, "t"):
        assert file.journal_path.exists()
        assert len(list(file.lock_dir.iterdir())) == 1
        project.engine()._write(parse(file.path.read_bytes(), file))

        assert open_to_others(project.state_dir) == []


def test_folder_above_the_state_that_was_missing_is_for_its_owner_too(project: ToyProject) -> None:
    project.state_dir = project.folder / "own" / "state"
    project.declare(thing("a"))
    assert project.up().ok
    assert open_to_others(project.folder / "own") == []
