"""The destination of a run: the tracking server and the experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from bandplan.rest.address import is_loopback as is_loopback_host

EXPERIMENT_VARIABLES = ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID")
OWN = "bandplan"
ON_WORKSPACE = "databricks"
"""MLflow's own name for the workspace of DATABRICKS_HOST."""


def experiment_name(environ: Mapping[str, str], asked: str | None, user_name: Callable[[], str]) -> str | None:
    """Return the experiment to log in: the requested one, or None for the one of MLflow's own variables.

    Without either it is `bandplan` in the user's home folder on a workspace, where an experiment is a workspace path
    and no default one exists, and `bandplan` on any other tracking server.
    """
    if asked is not None:
        return asked
    if any(environ.get(name) for name in EXPERIMENT_VARIABLES):
        return None
    return f"/Users/{user_name()}/{OWN}" if is_on_workspace(environ) else OWN


def tracking_uri(given: str, *, is_loopback: bool) -> str:
    """Return the URI of the tracking server: MLFLOW_TRACKING_URI if set, otherwise the workspace.

    A deployment to a workspace on this machine (`is_loopback`) keeps its runs on this machine too: it ignores a
    tracking server elsewhere, or a profile of another workspace, from the environment.
    """
    if not given or (is_loopback and not _is_on_this_machine(given)):
        return ON_WORKSPACE
    return given


def _is_on_this_machine(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:  # such as half a bracket around a host
        return False
    return parts.scheme in ("", "file", "sqlite") or (
        parts.scheme in ("http", "https") and is_loopback_host(parts.hostname or "")
    )


def is_on_workspace(environ: Mapping[str, str]) -> bool:
    """Whether runs go to a Databricks workspace."""
    return environ.get("MLFLOW_TRACKING_URI", "").startswith(ON_WORKSPACE)
