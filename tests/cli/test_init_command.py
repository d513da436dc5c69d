"""`bandplan init` where files are already: nothing of the user's is touched, and the next step works."""

import os
import sys
from pathlib import Path

import pytest

from bandplan.cli.commands.init import write_all
from bandplan.cli.commands.upgrade import changes_between, recorded
from bandplan.cli.errors import CommandError
from bandplan.cli.generated_files import merged
from bandplan.cli.main import main
from bandplan.cli.starter_files import Generation
from bandplan.starter.answers import Answers
from bandplan.starter.files import File
from bandplan.starter.manifest import Manifest, digest, read, render


def test_existing_project_is_not_led_to_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models.yaml").write_text("mine\n")
    for keep in ([], ["--keep"]):
        assert main(["init", "--yes", *keep]) == 2
        said = capsys.readouterr().err
        assert "models.yaml is there already" in said and "bandplan upgrade" in said
        assert "--keep" not in said, "it would be refused again"
    assert [path.name for path in tmp_path.iterdir()] == ["models.yaml"]


def test_other_files_that_are_there_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("README.md").write_text("mine\n")
    assert main(["init", "--yes"]) == 2
    assert "add --keep to keep your own" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_printed_commands_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(variable)
    assert main(["init", "our fleet", "--yes", "--ci", "none", "--from-workspace"]) == 1
    said = capsys.readouterr()
    assert "  cd 'our fleet' && bandplan up " in said.out
    assert "run `cd 'our fleet' && bandplan adopt --all --stack dev --write`" in said.err


def test_empty_folder_is_not_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["init", "", "--yes"])  # as `bandplan init "$FOLDER"` without a value
    assert "FOLDER: is empty; name a folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_failed_writing_removes_only_what_it_wrote(tmp_path: Path) -> None:
    theirs = tmp_path / "b"
    theirs.write_text("theirs\n")  # as if it had appeared after the look at the folder
    with pytest.raises(CommandError, match="nothing was written"):
        write_all(tmp_path, {"new/a": File("a\n"), "b": File("b\n")})
    assert theirs.read_text() == "theirs\n"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_text_that_was_not_utf_8_is_not_merged() -> None:
    before, after = "a\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n"
    assert merged("caf\xe9\nb\nc\nd\ne\n", before, after) == "caf\xe9\nb\nc\nd\nE\n"
    assert merged(b"caf\xe9\nb\nc\nd\ne\n".decode("utf-8", "replace"), before, after) is None


def test_refused_change_stays_recorded_as_the_version_that_it_is_from() -> None:
    answers = Answers("fleet", "ml", "aws", "github", ())
    before = Manifest("0.1.0", answers, {"a": digest("1"), "b": digest("1")}, {})
    second = recorded(before, Generation("0.2.0", {}, {"a": File("2"), "b": File("2"), "c": File("2")}), {"a", "c"})
    assert second.files == {"a": digest("1"), "b": digest("2"), "c": digest("2")}
    third = recorded(read(render(second)), Generation("0.3.0", {}, {"a": File("3"), "b": File("3")}), {"a", "b"})
    assert (third.source_of("a"), third.source_of("b"), third.version) == ("0.1.0", "0.2.0", "0.3.0")
    assert third.files == {"a": digest("1"), "b": digest("2")}
    settled = recorded(third, Generation("0.4.0", {}, {"a": File("4"), "b": File("4")}), set())
    assert settled.files == {"a": digest("4"), "b": digest("4")} and not settled.older


def test_pin_that_the_team_moved_comes_back_to_the_recorded_version() -> None:
    answers = Answers("fleet", "ml", "aws", "github", ())
    generated, moved = "bandplan==0.2.0\n", "bandplan==0.1.0\n"
    manifest = Manifest("0.2.0", answers, {"a": digest("1"), "requirements.txt": digest(generated)}, {})
    after = {"a": File("1"), "requirements.txt": File(generated)}
    (change,) = changes_between(manifest, {}, after, {"a": "1", "requirements.txt": moved})
    assert (change.path, change.is_written, change.before, change.after) == (
        "requirements.txt",
        True,
        moved,
        generated,
    )
    assert changes_between(manifest, {}, after, {"a": "1", "requirements.txt": generated}) == []
    assert changes_between(manifest, {}, after, {"a": "1"}) == [], "removed by the team"


def test_end_of_input_at_a_question_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed(question: str) -> str:
        raise EOFError

    monkeypatch.chdir(tmp_path)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", closed)
    assert main(["init"]) == 2
    assert "error: no answer, and nothing was written; --yes takes the defaults" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
