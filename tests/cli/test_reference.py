from pathlib import Path

import pytest

from bandplan.cli.main import COMMANDS
from bandplan.cli.reference import FILE, main, reference


def test_page_of_the_commands_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run `make format`"


def test_page_describes_every_command_and_every_action() -> None:
    headings = [line.lstrip("# ") for line in reference().splitlines() if line.startswith("#")]
    assert {f"bandplan {name}" for name in COMMANDS} <= set(headings)
    assert {"bandplan stub start", "bandplan stub reset", "bandplan stack export"} <= set(headings)


def test_pages_that_are_out_of_date_are_reported_together_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cli.md").write_text("old")

    assert main("--check", tmp_path) == 1
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["docs/cli.md", "docs/rules.md"]
    assert main("--write", tmp_path) == 0
    assert main("--check", tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"cli.md", "rules.md"}
