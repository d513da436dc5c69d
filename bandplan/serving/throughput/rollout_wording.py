"""The description of a rollout's stage in one line."""

from __future__ import annotations

from bandplan.serving.throughput.rollout import RunningEntity, Stage, Target


def described(name: str, stage: Stage) -> str | None:
    """Return the line of a preview about an entry's rollout; None if there is nothing to report."""
    if stage.action in ("create", "done"):
        return None
    place = f"models/{name}/rollout: "
    at = f"step {stage.step} of {stage.steps}"
    version = _version(stage, stage.target)
    old = _version(stage, stage.leaving) if stage.leaving is not None else "what serves now"
    match stage.action:
        case "back":
            return f"{place}back to {version} immediately, from {stage.from_percent} to 100 percent; {old} is removed"
        case "step":
            rest = f"{old} goes" if stage.to_percent == 100 else f"{old} keeps the rest"
            again = f" (the last try failed: {stage.reason})" if stage.reason else ""
            return f"{place}{at}: {version} from {stage.from_percent} to {stage.to_percent} percent, {rest}{again}"
        case "stop":
            step = f"next: `bandplan rollback {name}`, or fix the cause"
            return f"{place}stopped at {at}, {version} keeps {stage.to_percent} percent: {stage.reason}; {step}"
        case _:
            return f"{place}stays at {at}, {version} keeps {stage.to_percent} percent: {stage.reason}"


def _version(stage: Stage, one: RunningEntity | Target) -> str:
    """Return `version 2`, with its model if the rollout is from one model to another."""
    is_one_model = stage.leaving is None or stage.leaving.model == stage.target.model
    return f"version {one.version}" if is_one_model else f"{one.model} version {one.version}"
