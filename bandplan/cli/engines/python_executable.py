"""The Python that Pulumi starts: this one, except that bandplan answers which packages are installed.

Before each run Pulumi calls `python -m pip list --format json`. Its toolchain `uv` reads a `uv.lock` instead, but needs
uv on every machine (docs/decisions/0027).
"""

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from bandplan.cli.engines import listed_packages
from bandplan.cli.engines.plugin_executable import write_executable

VARIABLE: Final = "PULUMI_PYTHON_CMD"
"""The variable that names the Python, where Pulumi.yaml names no `virtualenv`. Source: toolchain/pip.go of 3.260."""

NAME: Final = "python"


def with_quick_python(environ: Mapping[str, str], folder: Path, python: str) -> dict[str, str]:
    """Return `environ` in which Pulumi starts `python` through a script in `folder`, unless the user names another one.

    Without a shell, or if the folder cannot be written, Pulumi finds Python by itself and asks pip.
    """
    if environ.get(VARIABLE) or os.name != "posix":
        return dict(environ)
    with suppress(OSError):
        return {**environ, VARIABLE: str(write_executable(folder / NAME, executable_text(python)))}
    return dict(environ)


def executable_text(python: str) -> str:
    """Return a shell script; only exactly these arguments are not Python's own."""
    quoted, script = shlex.quote(python), shlex.quote(str(Path(listed_packages.__file__).resolve()))
    return (
        "#!/bin/sh\n"
        "# Written by bandplan: the Python that Pulumi starts, which lists its packages without importing pip.\n"
        f'[ "$*" = "-m pip list --format json" ] && exec {quoted} -P {script}\n'
        f'exec {quoted} "$@"\n'
    )
