"""The changes that observed use suggests, as a patch of models.yaml with the evidence as text in its body."""

import difflib
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from bandplan.cli.errors import UsageProblem
from bandplan.cli.judged_subject import Subject, subjects_of
from bandplan.cli.observed_demand import observed_demand
from bandplan.serving.editing.edits import CannotEdit
from bandplan.serving.editing.entry_fields import with_fields
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.problem import printable
from bandplan.serving.spec.throughput import StatedThroughput
from bandplan.usage.text import decided, lines_of
from bandplan.usage.verdict import Verdict

Fields = dict[tuple[str | int, ...], Any]

AUTHOR = "bandplan rightsize <rightsize@bandplan.invalid>"
"""Author of the patch; who commits it is its committer."""

ZERO = "0" * 40
"""The commit in the first line of a mail; there is none yet."""


def edited_text(text: str, models: Path, stack: str, entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> str:
    """Return the text of models.yaml with every suggested band. Errors: UsageProblem; nothing is written."""
    by_name = {subject.name: subject for subject in subjects_of(entries)}
    after = text
    for verdict in verdicts:
        if verdict.decision.band is None:
            continue
        subject = by_name[verdict.endpoint]
        try:
            after = with_fields(after, models.name, stack, subject.entry.name, fields_of(subject, verdict))
        except CannotEdit as error:
            band = verdict.shown(verdict.decision.band)
            step = f"write the band of {band} there by hand, and name the other entries"
            raise UsageProblem(f"{models}: {verdict.endpoint}: {error}; no patch was written: {step}") from error
    before = {problem.render() for problem in load_text(text, models.name, stack).problems}
    new = [
        problem.render()
        for problem in load_text(after, models.name, stack).problems
        if problem.severity == "error" and problem.render() not in before
    ]
    if new:
        raise UsageProblem("\n".join(["no patch was written, because models.yaml would say:", *new]))
    return after


def fields_of(subject: Subject, verdict: Verdict) -> Fields:
    """Return the fields to write: the bounds that change, and the demand once the band is all that use argues for.

    A demand that several entities share stays.
    """
    band, now, capacity = verdict.decision.band, verdict.now, verdict.capacity
    assert band is not None and now is not None and capacity is not None
    fields: Fields = {}
    entry, entity = subject.entry, subject.entity
    if isinstance(entity.throughput, StatedThroughput):
        throughput = entity.throughput
        bounds = _bounds(throughput, *(capacity.in_unit(throughput.unit, steps) for steps in (band.min, band.max, 1)))
        fields = {(*entity.keys, *path): value for path, value in bounds.items()}
    if verdict.decision.sized is not None and entry.demand is not None and not subject.is_one_of_several:
        found = observed_demand(entry.demand, verdict.decision.sized)
        fields |= {("demand", key): value for key, value in found.items() if value != getattr(entry.demand, key)}
    return fields


def _bounds(throughput: StatedThroughput, low: int, high: int, step: int) -> Fields:
    """Return the amounts that change; an `accept` stays at least a step less than what is wanted."""
    now, changed = throughput.amounts, throughput.changed(low, high)
    if now.get("accept", 0) >= high:
        changed["accept"] = max(step, high - step)
    return {("throughput", throughput.unit, *filter(None, [key])): to for key, to in changed.items() if to != now[key]}


def patch(models: Path, before: str, after: str, stack: str, verdicts: Sequence[Verdict], now: float) -> str:
    """Return a mail that `git am` and `git apply` take; "" if nothing changes."""
    difference = _difference(_path_in_repository(models), before, after)
    if not difference:
        return ""
    changed = [one for one in verdicts if one.decision.band is not None]
    names = ", ".join(one.endpoint for one in changed)
    what = names if len(names) <= 40 else f"{len(changed)} endpoints"
    body = [f"Observed use suggests other bands for the stack {stack}.", ""]
    for one in changed:
        body += [f"* {one.endpoint}: {one.shown(one.now)}, {decided(one)}", *lines_of(one, int(now // 60)), ""]
    kept = [one.endpoint for one in verdicts if one.decision.action == "hold"]
    if kept:
        body += [f"Unchanged: {', '.join(kept)}.", ""]
    # No line begins with a name: `Index:` or dashes would end the message.
    text = "\n".join(printable(line) for line in body)
    at = format_datetime(datetime.fromtimestamp(now, UTC))
    return (
        f"From {ZERO} Mon Sep 17 00:00:00 2001\nFrom: {AUTHOR}\nDate: {at}\n"
        f"Subject: [PATCH] Right-size {what} of {stack} from observed use\n\n{text}---\n{difference}"
    )


def _difference(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _path_in_repository(models: Path) -> str:
    """Return the file's path from the top of its Git repository; its own name outside of one."""
    try:
        done = subprocess.run(
            ["git", "-C", str(models.resolve().parent), "rev-parse", "--show-prefix"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return models.name
    return f"{done.stdout.strip()}{models.resolve().name}" if done.returncode == 0 else models.name
