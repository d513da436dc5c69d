"""A finding about models.yaml, and the rule that it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from serving.spec.source import Source

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: where it is, what was found, the rule it breaks, and what to write instead.

    Units: line and column count from 1. `id` is the rule's id; a warning's id is what a waiver names.
    """

    file: str
    line: int
    column: int
    path: str
    finding: str
    rule: str
    next_step: str
    id: str
    severity: Severity = "error"

    def render(self, with_severity: bool = True) -> str:
        """The problem as one line: `file:line:column: severity id path: finding; rule; next step`.

        `with_severity=False` for a log that says the severity itself.
        """
        severity = f"{self.severity} " if with_severity else ""
        subject = f" {self.path}" if self.path else ""
        words = "; ".join(part for part in (self.finding, self.rule, self.next_step) if part)
        return f"{self.file}:{self.line}:{self.column}: {severity}{self.id}{subject}: {words}"

    def __str__(self) -> str:
        return self.render()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that problems refer to: its id, how serious a breach is, one sentence, and where it comes from."""

    id: str
    severity: Severity
    text: str
    origin: str

    def problem(self, source: Source, path: str | Sequence[str | int], finding: str, next_step: str = "") -> Problem:
        """A breach of this rule at `path`, which is written with slashes or given in parts."""
        line, column = source.place(path)
        written = path if isinstance(path, str) else "/".join(map(str, path))
        return Problem(source.file, line, column, written, finding, self.text, next_step, self.id, self.severity)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems by place in the file, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column, problem.path)))
