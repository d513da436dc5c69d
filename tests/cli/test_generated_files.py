"""Files that `bandplan upgrade` and `bandplan stack new` write into a team's repository."""

import stat
from pathlib import Path

import pytest

from bandplan.cli.errors import UsageProblem
from bandplan.cli.generated_files import manifest_of, without_outside, write_together
from bandplan.starter.changes import Change


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_links_stay_links_and_files_keep_their_permissions(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "start.md").write_text("old\n")
    (tmp_path / "README.md").symlink_to("docs/start.md")
    (tmp_path / "run").write_text("old\n")
    (tmp_path / "run").chmod(0o750)
    (tmp_path / "private").write_text("old\n")
    (tmp_path / "private").chmod(0o600)
    write_together(tmp_path, {"README.md": "new\n", "run": "new\n", "private": "new\n", "deep/er": "new\n"}, {"run"})
    assert (tmp_path / "README.md").is_symlink() and (tmp_path / "docs" / "start.md").read_text() == "new\n"
    assert mode(tmp_path / "run") == 0o750 and mode(tmp_path / "private") == 0o600
    assert (tmp_path / "deep" / "er").read_text() == "new\n"


def test_executable_that_lost_its_bit_may_be_run_again_by_whoever_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old\n")
    (tmp_path / "a").chmod(0o640)
    write_together(tmp_path, {"a": "new\n"}, {"a"})
    assert mode(tmp_path / "a") == 0o750


def test_nothing_is_written_or_removed_if_one_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "gone").write_text("old\n")
    with pytest.raises(UsageProblem, match=r"b: cannot be written: it is a folder"):
        write_together(tmp_path, {"a": "new\n", "deep/er/c": "new\n", "b": "new\n", "gone": None})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "gone"]
    with pytest.raises(UsageProblem, match=r"gone/x: cannot be made: .*; make room for it"):
        write_together(tmp_path, {"gone/x/y": "new\n"})
    write_together(tmp_path, {"a": "new\n", "gone": None})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_link_out_of_the_repository_is_not_written_through(tmp_path: Path) -> None:
    root = tmp_path / "fleet"
    root.mkdir()
    (tmp_path / "common").write_text("ours and theirs\n")
    (root / "linked").symlink_to("../common")
    (root / "plain").write_text("1")
    changes = [Change(path, "write", "1", "2") for path in ("linked", "plain")]
    assert [one.verdict for one in without_outside(root, changes)] == ["linked", "write"]


def test_repository_without_a_record_has_no_manifest_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert manifest_of(tmp_path) is None
    (tmp_path / ".bandplan-init.json").write_bytes(b"\xff")
    with pytest.raises(UsageProblem, match="cannot be read"):
        manifest_of(tmp_path)
