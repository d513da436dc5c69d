"""The templates: files with `<<name>>` where a value belongs; `.txt` keeps tools from reading them as code."""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "templates"
LOCKS: Final = Path(__file__).parent / "locks"

_PLACE: Final = re.compile(r"<<([a-z_]+)>>")


def filled(template: str, **values: str) -> str:
    """Return the template with its places filled. Errors: KeyError for a place without a value."""
    text = (FOLDER / f"{template}.txt").read_text(encoding="utf-8")
    return _PLACE.sub(lambda place: values[place[1]], text)


def names_in(folder: str) -> list[str]:
    """Return the names of the templates in a folder."""
    return sorted(path.name.removesuffix(".txt") for path in (FOLDER / folder).glob("*.txt"))


def lock(name: str) -> str:
    """Return the requirements of a lock, without its heading: each with version, marker and hashes."""
    lines = (LOCKS / f"{name}.lock.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#")) + "\n"
