"""Print the installed packages as `pip list --format json` does, without the second that importing pip takes.

Pulumi asks before each run; `python_executable` starts this file in place of pip. Standard library only.
"""

import json
import re
import sys
from importlib.metadata import distributions


def listed() -> list[dict[str, str]]:
    """Return name and version of each package, as pip does the first of a name on `sys.path`, in pip's order."""
    found: dict[str, dict[str, str]] = {}
    for one in distributions():
        # A folder that a failed uninstall has left has no name.
        name: str | None = one.metadata["Name"]
        if name:
            found.setdefault(re.sub("[-_.]+", "-", name).lower(), {"name": name, "version": one.version})
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    json.dump(listed(), sys.stdout)
