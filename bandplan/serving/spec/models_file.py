"""The path of a stack's models file, by one rule for every command and for the program itself. Pure."""

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT = "models.yaml"

VARIABLE = "BANDPLAN_MODELS"
"""Environment variable that names another file and takes precedence over any configuration."""

STANDING = "BANDPLAN_STANDING"
"""Environment variable that names the folder where the user gave the command, set by the command line."""

REFUSAL = "BANDPLAN_REFUSAL"
"""Environment variable that names a file for the program to create if errors in the models file stop the deployment."""

NAMESPACE, KEY = "bandplan", "models"
"""Key of a stack's configuration that names the file: `bandplan:models`."""


def models_file(configured: str | None, environ: Mapping[str, str]) -> str:
    """Name the stack's models file, relative to the project: by the environment, the configuration, or the default."""
    return environ.get(VARIABLE) or configured or DEFAULT


def shown_file(path: Path, environ: Mapping[str, str]) -> str:
    """Return the path as messages name it: relative to where the user stands, so that an editor opens it from there.

    A file that is nearer from the root has its absolute path; without a known folder it is the name alone.
    """
    standing = environ.get(STANDING)
    if not standing:
        return path.name
    whole = os.path.abspath(path)
    return min(os.path.relpath(whole, standing), whole, key=len)
