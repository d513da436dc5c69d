"""The choice of the `databricks` plugin for the local stack: this project's stand-in, or the published one."""

from collections.abc import Mapping

from bandplan.cli.errors import UsageProblem

VARIABLE = "BANDPLAN_DATABRICKS_PLUGIN"
STAND_IN, PUBLISHED = "stub", "published"


def is_published_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether to use the plugin that the `pulumi` CLI finds by itself, on PATH or among its own plugins.

    Errors: UsageProblem for an invalid value of the variable.
    """
    wanted = environ.get(VARIABLE) or STAND_IN
    if wanted not in (STAND_IN, PUBLISHED):
        raise UsageProblem(f"{VARIABLE}={wanted}: must be one of: {STAND_IN} (the default), {PUBLISHED}")
    return wanted == PUBLISHED


def require_stand_in(environ: Mapping[str, str]) -> None:
    """Raise UsageProblem if the published plugin is wanted, which only the `pulumi` CLI can run."""
    if is_published_wanted(environ):
        raise UsageProblem(
            f"{VARIABLE}={PUBLISHED}: the embedded engine runs only the stand-in; install the Pulumi CLI and "
            f"add --engine pulumi, or unset {VARIABLE}"
        )
