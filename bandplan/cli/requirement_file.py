"""requirements.txt of a project: the version of bandplan that it pins, and its extras."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "requirements.txt"
_PIN = re.compile(r"^bandplan(?:\[([\w, -]*)\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)
_NAMED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=<>!~;@ \\]|$)")
_HEADING = "# our own"
_HASH = re.compile(r"--hash=\S+")
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


@dataclass(frozen=True)
class KeptPin:
    """A package that the team has pinned otherwise than bandplan generated it, and what the new version has."""

    name: str
    here: str
    after: str


def with_own_requirements(here: str, before: str, after: str) -> tuple[str, list[KeptPin]]:
    """Return the requirements of the new version with the team's changes, and the pins that stay for that reason.

    Below them stays what the team has added and no version generated: packages, but also options such as `-r` and
    `--extra-index-url`, and URLs and paths, with the comments above them. A pin that the team moved forward gives way
    to a later one; any other pin of theirs stays, and pip says if it contradicts the new version. `before` is "" if
    it is not known; then every pin moves. The pin of bandplan itself always moves.
    """
    ours, old, new = _blocks(here), _blocks(before), _blocks(after)
    kept, replaced = [], {}
    for name, block in new.items():
        own = ours.get(name)
        if own is None or name == "bandplan":
            continue
        is_pinned_here = (
            name in old and own.spec not in (old[name].spec, block.spec) and not _is_overtaken(old[name], own, block)
        )
        if is_pinned_here and versions(own.text) != versions(block.text):
            kept.append(KeptPin(name, _version(own), _version(block)))
        if is_pinned_here or own.adds_hashes_to(block):
            replaced[name] = own.lines
    generated = {*before.splitlines(), *after.splitlines(), _HEADING}
    added = []
    for name, block in ours.items():
        if name not in old and name not in new:
            added += [*(line for line in block.comments if line not in generated), *block.lines]
    text = _with_blocks(after, replaced)
    return (text if not added else "\n".join([text.rstrip("\n"), _HEADING, *added]) + "\n"), kept


def _with_blocks(text: str, replaced: Mapping[str, list[str]]) -> str:
    """Return the text with the lines of these blocks in place of its own."""
    if not replaced:
        return text
    lines = []
    for name, block in _blocks(text).items():
        lines += [*block.comments, *replaced.get(name, block.lines)]
    return "\n".join(lines) + "\n"


def _version(block: "_Block") -> str:
    return next(iter(versions(block.text).values()), block.spec)


def _is_overtaken(old: "_Block", own: "_Block", new: "_Block") -> bool:
    """Whether the team moved a pin forward, and the new version has moved it further."""
    releases = [_release(_version(block)) for block in (old, own, new)]
    return all(releases) and releases[0] < releases[1] < releases[2]


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; () if it has more than numbers, and nobody may say which is later."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"[0-9]+(\.[0-9]+)*", version) else ()


@dataclass
class _Block:
    """A requirement or option with the lines that continue it, and the comments right above."""

    comments: list[str]
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def spec(self) -> str:
        """The requirement with its marker, without hashes."""
        return " ".join(_HASH.sub("", self.text).replace("\\", " ").split())

    def adds_hashes_to(self, other: "_Block") -> bool:
        """Whether this is the same requirement with further hashes, such as those of a mirror."""
        return self.spec == other.spec and {*_HASH.findall(self.text)} > {*_HASH.findall(other.text)} != set()


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
            block = found.setdefault(named[1].lower().replace("_", "-") if named else line.strip(), _Block([], []))
            block.comments += comments
            block.lines.append(line)  # a package has several where its version depends on a marker
            comments = []
    return found
