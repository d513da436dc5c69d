"""A saved plan as a value and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bandplan.cli.saved_plan.steps import PlannedStep

FORMAT: Final = "bandplan plan"
VERSION: Final = 1


@dataclass(frozen=True)
class SavedPlan:
    """What was previewed, and what the preview depended on; every value is a fingerprint.

    `made_at` is RFC 3339 in UTC; `commit` is the hexadecimal id of the checked-out commit, "" if there is none; these
    and `engine` describe the plan's origin and are not compared. `models`: file -> SHA-256. `config`: key ->
    fingerprint. `state`: URN -> fingerprint. `live`: endpoint -> path -> fingerprint, for the endpoints that change.
    """

    project: str
    stack: str
    engine: str
    made_at: str
    commit: str
    models: Mapping[str, str]
    config: Mapping[str, str]
    state: Mapping[str, str]
    live: Mapping[str, Mapping[str, str]]
    steps: Mapping[str, PlannedStep] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """`made 2026-11-22T03:15:47Z of commit 0123456`."""
        return f"made {self.made_at[:19]}Z" + (f" of commit {self.commit[:10]}" if self.commit else "")


def to_json(plan: SavedPlan) -> dict[str, Any]:
    """Build the file's document."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "project": plan.project,
        "stack": plan.stack,
        "engine": plan.engine,
        "madeAt": plan.made_at,
        "commit": plan.commit,
        "models": dict(plan.models),
        "config": dict(plan.config),
        "state": dict(plan.state),
        "live": {name: dict(paths) for name, paths in plan.live.items()},
        "steps": [
            {"op": step.op, "urn": step.urn, "inputs": dict(step.inputs), "changes": dict(step.changes)}
            for step in plan.steps.values()
        ],
    }
