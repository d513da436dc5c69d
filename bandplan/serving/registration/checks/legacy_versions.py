"""The versions that legacy workloads serve: whether they exist, and what their MLmodel files record about their age."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from bandplan.serving.registration.checks.mlmodel import findings, parse_mlmodel
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.families import is_preinstalled
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Refused
from bandplan.serving.workspace.registry import Registry
from bandplan.serving.workspace.registry_survey import MOST_AT_ONCE


def legacy_version_problems(client: WorkspaceClient, fleet: Fleet, source: Source) -> list[Problem]:
    """Check that every version served by a legacy workload exists, and S22 if this token may read its MLmodel file.

    One request for each, two where the file is not there. Errors: any WorkspaceError that concerns the workspace as a
    whole.
    """
    served = list(_served(fleet))
    if not served:
        return []
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(served)), thread_name_prefix="mlmodel") as pool:
        looked_at = list(pool.map(lambda one: _look(client, one[1].model, str(one[1].version)), served))
    problems = []
    for (entry, entity), found in zip(served, looked_at, strict=True):
        place = f"models/{entry.name}/{entity.path}version"
        if found is None:
            finding = f"{client.host} has no version {entity.version} of {entity.model}, or this token may not see it"
            step = "check the name and the version, or register it first"
            problems.append(rules.LEGACY_REGISTER.problem(source, place, finding, step))
        for one in found or ():
            finding = f"{one.place}: {one.finding}"
            problems.append(rules.LEGACY_MLFLOW.problem(source, place, finding, one.next_step))
    return problems


def _served(fleet: Fleet) -> Iterator[tuple[Entry, Entity]]:
    for entry in fleet.models:
        for entity in entry.entities:
            if isinstance(entity.throughput, Workload) and entity.version and not is_preinstalled(entity.model):
                yield entry, entity


def _look(client: WorkspaceClient, model: str, version: str) -> tuple[SourceFinding, ...] | None:
    """Return the findings on the age of a version, none if its MLmodel file cannot be read; None if there is no
    version.
    """
    folder = "/".join(quote(part, safe="") for part in (*model.split("."), version))
    try:
        text = client.text(f"/api/2.0/fs/files/Models/{folder}/MLmodel")
        mlmodel = parse_mlmodel(text, f"{model} version {version}")
    except (Refused, RegistrationError) as error:
        is_absent = isinstance(error, Refused) and error.status == 404
        return None if is_absent and not _is_there(client, model, version) else ()
    return tuple(one for one in findings(mlmodel, route="legacy") if one.rule.startswith("S22"))


def _is_there(client: WorkspaceClient, model: str, version: str) -> bool:
    """Whether the registry shows the version; one that it refuses to show counts as existing."""
    try:
        return Registry(client).version(model, version) is not None
    except Refused:
        return True
