"""The folders that README.md prints are those that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Folders\n", 1)[1].split("\n## ", 1)[0]
ROWS = [line for line in SECTION.splitlines() if line.startswith("| `")]
MADE_HERE = ".bandplan/"
NOT_ROOMS = {"MANIFEST.in", "Makefile", "Pulumi.yaml", "README.md", "CHANGELOG.md", "pyproject.toml"}
"""Files at the root that need no line: everybody knows what they are."""


def listed(folder: str) -> set[str]:
    """Names in a folder, without links, what starts with a dot and what is made here; folders with a slash at their end."""
    found = set()
    for path in (ROOT / folder).iterdir():
        is_made = path.name in ("__pycache__", "build", "dist") or path.name.endswith(".egg-info")
        if not is_made and not path.is_symlink() and not path.name.startswith("."):
            found.add(f"{path.name}/" if path.is_dir() else path.name)
    return found


def first_cells() -> set[str]:
    return {name for row in ROWS for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def row_of(folder: str) -> str:
    (row,) = [row for row in ROWS if f"`{folder}`" in row.split("|")[1]]
    return row.split("|")[2]


def test_every_folder_and_file_at_the_root_is_printed_and_no_other() -> None:
    there = listed(".") - NOT_ROOMS
    printed = {name for name in first_cells() if name.count("/") <= 1 and not re.match("bandplan/.", name)}

    assert printed - {MADE_HERE} == there


def test_every_room_of_the_package_is_printed_and_no_other() -> None:
    there = {f"bandplan/{name}" for name in listed("bandplan/") if name.endswith("/")}

    assert {name for name in first_cells() if re.match("bandplan/.", name)} == there


@pytest.mark.parametrize("room", ["bandplan/serving/", "bandplan/stub/"])
def test_every_part_of_a_room_is_printed_and_no_other(room: str) -> None:
    assert set(re.findall(r"`(\w+/)`", row_of(room))) == {name for name in listed(room) if name.endswith("/")}


def test_links_into_the_package_are_those_that_are_named() -> None:
    links = {path.name for path in (ROOT / "bandplan").iterdir() if path.is_symlink()}

    assert set(re.findall(r"`(\w+)`", row_of("bandplan/"))) == links
