"""The result of a run as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

GOAL_BATCH, GOAL = 64, 0.9
"""At this batch, the workspace is to pass on at least this part of what the model gives by itself."""


@dataclass(frozen=True)
class Check:
    """One check and what it found."""

    name: str
    is_right: bool
    found: str


@dataclass(frozen=True)
class Figure:
    """One measurement; `way` is `direct` or `stub`. `share_of_bound` is that of memory bandwidth."""

    shape: str
    way: str
    batch: int
    decoding_tokens_per_second: float
    overall_tokens_per_second: float
    share_of_bound: float


@dataclass
class Result:
    """Everything that a run found; `notes` say what was left out, and why."""

    machine: dict[str, Any]
    bytes_per_second: float = 0.0
    checks: list[Check] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    batching: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "stub_share": shares(self.figures)}


def shares(figures: Sequence[Figure]) -> dict[str, dict[int, float]]:
    """Return, by shape and batch, which part of the direct speed arrives through the workspace."""
    speeds = {(one.shape, one.way, one.batch): one.decoding_tokens_per_second for one in figures}
    found: dict[str, dict[int, float]] = {}
    for (shape, way, batch), speed in speeds.items():
        direct = speeds.get((shape, "direct", batch))
        if way == "stub" and direct:
            found.setdefault(shape, {})[batch] = round(speed / direct, 3)
    return found


def table(result: Result) -> str:
    """Format the checks, then a row for each shape and batch."""
    lines = [f"{'right' if check.is_right else 'WRONG'}: {check.name} ({check.found})" for check in result.checks]
    lines += [f"{shape}: {how}" for shape, how in result.batching.items()]
    if result.figures:
        lines += [
            "",
            "| shape | batch | direct, tokens/s | of the bound | by the stub, tokens/s | of the bound | of direct |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        by_key = {(one.shape, one.batch, one.way): one for one in result.figures}
        part = shares(result.figures)
        for shape, batch in dict.fromkeys((one.shape, one.batch) for one in sorted(result.figures, key=_order)):
            cells = [_cells(by_key.get((shape, batch, way))) for way in ("direct", "stub")]
            share = part.get(shape, {}).get(batch)
            lines.append(f"| {shape} | {batch} | {' | '.join(cells)} | {'-' if share is None else f'{share:.0%}'} |")
        for shape, by_batch in part.items():
            if GOAL_BATCH in by_batch:
                verdict = "reaches" if by_batch[GOAL_BATCH] >= GOAL else "MISSES"
                lines.append(f"{shape} at {GOAL_BATCH} {verdict} the goal of {GOAL:.0%} through the stub")
    lines += [f"left out: {note}" for note in result.notes]
    return "\n".join(lines)


def _order(figure: Figure) -> tuple[str, int]:
    return figure.shape, figure.batch


def _cells(figure: Figure | None) -> str:
    if figure is None:
        return "- | -"
    return f"{figure.decoding_tokens_per_second:,.0f} | {figure.share_of_bound:.1%}"
