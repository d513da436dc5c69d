"""Everything against registering a source from this machine, found before anything is uploaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bandplan.serving.registration.checks.checkpoint import read_checkpoint
from bandplan.serving.registration.checks.installed import installed_findings
from bandplan.serving.registration.checks.logged_folder import read_logged_folder
from bandplan.serving.registration.sources.finding import SourceFinding, refuse_errors
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.spec.tasks import EMBEDDINGS


def findings(
    source: Source, task: str | None, metadata: Mapping[str, str] | None = None, mlflow_version: str | None = None
) -> tuple[SourceFinding, ...]:
    """Report everything found about a source on disk, errors and warnings, and about the packages installed to log it.

    A run or a registered model is checked once MLflow has fetched its MLmodel file.
    Errors: RegistrationError for a folder that cannot be read.
    """
    found: list[SourceFinding] = list(installed_findings(mlflow_version, logs=source.kind == "checkpoint"))
    if source.kind == "checkpoint":
        found += read_checkpoint(source, task).findings
        found += _metadata(source, task, metadata or {})
    elif source.kind == "mlflow_folder":
        found += read_logged_folder(source, task, (metadata or {}).get("model_type")).findings
    return tuple(found)


def described(source: Source, task: str | None) -> str:
    """Describe the model of a folder in one line; "" if its files do not reveal it, or lie elsewhere."""
    if source.kind == "checkpoint":
        return str(read_checkpoint(source, task))
    checkpoint = read_logged_folder(source, task).checkpoint if source.kind == "mlflow_folder" else None
    return str(checkpoint) if checkpoint is not None and checkpoint.architecture else ""


def report(found: Sequence[SourceFinding], progress: Callable[[str], None]) -> None:
    """Report the warnings. Errors: UnsuitableSource with all errors."""
    refuse_errors(found)
    for finding in found:
        progress(f"warning: {finding}")


def _metadata(source: Source, task: str | None, metadata: Mapping[str, str]) -> tuple[SourceFinding, ...]:
    """Check S23: a checkpoint of an embedding model is logged with its type."""
    if task != EMBEDDINGS or metadata.get("model_type"):
        return ()
    rule = (
        "S23: an embedding model is logged with metadata model_type "
        "(docs.databricks.com: Provisioned throughput Foundation Model APIs)"
    )
    step = "give it, as in `metadata: {model_type: gte-large}`, with the model's own type"
    return (SourceFinding(source.text, "metadata has no model_type", rule, step),)
