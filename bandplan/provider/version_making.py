"""Finds a version made from the same source, or makes one if there is none."""

from collections.abc import Callable
from pathlib import Path

from bandplan.provider.context import Context
from bandplan.provider.model_version_inputs import WantedVersion
from bandplan.serving.registration.request import Registered, RegistrationRequest
from bandplan.serving.workspace.registry import Registry
from bandplan.serving.workspace.registry_entries import RegisteredVersion

Progress = Callable[[str], None]
Make = Callable[[Context, WantedVersion, Progress], Registered]
"""Makes a version, or finds that someone else just has; it is then READY. Errors: RegistrationError."""

DIGESTS = Path(".bandplan") / "digests"
"""Where digests of files are cached, within the project."""


def digest_of(context: Context, wanted: WantedVersion, progress: Progress) -> str:
    """Return `sha256:<hex>` of what the version is made from. Errors: RegistrationError, those of the client."""
    from bandplan.serving.registration.sources.digest import digest
    from bandplan.serving.registration.sources.source import parse

    source = parse(wanted.source, context.root)
    return digest(
        source,
        context.client if source.alias is not None else None,
        context.root / DIGESTS,
        task=wanted.task,
        metadata=wanted.metadata,
        progress=progress,
    )


def adopted_version(context: Context, wanted: WantedVersion) -> RegisteredVersion | None:
    """Return the oldest READY version made from the same source; None if one must be made."""
    found = Registry(context.client).versions_from(wanted.name, wanted.digest)
    return next((version for version in found if version.is_ready), None)


def source_problems(context: Context, wanted: WantedVersion) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (errors, warnings) of a source to be logged or registered, one line each; nothing is sent."""
    from bandplan.serving.registration.checks.suitability import findings
    from bandplan.serving.registration.sources.source import parse

    source = parse(wanted.source, context.root)
    found = findings(source, wanted.task, wanted.metadata, wanted.mlflow_version)
    errors = tuple(str(finding) for finding in found if finding.severity == "error")
    return errors, tuple(str(finding) for finding in found if finding.severity == "warning")


def make_version(context: Context, wanted: WantedVersion, progress: Progress) -> Registered:
    """Make a version through MLflow unless someone else is making the same version right now."""
    from bandplan.serving.registration.register import register
    from bandplan.serving.registration.sources.source import parse

    request = RegistrationRequest(
        name=wanted.name,
        source=parse(wanted.source, context.root),
        digest=wanted.digest,
        task=wanted.task,
        metadata=wanted.metadata,
        description=wanted.description,
        tags=wanted.tags,
        mlflow_version=wanted.mlflow_version,
        host=context.client.host,
        token=context.client.bearer(),
        renew=context.client.renewed_bearer,
    )
    return register(request, progress=progress, stop=context.cancelled, client=context.client)
