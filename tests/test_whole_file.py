"""Files that are replaced in one step: permissions, links, folders, pipes, and files that were changed meanwhile."""

import os
import threading
from pathlib import Path

import pytest

from bandplan.whole_file import ChangedMeanwhile, PreparedFile, replace_file


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_permissions_stay(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text("old")
    script.chmod(0o750)
    replace_file(script, b"new")
    assert (script.read_text(), mode_of(script)) == ("new", 0o750)


def test_whoever_reads_an_executable_may_run_it(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text("old")
    script.chmod(0o640)
    PreparedFile(script, b"new", is_executable=True).place()
    assert mode_of(script) == 0o750


def test_a_new_file_gets_the_permissions_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o640


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link = tmp_path / "folder" / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["folder", "link", "real"]


def test_a_file_that_was_changed_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("edited")
    with pytest.raises(ChangedMeanwhile):
        replace_file(path, b"new", before=b"read")
    assert path.read_text() == "edited"
    replace_file(path, b"new", before=b"edited")
    assert [one.name for one in tmp_path.iterdir()] == ["models.yaml"]
    assert path.read_text() == "new"


def test_a_file_that_was_removed_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "gone", b"new", before=b"read")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        PreparedFile(tmp_path, b"new")
    with pytest.raises(FileNotFoundError):
        PreparedFile(tmp_path / "none" / "file", b"new")


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    prepared = PreparedFile(tmp_path / "file", b"new")
    prepared.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"through")
    reader.join(60)
    assert read == [b"through"]
    assert pipe.is_fifo()
