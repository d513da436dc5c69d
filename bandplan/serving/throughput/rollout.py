"""Decide the next step of a rollout from the running and wanted versions, the time and the measurements. Pure.

    what runs (shares of old / new)     what is planned
    nothing                             create: the wanted version gets all traffic
    new alone                           done: nothing to roll out
    old alone                           step 1
    old and new, last update running    wait: as it is
    old and new, stop_if exceeded       stop: as it is
    old and new, hold not over          hold: as it is
    old and new, stop_if not measured   unmeasured: as it is
    old and new                         the next step; at 100 percent the old one is removed
    wanted before another, in order     back: the wanted one gets all traffic immediately (models.yaml was reverted)

The order of the platform's routes is the order in which versions came: a new one is always the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bandplan.serving.spec.rollout import Rollout, StopIf

Action = Literal["create", "done", "step", "hold", "stop", "unmeasured", "wait", "back"]


@dataclass(frozen=True, slots=True)
class RunningEntity:
    """A served entity of a live endpoint, in the order of its routes; tokens/s, or model units.

    `burst` is None if the platform does not report it. `chunk_tokens_per_second`, which the endpoint does not report,
    is None for a version without known optimization info.
    """

    served_name: str
    model: str
    version: str
    traffic_percent: int
    min_provisioned_throughput: int | None = None
    max_provisioned_throughput: int | None = None
    model_units: int | None = None
    burst: bool | None = None
    is_legacy: bool = False
    chunk_tokens_per_second: int | None = None

    @property
    def bands(self) -> tuple[int, int] | None:
        """Minimum and maximum in whole chunks; None if the chunk is unknown, or does not divide the bounds."""
        low, high = self.min_provisioned_throughput, self.max_provisioned_throughput
        chunk = self.chunk_tokens_per_second
        if not chunk or low is None or high is None or low % chunk or high % chunk:
            return None
        return low // chunk, high // chunk


@dataclass(frozen=True, slots=True)
class Running:
    """What a live endpoint runs, or is being updated to. `changed_ms`: the time of the last request to change it.

    `failure` is the reason why the last update failed; "" if it did not.
    """

    entities: tuple[RunningEntity, ...] = ()
    changed_ms: int = 0
    is_updating: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of one served entity. None, or 0 requests: not measured. `origin` is where and how.

    `measured_ms` is when the measurement ended, None for just now.
    """

    requests: int = 0
    errors: int = 0
    ttft_seconds: float | None = None
    origin: str = ""
    measured_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The version that models.yaml declares."""

    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Share:
    """The traffic of one entity; `running` is None for the wanted version before it runs."""

    running: RunningEntity | None
    traffic_percent: int


@dataclass(frozen=True, slots=True)
class Stage:
    """The change of shares that one deployment makes, which add up to 100; `reason` is why it does no more.

    `step` counts from 1 and is 0 before the first; `from_percent` and `to_percent` are the wanted version's; `leaving`
    is the version that its traffic comes from, or None.
    """

    action: Action
    shares: tuple[Share, ...]
    target: Target
    step: int
    steps: int
    from_percent: int
    to_percent: int
    leaving: RunningEntity | None = None
    reason: str = ""


def is_target(share: Share, target: Target) -> bool:
    return share.running is None or serves(share.running, target)


def stage(
    running: Running | None,
    target: Target,
    rollout: Rollout,
    now_ms: int,
    measured: Measured | None = None,
    *,
    at_once: bool = False,
) -> Stage:
    """Return what the next deployment does. `at_once` is for a rollback in an incident: no steps, no hold, no
    questions.
    """
    if running is None or not running.entities:
        return _whole("create", None, None, target, rollout, 0)
    current = next((entity for entity in reversed(running.entities) if serves(entity, target)), None)
    others = [entity for entity in running.entities if not serves(entity, target)]
    percent = current.traffic_percent if current is not None else 0
    if not others:
        return _whole("done", current, None, target, rollout, percent)
    base = max(others, key=lambda entity: entity.traffic_percent)
    if at_once or (current is not None and running.entities[-1] is not current):
        return _whole("back", current, base, target, rollout, percent)
    if current is None:
        return _next(running, base, None, target, rollout, 0)
    if running.is_updating:
        return _as_it_is("wait", running, base, target, rollout, percent, "an update is under way")
    if percent >= 100:
        return _whole("step", current, base, target, rollout, percent)
    if measured is not None and (measured.measured_ms or now_ms) < running.changed_ms:
        measured = None  # of an earlier step
    if percent > 0 and (exceeded := _exceeded(rollout.stop_if, measured)):
        return _as_it_is("stop", running, base, target, rollout, percent, exceeded)
    due_ms = running.changed_ms + rollout.hold_minutes * 60_000
    if rollout.hold_minutes and now_ms < due_ms:
        reason = f"the next step is due at {_clock_time(due_ms)} (hold_minutes: {rollout.hold_minutes})"
        return _as_it_is("hold", running, base, target, rollout, percent, reason)
    if percent > 0 and (unknown := _unmeasured(rollout.stop_if, measured)):
        return _as_it_is("unmeasured", running, base, target, rollout, percent, unknown)
    return _next(running, base, current, target, rollout, percent)


def _next(
    running: Running,
    base: RunningEntity,
    current: RunningEntity | None,
    target: Target,
    rollout: Rollout,
    percent: int,
) -> Stage:
    reached = -1 if current is None else percent
    to_percent = next(step for step in rollout.steps if step > reached)
    if to_percent >= 100:
        return _whole("step", current, base, target, rollout, percent, running.failure)
    shares = (Share(base, 100 - to_percent), Share(current, to_percent))
    step = rollout.steps.index(to_percent) + 1
    return Stage("step", shares, target, step, len(rollout.steps), percent, to_percent, base, running.failure)


def _whole(
    action: Action,
    current: RunningEntity | None,
    leaving: RunningEntity | None,
    target: Target,
    rollout: Rollout,
    percent: int,
    reason: str = "",
) -> Stage:
    steps = len(rollout.steps)
    return Stage(action, (Share(current, 100),), target, steps, steps, percent, 100, leaving, reason)


def _as_it_is(
    action: Action,
    running: Running,
    leaving: RunningEntity,
    target: Target,
    rollout: Rollout,
    percent: int,
    reason: str,
) -> Stage:
    shares = tuple(Share(entity, entity.traffic_percent) for entity in running.entities)
    step = sum(1 for one in rollout.steps if one <= percent)
    return Stage(action, shares, target, step, len(rollout.steps), percent, percent, leaving, reason)


def _exceeded(stop_if: StopIf | None, measured: Measured | None) -> str:
    """Return which limit is exceeded, with the figures; "" if no measured one is."""
    if stop_if is None or measured is None:
        return ""
    found = []
    if (
        stop_if.error_rate is not None
        and measured.requests
        and measured.errors / measured.requests > stop_if.error_rate
    ):
        rate = measured.errors / measured.requests
        figures = f"{measured.errors:,} of {measured.requests:,} requests, {measured.origin}"
        found.append(f"error_rate {rate:.4g} is over {stop_if.error_rate:g} ({figures})")
    if stop_if.ttft_seconds is not None and (measured.ttft_seconds or 0) > stop_if.ttft_seconds:
        found.append(f"ttft_seconds {measured.ttft_seconds:g} is over {stop_if.ttft_seconds:g} ({measured.origin})")
    return "; ".join(found)


def _unmeasured(stop_if: StopIf | None, measured: Measured | None) -> str:
    """Return the limits of stop_if that nobody measured; "" if all are known."""
    if stop_if is None:
        return ""
    missing = []
    if stop_if.error_rate is not None and not (measured and measured.requests):
        missing.append("error_rate (no request to the new version was counted at this step)")
    if stop_if.ttft_seconds is not None and (measured is None or measured.ttft_seconds is None):
        missing.append("ttft_seconds (the platform exports none)")
    if not missing:
        return ""
    return f"not measured: {', '.join(missing)}; give BANDPLAN_MEASURED=FILE, or remove it from stop_if"


def serves(entity: RunningEntity, target: Target) -> bool:
    """Whether a running entity serves the wanted version."""
    return (entity.model, entity.version) == (target.model, target.version)


def _clock_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
