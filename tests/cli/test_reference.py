import re
from pathlib import Path

import pytest

from bandplan.cli.main import COMMANDS
from bandplan.cli.reference import FILE, ROOT, TEMPLATES, main, reference
from bandplan.cli.workflow_templates import workflow_templates


def test_page_of_the_commands_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run `make format`"


def test_page_describes_every_command_and_every_action() -> None:
    headings = [line.lstrip("# ") for line in reference().splitlines() if line.startswith("#")]
    assert {f"bandplan {name}" for name in COMMANDS} <= set(headings)
    assert {"bandplan stub start", "bandplan stub reset", "bandplan stack export"} <= set(headings)


def test_every_row_of_the_page_has_the_cells_of_its_table() -> None:
    cells = 2
    for line in reference().splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == cells + 1, line
            assert "`None`" not in line and "| None |" not in line, line
            assert "%%" not in line, line


def test_pages_that_are_out_of_date_are_reported_together_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs, templates = tmp_path / "docs", tmp_path / "templates"
    docs.mkdir()
    (docs / "cli.md").write_text("old")

    assert main("--check", docs, templates) == 1
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == [
        "docs/cli.md",
        "docs/rules.md",
        *workflow_templates(ROOT),
    ]
    assert main("--write", docs, templates) == 0
    assert main("--check", docs, templates) == 0
    assert {path.name for path in docs.iterdir()} == {"cli.md", "rules.md"}


def test_workflows_of_a_team_call_nothing_of_this_repository() -> None:
    for name, text in workflow_templates(ROOT).items():
        assert not re.search(r"\bmake [a-z]+-|\.venv|docs/|\bprod\b", text), name
        assert "pip install --no-compile -r requirements.txt" in text
        assert ("<<stacks>>" in text) is (name != "github/check.yml.txt")
        assert (TEMPLATES / name).read_text() == text, "run `make format`"
