import re
from pathlib import Path

import pytest

from bandplan.cli.main import main

ROOT = Path(__file__).parents[2]


def test_every_page_is_listed_with_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
    assert re.search(r"^upgrading +Upgrading$", "\n".join(lines), re.MULTILINE)


@pytest.mark.parametrize("page", ["policies", "policies.md", "docs/policies.md"])
def test_page_is_printed_as_it_is(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", page]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/policies.md").read_text()


def test_mistyped_page_is_refused_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "polices"]) == 2
    assert "polices: no such page; did you mean policies?" in capsys.readouterr().err


def test_messages_name_pages_by_the_command_that_prints_them() -> None:
    """Where bandplan is installed there is no folder docs/."""
    found = []
    for path in ROOT.glob("bandplan/**/*.py"):
        if path.name in ("reference.py", "workflow_templates.py"):
            continue
        text = re.sub(r'"""(.*?)"""', "", path.read_text(), flags=re.DOTALL)
        found += [f"{path}: {line.strip()}" for line in text.splitlines() if re.search(r"\bdocs/[a-z-]+\.md", line)]
        for page in re.findall(r"`bandplan docs ([a-z-]+)`", text):
            assert (ROOT / "docs" / f"{page}.md").is_file(), path
    assert found == []
