"""Files for results: refused before the work that they are for, if they could not be written after it."""

import os
from pathlib import Path

import pytest

from bandplan.cli.errors import UsageProblem
from bandplan.cli.main import main
from bandplan.cli.result_files import require_room_for


@pytest.mark.parametrize(
    "command", [["up", "--record"], ["up", "--plan", "plan.json", "--record"], ["preview", "--save-plan"]]
)
def test_file_without_a_folder_is_refused_before_anything_is_done(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: team\n")
    assert main([*command, "missing/file"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        "error: missing/file: cannot be written; name a file in a folder that exists\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.yaml"]


def test_pipe_is_no_file_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--record >(jq .)` names one: nobody may write in /dev/fd."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    require_room_for([tmp_path / "pipe", Path("/dev/null"), None])
    with pytest.raises(UsageProblem, match="no right to write in its folder"):
        require_room_for([tmp_path / "file"])
