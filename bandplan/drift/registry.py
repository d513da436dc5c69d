"""Compare the model versions and aliases registered by the stack with the registry. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bandplan.drift.finding import FieldFinding, Verdict
from bandplan.drift.recorded import RecordedAlias, RecordedStack, RecordedVersion
from bandplan.serving.workspace.registry_entries import SOURCE_DIGEST, RegisteredVersion


@dataclass(frozen=True)
class LiveRegistry:
    """The registry's answers: versions by (model, number), None for a deleted one; versions by (model, alias)."""

    versions: Mapping[tuple[str, str], RegisteredVersion | None]
    aliases: Mapping[tuple[str, str], str | None]


@dataclass(frozen=True)
class ModelReport:
    """One version (`ml.chat.tuned v3`) or alias (`ml.chat.tuned@champion`) of the stack that differs from what was
    deployed.
    """

    name: str
    findings: tuple[FieldFinding, ...]


def model_reports(recorded: RecordedStack, answers: LiveRegistry) -> tuple[ModelReport, ...]:
    """Return the versions and aliases that differ, versions first."""
    found = [
        ModelReport(
            f"{one.model} v{one.version}", tuple(_of_version(one, answers.versions.get((one.model, one.version))))
        )
        for one in recorded.versions
    ]
    found += [
        ModelReport(f"{one.model}@{one.alias}", tuple(_of_alias(one, answers.aliases.get((one.model, one.alias)))))
        for one in recorded.aliases
    ]
    return tuple(report for report in found if report.findings)


def _of_version(recorded: RecordedVersion, live: RegisteredVersion | None) -> Iterator[FieldFinding]:
    if live is None:
        yield FieldFinding(
            "version", Verdict.REAL, recorded.version, None, "it was deleted, or this token may not see it"
        )
        return
    state = recorded.state
    if not live.is_ready:
        yield FieldFinding("status", Verdict.REAL, state.get("status"), live.status)
    if state.get("description") and state["description"] != live.description:
        yield FieldFinding("description", Verdict.REAL, state["description"], live.description or None)
    for key, value in (state.get("tags") or {}).items():
        if live.tags.get(key) != value:
            yield FieldFinding(f"tags/{key}", Verdict.REAL, value, live.tags.get(key))
    if state.get("digest") and live.tags.get(SOURCE_DIGEST) != state["digest"]:
        yield FieldFinding("digest", Verdict.REAL, state["digest"], live.tags.get(SOURCE_DIGEST))


def _of_alias(recorded: RecordedAlias, live: str | None) -> Iterator[FieldFinding]:
    if live != recorded.version:
        yield FieldFinding("version", Verdict.REAL, recorded.version, live)
