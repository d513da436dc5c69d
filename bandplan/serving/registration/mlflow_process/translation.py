"""Translate errors of MLflow, the Databricks SDK and transformers into messages for users: what failed, why, what to
do.

By type and error code. MLflow's codes are those of its mlflow/protos/databricks.proto.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.mlflow_process.job import Job
from bandplan.serving.workspace.errors import WorkspaceError

_STEPS = {
    "PERMISSION_DENIED": "ask the owner of the schema for USE SCHEMA and CREATE MODEL, or the model's owner for MANAGE",
    "UNAUTHENTICATED": "set DATABRICKS_TOKEN to a valid token of this workspace, or log in again",
    "CUSTOMER_UNAUTHORIZED": "set DATABRICKS_TOKEN to a valid token of this workspace, or log in again",
    "RESOURCE_EXHAUSTED": "run again later",
    "REQUEST_LIMIT_EXCEEDED": "run again later",
    "TEMPORARILY_UNAVAILABLE": "run again",
    "INTERNAL_ERROR": "run again",
}


# MLflow collects the failures of a folder as a dictionary of path to exception. Only the wording depends on it.
_FAILED_FILE = re.compile(
    r"The following failures occurred while (?P<way>uploading|downloading) [^{]*+\{'(?P<path>[^']++)': "
    r"[\"']?\w++\(\\?[\"'](?P<reason>.*?)(?:\.? Config: |\\?[\"']\))",
    re.DOTALL,
)
_MOST_READ = 20_000
"""Number of characters of a message to examine; a choice."""

_SDK_CONFIGURATION = re.compile(r"\.? Config: host=.*")


def message(error: BaseException, job: Job) -> str:
    """Return the message, one line per finding, for an error that ended a job."""
    if isinstance(error, (RegistrationError, WorkspaceError)):
        return str(error)
    subject = job.name or job.shown
    code = _code(error)
    if code is not None:
        return "; ".join(part for part in (f"{subject}: {_with_cause(error)} ({code})", _step(code, job)) if part)
    if type(error).__name__ == "MlflowException":
        return f"{subject}: {_with_cause(error)}"
    if isinstance(error, ModuleNotFoundError):
        return f"{subject}: {error.name} is not installed, and MLflow needs it; install the locked dependencies again"
    if isinstance(error, OSError) and error.strerror:
        return f"{subject}: {error.filename or job.shown}: {error.strerror}"
    step = "install the locked dependencies again: MLflow is tested only with certain versions of transformers"
    return f"{subject}: {type(error).__name__}: {_first(error)} (with {_installed()}); {step}"


def _code(error: BaseException) -> str | None:
    """Return the platform's code of an error from MLflow or the Databricks SDK, without importing either."""
    code = getattr(error, "error_code", None)
    if code == "INTERNAL_ERROR" and type(error).__name__ == "MlflowException":
        # What MLflow writes if the message did not come from the server.
        return None
    return code if isinstance(code, str) and code else None


def _step(code: str, job: Job) -> str:
    if code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND") or code.endswith("_DOES_NOT_EXIST"):
        if job.name is not None and job.kind in ("checkpoint", "mlflow_folder"):
            return "create the catalog and schema first, or ask their owner to"
        return f"check that {job.shown} exists and that this token may see it"
    return _STEPS.get(code, "")


def _with_cause(error: BaseException) -> str:
    """Return the first line of the message, and that of its cause unless the message contains it."""
    first, cause = _first(error), error.__cause__
    return first if cause is None or _first(cause) in str(error) else f"{first} {_first(cause)}"


def _first(error: BaseException) -> str:
    """Return the message in one line, without the code that some put before it and the SDK's configuration after it."""
    text = str(error).strip()[:_MOST_READ]
    code = _code(error)
    if code is not None:
        text = text.removeprefix(f"{code}: ")
    failed = _FAILED_FILE.match(text)
    if failed is not None:
        return f"{failed['way']} {failed['path'].rpartition('/')[2]} failed: {failed['reason']}"
    line = _SDK_CONFIGURATION.sub("", text.splitlines()[0]) if text else ""
    return line or type(error).__name__


def _installed() -> str:
    return " and ".join(f"{name} {_version(name)}" for name in ("mlflow-skinny", "transformers"))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
