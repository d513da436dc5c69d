"""The path of a stack's models file, by one rule for every command and for the program itself. Pure."""

from collections.abc import Mapping

DEFAULT = "models.yaml"

VARIABLE = "BANDPLAN_MODELS"
"""Environment variable that names another file and takes precedence over any configuration."""

NAMESPACE, KEY = "bandplan", "models"
"""Key of a stack's configuration that names the file: `bandplan:models`."""


def models_file(configured: str | None, environ: Mapping[str, str]) -> str:
    """Name the stack's models file, relative to the project: by the environment, the configuration, or the default."""
    return environ.get(VARIABLE) or configured or DEFAULT
