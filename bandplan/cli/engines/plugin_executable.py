"""The stub provider as the executable that the `pulumi` CLI looks for on PATH before it uses the published plugin."""

import os
import shlex
from pathlib import Path

from bandplan.wire.machine_folder import make_private_folder

NAME = "pulumi-resource-databricks"


def write_plugin_executable(folder: Path, python: str, source_root: Path) -> Path:
    """Write `folder`/pulumi-resource-databricks, which runs `bandplan.stub.provider` of `source_root` with `python`."""
    path = folder / NAME
    text = executable_text(python, source_root)
    if path.is_file() and os.access(path, os.X_OK) and path.read_text(encoding="utf-8") == text:
        return path
    make_private_folder(folder)
    unfinished = folder / f".{NAME}.{os.getpid()}"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o700)
    os.replace(unfinished, path)
    return path


def executable_text(python: str, source_root: Path) -> str:
    """Return a shell script, so that a path with spaces or of any length works (a `#!` line supports neither)."""
    return (
        "#!/bin/sh\n"
        "# Written by bandplan, for runs of the local stack only; `bandplan` rewrites it if it is missing.\n"
        f"PYTHONPATH={shlex.quote(str(source_root))}${{PYTHONPATH:+:$PYTHONPATH}} "
        f'exec {shlex.quote(python)} -m bandplan.stub.provider "$@"\n'
    )
