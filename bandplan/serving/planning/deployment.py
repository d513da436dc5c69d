"""The plan that a deployment follows: the stack's configuration, the environment, and the messages about both.

Environment:
- `DATABRICKS_HOST`, `DATABRICKS_TOKEN` or another login (`serving.workspace`): the workspace, unless the stack's file
  names it;
- `BANDPLAN_MODELS`: another models file, relative to the project root, instead of the configured one;
- `BANDPLAN_STANDING`: the folder that paths in messages are relative to;
- `BANDPLAN_OFFLINE=1`: contact no workspace and use recorded optimization info only;
- `BANDPLAN_MEASURED`: a file of measured use, relative to the project root, for `stop_if` of rollouts;
- `BANDPLAN_AT_ONCE`: comma-separated names of endpoints that move to the wanted version without steps;
- `BANDPLAN_ROLLOUTS_AS_OF`: the moment (ms since 1970) that decides about holds, for a reviewed plan;
- `BANDPLAN_REFUSAL`: a file to create if errors in the models file stop the deployment.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

from bandplan.serving.planning.checked import Checked
from bandplan.serving.planning.plan import Refused
from bandplan.serving.planning.record import record_of
from bandplan.serving.planning.request import PlanRequest, RolloutRequest
from bandplan.serving.spec.models_file import REFUSAL, models_file, shown_file
from bandplan.serving.spec.throughput import AutoThroughput
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.serving.workspace.client import WorkspaceClient, from_environment
from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.login_choice import login_environment
from bandplan.serving.workspace.stack_login import stack_login
from bandplan.wire.band_policies import band_policies_of


def deployment_request(
    root: Path,
    configured: str | None,
    stack: str,
    environ: Mapping[str, str],
    today: date,
    *,
    now_ms: int = 0,
    is_preview: bool = True,
) -> PlanRequest:
    """Build the request for a deployment's plan; `configured` is the models file in the stack's configuration."""
    offline = is_offline(environ)

    def workspace(checked: Checked) -> WorkspaceClient | None:
        try:
            client = from_environment(login_environment(environ, stack_login(root, stack), is_shared=True))
        except NotConfigured:
            if offline:
                return None
            raise
        if not offline:
            # The published provider silently retries for minutes if the workspace does not listen.
            client.require_answer()
        return client

    at_once = tuple(name.strip() for name in environ.get("BANDPLAN_AT_ONCE", "").split(",") if name.strip())
    models = root / models_file(configured, environ)
    return PlanRequest(
        root,
        models,
        stack,
        record_of(root),
        workspace,
        today,
        band_policies_of(root, stack),
        file=shown_file(models, environ),
        offline=offline,
        is_preview=is_preview,
        rollouts=RolloutRequest(rollouts_as_of(environ, now_ms), at_once, environ.get("BANDPLAN_MEASURED")),
    )


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the environment requests a run without a workspace."""
    return environ.get("BANDPLAN_OFFLINE") == "1"


def rollouts_as_of(environ: Mapping[str, str], now_ms: int) -> int:
    """Return the moment (ms since 1970) that decides whether a rollout may advance: now, or that of the reviewed plan.

    A hold that ends between a review and its deployment must not add a step that nobody has seen; a future moment
    counts as now, so that no plan hurries a rollout.
    """
    text = environ.get("BANDPLAN_ROLLOUTS_AS_OF", "")
    return min(int(text), now_ms) if text.isascii() and text.isdigit() and len(text) < 16 else now_ms


def followed_aliases(sizings: Iterable[EndpointSizing], *, offline: bool = False) -> tuple[str, ...]:
    """Report what each followed alias points to, one line each; `offline`: as far as it was recorded."""
    lines = []
    for sizing in sizings:
        for entity in sizing.entry.entities:
            place = f"models/{sizing.entry.name}: {entity.model}@{entity.alias}"
            if entity.alias is None or entity.register is not None:
                continue
            if entity.version is None:
                lines.append(
                    f"{place} is not recorded, so its version is unknown; `bandplan validate --record` records it"
                )
            else:
                aside = " as recorded; it may have moved since" if offline else ""
                lines.append(f"{place} is version {entity.version}{aside}")
    return tuple(lines)


def planned_amounts(sizings: Iterable[EndpointSizing]) -> tuple[str, ...]:
    """Report what the planner found for each `throughput: auto`, one line each, with what it is for."""
    lines = []
    for sizing in sizings:
        written = sizing.entry.entities
        for entity, sized in zip(written, sizing.entities[-len(written) :], strict=True):
            if isinstance(entity.throughput, AutoThroughput) and sized.planned is not None:
                place = f"models/{sizing.entry.name}/{entity.path}throughput"
                which = "" if len(written) == 1 else f"/{sized.served_name}"
                evidence = f"`bandplan size {sizing.entry.name}{which}` shows the evidence"
                lines.append(f"{place}: auto is {sized.planned.amount}, for {sized.planned.reason}; {evidence}")
    return tuple(lines)


def note_refusal(environ: Mapping[str, str]) -> None:
    """Note that errors in the models file stop this run, for the command that started it (`REFUSAL`)."""
    if environ.get(REFUSAL):
        with suppress(OSError):
            Path(environ[REFUSAL]).touch()


def refusal(refused: Refused) -> str:
    """Report every problem, one a line, errors first, below the reason that kept the rest from being checked."""
    errors_first = sorted(refused.checked.problems, key=lambda problem: problem.severity != "error")
    findings = [str(refused.error)] if refused.error is not None else []
    return "\n".join(["nothing was deployed:", *findings, *(problem.render() for problem in errors_first)])
