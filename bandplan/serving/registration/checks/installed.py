"""The packages that log a model on this machine: MLflow and transformers, by recorded version, importing neither.

They are bandplan's extra `register`, which a fleet without `register:` does not install.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from bandplan.serving.registration.checks.release import LEAST_MLFLOW, release, written
from bandplan.serving.registration.sources.finding import SourceFinding

_MLFLOW = ("mlflow", "mlflow-skinny")
_REGISTERING = ("pandas",)
_LOGGING = ("transformers", *_REGISTERING)
EXTRA = "bandplan[register]"
_STEP = f"install the extra: `pip install '{EXTRA}'`, and `bandplan upgrade --register --write` for requirements.txt"


def installed(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def installed_findings(
    mlflow_version: str | None, *, logs: bool, look_up: Callable[[str], str | None] = installed
) -> tuple[SourceFinding, ...]:
    """Report what prevents registering from this machine: S22 for the installed MLflow, and missing packages.

    `mlflow_version` is the requested one, if any; `logs` is true if a checkpoint is logged, false for an already logged
    model.
    """
    found = next((there for name in _MLFLOW if (there := look_up(name)) is not None), None)
    if found is None:
        # One finding: the extra also brings the packages below.
        return (SourceFinding(EXTRA, "not installed", "versions are registered through MLflow", _STEP),)
    missing = [name for name in (_LOGGING if logs else _REGISTERING) if look_up(name) is None]
    return (*_mlflow(found, mlflow_version, logs=logs), *_missing(missing))


def _mlflow(found: str, asked: str | None, *, logs: bool) -> Iterator[SourceFinding]:
    if not logs:
        return
    least = LEAST_MLFLOW["provisioned_throughput"]
    rule = (
        f"S22: provisioned throughput takes models logged with MLflow {written(least)} or newer "
        "(docs.databricks.com: Provisioned throughput Foundation Model APIs)"
    )
    # One piece of advice per cause: what to install depends on the requested version, unless that is too old.
    if asked is not None and (release(asked) or least) < least:
        step = "leave mlflow_version out: the installed MLflow logs the model"
        yield SourceFinding("mlflow_version", f"{asked} was requested", rule, step)
        asked = None
    if asked is None and (release(found) or (0, 0)) < least:
        yield SourceFinding("MLflow", f"version {found} is installed", rule, _STEP)
    if asked is not None and found.split(".")[: asked.count(".") + 1] != asked.split("."):
        yield SourceFinding(
            "mlflow_version",
            f"{asked} was requested, but {found} is installed",
            "the installed MLflow logs the model",
            f"install mlflow-skinny=={asked}, or leave mlflow_version out",
        )


def _missing(names: list[str]) -> Iterator[SourceFinding]:
    for name in names:
        yield SourceFinding(name, "not installed", "MLflow logs and registers models of transformers with it", _STEP)
