"""Totals of one stack before and after a preview: the changing rows, and the endpoints that stay.

An endpoint counts on both sides or on neither, so that the difference of the totals equals the sum of the rows. If one
of its sizes is not known yet, the known one counts on both sides (`unmoved`); if neither is, it is in no sum
(`uncounted`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Side
from bandplan.report.preview import Preview
from bandplan.report.standing import Standing
from bandplan.report.totals import capacity_totals
from bandplan.wire.capacity import Totals
from bandplan.wire.fleet import Sums, read_sums
from bandplan.wire.types import FLEET


@dataclass(frozen=True, slots=True)
class StackSums:
    """A stack's totals. `before` is None if the preview does not state it; `endpoints` counts those of either side.

    `is_outdated`: it is None because the last deployment may not have finished, and the preview lists no endpoint that
    stays.
    """

    before: Totals | None
    change: Totals
    endpoints: int | None
    unmoved: int
    uncounted: int
    is_outdated: bool = False


def stack_sums(
    preview: Preview, changes: Iterable[EndpointChange], standing: Standing, *, is_partial: bool
) -> StackSums:
    """Add up the stack."""
    rows = tuple(changes)
    moving = {row.name for row in rows}
    rest = {name: one for name, one in standing.rows.items() if name not in moving} if standing.is_known else None
    counted = [_counted(row) for row in rows]
    change = sum((after - before for before, after in filter(None, counted)), Totals())
    deleted = sum(row.rollout.kind == "deleted" for row in rows)
    declared = declared_sums(preview)
    waiting = _still_unsized(rest, declared, moving)
    uncounted = counted.count(None) + waiting
    unmoved = sum(
        pair is not None and row.is_whole and not _is_sized(row) for row, pair in zip(rows, counted, strict=True)
    )
    if is_partial:
        return StackSums(None, change, None, unmoved, uncounted)
    if declared is not None:
        after = None if declared.totals is None else declared.totals + _left_out(rows, counted, rest, declared)
        count = declared.endpoints
    elif rest is None:
        after, count = None, None
    else:
        after = sum(map(capacity_totals, rest.values()), sum((pair[1] for pair in counted if pair), Totals()))
        count = len(rest) + len(rows) - deleted
    before = None if after is None else after - change
    if before is not None and min(before.parts) < 0:
        before = None
    is_outdated = before is None and standing.is_contradicted
    return StackSums(before, change, None if count is None else count + deleted, unmoved, uncounted, is_outdated)


def declared_sums(preview: Preview) -> Sums | None:
    """Read the sums from the Fleet's step; None without such a step."""
    for step in preview.steps.values():
        if step.parts.type != FLEET:
            continue
        if step.op == "delete":
            return Sums(Totals(), 0, frozenset())
        if step.new is None:
            return Sums(None, None, frozenset())
        return read_sums(step.new.inputs, preview.reading, f"{step.place}.newState.inputs")
    return None


def _counted(row: EndpointChange) -> tuple[Totals, Totals] | None:
    """Return (before, after) of a row as counted in the sums; None if no size of it is known."""
    stated = [side for side in (row.before, row.after) if side is not None]
    known = [side for side in stated if side.is_sized]
    if stated and not known:
        return None
    if row.is_whole and len(known) == 1:
        return (capacity_totals(known[0]),) * 2
    return capacity_totals(row.before), capacity_totals(row.after)


def _is_sized(row: EndpointChange) -> bool:
    return all(side is None or side.is_sized for side in (row.before, row.after))


def _still_unsized(rest: Mapping[str, Side] | None, declared: Sums | None, moving: set[str]) -> int:
    """Count the unchanged endpoints of unknown size."""
    known = {} if rest is None else rest
    names = {name for name, capacity in known.items() if not capacity.is_sized}
    if declared is not None and declared.totals is not None:
        names = {name for name in declared.unsized - moving if name not in known or not known[name].is_sized}
    return len(names)


def _left_out(
    rows: Iterable[EndpointChange],
    counted: Iterable[tuple[Totals, Totals] | None],
    rest: Mapping[str, Side] | None,
    declared: Sums,
) -> Totals:
    """Return what the Fleet's sums lack: endpoints whose size only a row or the stack's outputs state."""
    found = Totals()
    for row, pair in zip(rows, counted, strict=True):
        if row.name in declared.unsized and pair is not None:
            found += pair[1]
    for name in declared.unsized:
        found += capacity_totals((rest or {}).get(name))
    return found
