"""A finding in a source: its place, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bandplan.serving.registration.errors import UnsuitableSource
from bandplan.serving.spec.problem import printable

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class SourceFinding:
    """A breach of `rule` at `place` (a folder or file as the user knows it); a warning stops nothing."""

    place: str
    finding: str
    rule: str
    next_step: str
    severity: Severity = "error"

    def __str__(self) -> str:
        words = "; ".join(part for part in (self.finding, self.rule, self.next_step) if part)
        return printable(f"{self.place}: {words}")


def errors_of(findings: Iterable[SourceFinding]) -> tuple[SourceFinding, ...]:
    return tuple(finding for finding in findings if finding.severity == "error")


def refuse_errors(findings: Sequence[SourceFinding]) -> None:
    """Raise UnsuitableSource with every error among `findings`, one a line; do nothing if there is none."""
    errors = errors_of(findings)
    if errors:
        raise UnsuitableSource("\n".join(map(str, errors)))
