"""The versions that legacy workloads serve: what their MLmodel files in Unity Catalog say of their age."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from bandplan.serving.registration.checks.mlmodel import findings, parse_mlmodel
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.finding import Finding
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
from bandplan.serving.workspace.registry_survey import MOST_AT_ONCE


def legacy_version_problems(client: WorkspaceClient, fleet: Fleet, source: Source) -> list[Problem]:
    """S22 for every version that a legacy workload serves, as far as this token may read its MLmodel file.

    One request for each. Errors: any WorkspaceError that concerns the workspace as a whole.
    """
    served = list(_served(fleet))
    if not served:
        return []
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(served)), thread_name_prefix="mlmodel") as pool:
        of_age = list(pool.map(lambda one: _too_old(client, one[1].model, str(one[1].version)), served))
    return [
        rules.LEGACY_MLFLOW.problem(
            source, f"models/{entry.name}/{entity.path}version", f"{one.place}: {one.finding}", one.next_step
        )
        for (entry, entity), found in zip(served, of_age, strict=True)
        for one in found
    ]


def _served(fleet: Fleet) -> Iterator[tuple[Entry, Entity]]:
    for entry in fleet.models:
        for entity in entry.entities:
            if isinstance(entity.throughput, Workload) and entity.version and not is_preinstalled(entity.model):
                yield entry, entity


def _too_old(client: WorkspaceClient, model: str, version: str) -> tuple[Finding, ...]:
    """The finding on the age of a version; nothing if its MLmodel file is not there, or this token may not read it."""
    folder = "/".join(quote(part, safe="") for part in (*model.split("."), version))
    try:
        text = client.text(f"/api/2.0/fs/files/Models/{folder}/MLmodel")
        mlmodel = parse_mlmodel(text, f"{model} version {version}")
    except (Refused, RegistrationError):
        return ()
    return tuple(one for one in findings(mlmodel, route="legacy") if one.rule.startswith("S22"))
