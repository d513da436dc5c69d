"""Take over endpoints of a workspace: find them, draft their entries, add their resources to the state."""

import datetime
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandplan.adoption.draft import CannotEdit, Draft, draft
from bandplan.adoption.entry import Proposal, Skipped, model_versions, proposed
from bandplan.adoption.state import Existing, NotTakenOver, Planned, taken_over
from bandplan.cli.engines.engine import Engine
from bandplan.cli.engines.state_edit import change_state, plan
from bandplan.cli.errors import CommandError
from bandplan.cli.models_text import ModelsText, planned, problems, write
from bandplan.drift.recorded import RecordedStack
from bandplan.serving.planning.plan import Plan
from bandplan.serving.planning.record import read_only_record_of
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoint_survey import listed, survey_endpoints
from bandplan.serving.workspace.optimization_info import fetch
from bandplan.serving.workspace.surveyed import Listed, Surveyed


@dataclass(frozen=True)
class Adoptable:
    """What can be taken over: `known` already have an entry, `draft` holds the new entries."""

    draft: Draft
    known: tuple[str, ...]
    surveyed: Mapping[str, Surveyed]
    skipped: tuple[Skipped, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.known, *(one.name for one in self.draft.added))


def unmanaged(client: WorkspaceClient, state: RecordedStack) -> tuple[Listed, ...]:
    """List the endpoints of the workspace that are not in the stack."""
    known = {one.name for one in state.endpoints}
    return tuple(one for one in listed(client) if one.name not in known)


def find(models: ModelsText, names: Iterable[str], caller: str) -> Adoptable:
    """Read the endpoints and draft their entries. Errors: CommandError, those of the client."""
    surveyed = survey_endpoints(models.client, names)
    in_file = set(models.names)
    fresh = [one for name, one in surveyed.items() if name not in in_file]
    known, unsettled = _known(surveyed, in_file)
    answers = optimization_info(models, model_versions(fresh))
    found = [proposed(one, answers, caller) for one in fresh]
    proposals = [one for one in found if isinstance(one, Proposal)]
    skipped = [one for one in found if isinstance(one, Skipped)]
    try:
        drafted = draft(models.text, models.path.name, models.stack, proposals, lambda text: problems(models, text))
    except CannotEdit as error:
        raise CommandError(f"{models.path.name}: {error}") from error
    return Adoptable(drafted, known, surveyed, (*unsettled, *skipped, *drafted.skipped))


def take_over(
    engine_with: Callable[[Path], Engine], models: ModelsText, findings: Adoptable, *, is_new: bool
) -> tuple[str, ...]:
    """Write the text if `is_new`, add the endpoints to the state, and return what a preview shows afterwards.

    `engine_with` returns an engine that reads the given models file. The file is written before the state: the next
    `up` would delete an endpoint that is in the state but in no file. Errors: CommandError.
    """
    document = _plan_of(engine_with, models)
    planned = Planned(document.get("steps") or (), document.get("config") or {})
    existing = [_existing(findings.surveyed[name]) for name in findings.names]
    summaries = _summaries(models, {one.name: one for one in existing})
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def change(deployment: dict[str, Any]) -> dict[str, Any]:
        return taken_over(deployment, planned, existing, summaries, now, lambda: str(uuid.uuid4()))

    try:
        change({})
    except NotTakenOver as error:
        raise CommandError(f"nothing was taken over: {error}") from error
    if is_new:
        write(models, models.text)
    engine = engine_with(models.path)
    try:
        change_state(engine, change)
    except (CommandError, NotTakenOver) as error:
        step = f"{models.path.name} has the entries; run `bandplan adopt` with the same names again"
        raise CommandError(f"the state was not changed: {error}; {step}") from error
    after = plan(engine)
    return tuple(
        f"{step['op']} {str(step['urn']).split('::', 3)[-1]}"
        for step in after.get("steps") or ()
        if step.get("op") != "same"
    )


def _plan_of(engine_with: Callable[[Path], Engine], models: ModelsText) -> dict[str, Any]:
    """Preview the text, which is not yet in the user's file."""
    folder = models.project.make_private(models.project.own_folder)
    handle, name = tempfile.mkstemp(dir=folder, prefix="adopt-", suffix=".yaml")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(models.text)
        return plan(engine_with(Path(name)))
    finally:
        Path(name).unlink(missing_ok=True)


def sizings(models: ModelsText, text: str) -> tuple[EndpointSizing, ...]:
    """Return the sizing of every entry; empty for a text with errors."""
    plan = planned(models, text)
    return plan.sizings if isinstance(plan, Plan) else ()


def _known(surveyed: Mapping[str, Surveyed], in_file: set[str]) -> tuple[tuple[str, ...], list[Skipped]]:
    """Split the endpoints that have an entry: only an existing endpoint can be added to the state."""
    known, skipped = [], []
    for name, one in surveyed.items():
        if name not in in_file:
            continue
        if one.live is None:
            skipped.append(Skipped(name, one.refusal or "there is no such endpoint; `up` creates it"))
        else:
            known.append(name)
    return tuple(known), skipped


def optimization_info(
    models: ModelsText, versions: Iterable[ModelVersion]
) -> dict[ModelVersion, OptimizationInfo | Unavailable]:
    return fetch(models.client, versions, read_only_record_of(models.project.root))


def _existing(one: Surveyed) -> Existing:
    if one.live is None:
        raise CommandError(f"{one.name}: there is no such endpoint")
    version = one.live.config.version if one.live.config is not None else None
    return Existing(one.name, one.live.id, version or 0, one.live.endpoint_url)


def _summaries(models: ModelsText, existing: Mapping[str, Existing]) -> dict[str, Any]:
    """Return the stack's output for every endpoint, by name."""
    from bandplan.components.fleet import endpoint_summary, invocations_url

    found = {}
    for sizing in sizings(models, models.text):
        name = sizing.entry.name
        given = existing[name].url if name in existing and sizing.entry.route_optimized else None
        found[name] = endpoint_summary(sizing, given or invocations_url(models.client.host, sizing))
    return found
