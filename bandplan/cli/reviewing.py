"""Save a preview as a plan for review, and refuse a reviewed plan if anything has changed since."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bandplan.cli.errors import CommandError
from bandplan.cli.saved_plan.circumstances import (
    endpoint_names,
    file_fingerprint,
    live_fingerprints,
    state_fingerprints,
)
from bandplan.cli.saved_plan.comparison import differences
from bandplan.cli.saved_plan.fingerprint import fingerprints
from bandplan.cli.saved_plan.plan import SavedPlan
from bandplan.cli.saved_plan.steps import planned_steps
from bandplan.cli.stack_choice import choose_stack
from bandplan.cli.stack_engine import StackEngine


def now() -> str:
    """Return the time as RFC 3339 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_of(made_at: str) -> dict[str, str]:
    """Return the variables that make a run judge the holds of rollouts as of that preview (see `serving.planning`)."""
    return {"BANDPLAN_ROLLOUTS_AS_OF": str(round(datetime.fromisoformat(made_at).timestamp() * 1000))}


def plan_of(opened: StackEngine, document: Mapping[str, Any], made_at: str) -> SavedPlan:
    """Build the plan for a preview that was just made. Errors: CommandError."""
    from bandplan.serving.workspace.errors import WorkspaceError

    config = dict(document.get("config") or {})
    models = choose_stack(opened.project, opened.stack, os.environ).models_name
    try:
        live = live_fingerprints(opened.client(), endpoint_names(document))
    except WorkspaceError as error:
        raise CommandError(f"no plan could be made: {error}") from error
    return SavedPlan(
        project=opened.project.name,
        stack=opened.stack,
        engine=opened.engine.name,
        made_at=made_at,
        commit=commit_of(opened.project.root),
        models={models: file_fingerprint(opened.project.root / models)},
        config=fingerprints(config),
        state=state_fingerprints(opened.engine.state()),
        live=live,
        steps=planned_steps(document),
    )


def commit_of(root: Path) -> str:
    """Return the hexadecimal id of the checked-out commit; "" outside a Git repository."""
    command = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def require_agreement(reviewed: SavedPlan, path: Path, opened: StackEngine, document: Mapping[str, Any]) -> None:
    """Raise CommandError with every difference unless `document`, a preview made now, matches what was reviewed."""
    found = differences(reviewed, plan_of(opened, document, now()))
    if not found:
        print(f"the plan {reviewed.origin} still matches what was reviewed", flush=True)
        return
    stack = shlex.quote(opened.stack)
    raise CommandError(
        f"{path}: the plan was not applied. It was {reviewed.origin}; what would be done now differs "
        "from what was reviewed:\n"
        + "".join(f"  {difference}\n" for difference in found)
        + f"Nothing was changed. Preview again (`bandplan preview --stack {stack} --save-plan {path}`), get that "
        "reviewed, and apply it"
    )
