"""requirements.txt of a project: the version of bandplan that it pins, and its extras."""

import re
from dataclasses import dataclass
from pathlib import Path

NAME = "requirements.txt"
_PIN = re.compile(r"^bandplan(?:\[([\w, -]*)\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)
_NAMED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=<>!~;@ \\]|$)")
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
    """Return the requirements of the new version, and below them those of the team that no version generated."""
    known = {*_blocks(before), *_blocks(after)}
    own = [block for name, block in _blocks(here).items() if name not in known]
    return after if not own else after.rstrip("\n") + "\n# our own\n" + "\n".join(own) + "\n"


def _blocks(text: str) -> dict[str, str]:
    """Return each requirement with its hashes, by its name in lower case."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if named := _NAMED.match(line):
            name = named[1].lower().replace("_", "-")
            found[name] = line
        elif line.startswith((" ", "\t")) and line.strip() and not line.strip().startswith("#") and name:
            found[name] += f"\n{line}"
        else:
            name = ""
    return found
