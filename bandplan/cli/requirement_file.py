"""requirements.txt of a project: the version of bandplan that it pins, and its extras."""

import re
from dataclasses import dataclass
from pathlib import Path

NAME = "requirements.txt"
_PIN = re.compile(r"^bandplan(?:\[([\w, -]*)\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)
_NAMED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=<>!~;@ \\]|$)")
_HEADING = "# our own"
_VERSION = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """The requirement of bandplan; `is_hashed`: the file has hashes, which pip then checks for every package."""

    version: str
    extras: tuple[str, ...]
    is_hashed: bool


def read_pin(root: Path) -> Pin | None:
    """Return the pin in the project's requirements.txt; None without such a file or such a line."""
    try:
        text = (root / NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = _PIN.search(text)
    if found is None:
        return None
    extras = tuple(one.strip() for one in (found[1] or "").split(",") if one.strip())
    return Pin(found[2], extras, "--hash=" in text)


def versions(text: str) -> dict[str, str]:
    """Return the pinned version of each package in the text of a requirements.txt."""
    return {name.lower(): version for name, version in _VERSION.findall(text)}


def with_own_requirements(here: str, before: str, after: str) -> str:
    """Return the requirements of the new version, and below them what the team has added that no version generated.

    That is packages, but also options such as `-r` and `--extra-index-url`, and URLs and paths, with comments above.
    """
    known = {*_blocks(before), *_blocks(after)}
    generated = {*before.splitlines(), *after.splitlines(), _HEADING}
    own = []
    for name, block in _blocks(here).items():
        if name not in known:
            own += [*(line for line in block.comments if line not in generated), *block.lines]
    return after if not own else "\n".join([after.rstrip("\n"), _HEADING, *own]) + "\n"


@dataclass
class _Block:
    """A requirement or option with the lines that continue it, and the comments right above."""

    comments: list[str]
    lines: list[str]


def _blocks(text: str) -> dict[str, _Block]:
    """Return each block: that of a package by its name in lower case, any other one by its first line."""
    found: dict[str, _Block] = {}
    comments: list[str] = []
    block: _Block | None = None
    for line in text.splitlines():
        if not line.strip():
            comments, block = [], None
        elif line.lstrip().startswith("#"):
            if not line.startswith((" ", "\t")):
                comments, block = [*comments, line], None
        elif line.startswith((" ", "\t")) and block is not None:
            block.lines.append(line)
        else:
            named = _NAMED.match(line)
            block = _Block(comments, [line])
            found[named[1].lower().replace("_", "-") if named else line.strip()] = block
            comments = []
    return found
