"""Take over endpoints of a workspace: find them, draft their entries, add their resources to the state."""

import datetime
import difflib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bandplan.adoption.draft import CannotEdit, Draft, draft
from bandplan.adoption.entry import Proposal, Skipped, model_versions, proposed
from bandplan.adoption.state import Existing, NotTakenOver, Planned, taken_over
from bandplan.cli.engines.engine import Engine
from bandplan.cli.engines.state_edit import change_state, plan
from bandplan.cli.errors import CommandError
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import StackChoice
from bandplan.cli.stack_fleet import WrongModels
from bandplan.drift.recorded import RecordedStack
from bandplan.serving.planning.plan import Plan, Refused, plan_stack
from bandplan.serving.planning.record import read_only_record_of
from bandplan.serving.planning.request import PlanRequest
from bandplan.serving.spec.document import read
from bandplan.serving.spec.loading import read_text
from bandplan.serving.spec.problem import Problem
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoint_survey import listed, survey_endpoints
from bandplan.serving.workspace.optimization_info import fetch
from bandplan.serving.workspace.surveyed import Listed, Surveyed


@dataclass(frozen=True)
class Place:
    """Where a command works: the project, its models file and the text of it, the stack and its workspace."""

    project: Project
    stack: str
    models: Path
    text: str
    client: WorkspaceClient

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries in the file."""
        data = read(self.text, self.models.name).data
        entries = data.get("models") if isinstance(data, dict) else None
        return tuple(
            str(one["name"])
            for one in (entries if isinstance(entries, list) else ())
            if isinstance(one, dict) and isinstance(one.get("name"), str)
        )


@dataclass(frozen=True)
class Findings:
    """What can be taken over: `known` already have an entry, `draft` holds the new entries."""

    draft: Draft
    known: tuple[str, ...]
    surveyed: Mapping[str, Surveyed]
    skipped: tuple[Skipped, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.known, *(one.name for one in self.draft.added))


def open_place(choice: StackChoice, client: WorkspaceClient) -> Place:
    """Open the stack's models file; a missing file counts as empty. Errors: WrongModels if it cannot be read."""
    models = choice.models
    if not models.exists():
        return Place(choice.project, choice.name, models, "", client)
    text, unreadable = read_text(models)
    if unreadable is not None:
        raise WrongModels(unreadable.render())
    return Place(choice.project, choice.name, models, text, client)


def unmanaged(client: WorkspaceClient, state: RecordedStack) -> tuple[Listed, ...]:
    """List the endpoints of the workspace that are not in the stack."""
    known = {one.name for one in state.endpoints}
    return tuple(one for one in listed(client) if one.name not in known)


def find(place: Place, names: Iterable[str], caller: str) -> Findings:
    """Read the endpoints and draft their entries. Errors: CommandError, those of the client."""
    surveyed = survey_endpoints(place.client, names)
    in_file = set(place.names)
    fresh = [one for name, one in surveyed.items() if name not in in_file]
    known, unsettled = _known(surveyed, in_file)
    answers = optimization_info(place, model_versions(fresh))
    found = [proposed(one, answers, caller) for one in fresh]
    proposals = [one for one in found if isinstance(one, Proposal)]
    skipped = [one for one in found if isinstance(one, Skipped)]
    try:
        drafted = draft(place.text, place.models.name, place.stack, proposals, lambda text: problems(place, text))
    except CannotEdit as error:
        raise CommandError(f"{place.models.name}: {error}") from error
    return Findings(drafted, known, surveyed, (*unsettled, *skipped, *drafted.skipped))


def problems(place: Place, text: str) -> Sequence[Problem]:
    """Find every problem of a text, using the platform's answers about its models."""
    return planned(place, text).checked.problems


def planned(place: Place, text: str) -> Plan | Refused:
    """Plan a text with the capacity that the workspace offers; models that it registers are not checked.

    Errors: those of the client.
    """
    plan = plan_stack(
        PlanRequest(
            place.project.root,
            place.models,
            place.stack,
            read_only_record_of(place.project.root),
            lambda checked: place.client,
            text=text,
            judges_registry=False,
        )
    )
    if isinstance(plan, Refused) and plan.error is not None:
        raise plan.error
    return plan


def diff(place: Place, text: str) -> str:
    """Return the unified diff between the old and the new text; "" if they are equal."""
    before, after = place.text.splitlines(keepends=True), text.splitlines(keepends=True)
    name = place.models.name
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write(place: Place, text: str) -> None:
    """Replace the models file atomically, keeping its permissions. Errors: CommandError."""
    try:
        handle, name = tempfile.mkstemp(dir=place.models.parent, prefix=f".{place.models.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.chmod(name, place.models.stat().st_mode if place.models.exists() else 0o644)
            os.replace(name, place.models)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{place.models}: cannot be written: {error.strerror}") from error


def take_over(
    engine_with: Callable[[Path], Engine], place: Place, findings: Findings, *, is_new: bool
) -> tuple[str, ...]:
    """Write the text if `is_new`, add the endpoints to the state, and return what a preview shows afterwards.

    `engine_with` returns an engine that reads the given models file. The file is written before the state: the next
    `up` would delete an endpoint that is in the state but in no file. Errors: CommandError.
    """
    document = _plan_of(engine_with, place)
    planned = Planned(document.get("steps") or (), document.get("config") or {})
    existing = [_existing(findings.surveyed[name]) for name in findings.names]
    summaries = _summaries(place, {one.name: one for one in existing})
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def change(deployment: dict[str, Any]) -> dict[str, Any]:
        return taken_over(deployment, planned, existing, summaries, now, lambda: str(uuid.uuid4()))

    try:
        change({})
    except NotTakenOver as error:
        raise CommandError(f"nothing was taken over: {error}") from error
    if is_new:
        write(place, place.text)
    engine = engine_with(place.models)
    try:
        change_state(engine, change)
    except (CommandError, NotTakenOver) as error:
        step = f"{place.models.name} has the entries; run `bandplan adopt` with the same names again"
        raise CommandError(f"the state was not changed: {error}; {step}") from error
    after = plan(engine)
    return tuple(
        f"{step['op']} {str(step['urn']).split('::', 3)[-1]}"
        for step in after.get("steps") or ()
        if step.get("op") != "same"
    )


def _plan_of(engine_with: Callable[[Path], Engine], place: Place) -> dict[str, Any]:
    """Preview the place's text, which is not yet in the user's file."""
    folder = place.project.make_private(place.project.own_folder)
    handle, name = tempfile.mkstemp(dir=folder, prefix="adopt-", suffix=".yaml")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(place.text)
        return plan(engine_with(Path(name)))
    finally:
        Path(name).unlink(missing_ok=True)


def sizings(place: Place, text: str) -> tuple[EndpointSizing, ...]:
    """Return the sizing of every entry; empty for a text with errors."""
    plan = planned(place, text)
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
    place: Place, versions: Iterable[ModelVersion]
) -> dict[ModelVersion, OptimizationInfo | Unavailable]:
    return fetch(place.client, versions, read_only_record_of(place.project.root))


def _existing(one: Surveyed) -> Existing:
    if one.live is None:
        raise CommandError(f"{one.name}: there is no such endpoint")
    version = one.live.config.version if one.live.config is not None else None
    return Existing(one.name, one.live.id, version or 0, one.live.endpoint_url)


def _summaries(place: Place, existing: Mapping[str, Existing]) -> dict[str, Any]:
    """Return the stack's output for every endpoint, by name."""
    from bandplan.components.fleet import endpoint_summary, invocations_url

    found = {}
    for sizing in sizings(place, place.text):
        name = sizing.entry.name
        given = existing[name].url if name in existing and sizing.entry.route_optimized else None
        found[name] = endpoint_summary(sizing, given or invocations_url(place.client.host, sizing))
    return found


def with_text(place: Place, text: str) -> Place:
    return replace(place, text=text)
