"""A finding about models.yaml, and the rule that it breaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bandplan.serving.spec.source import Source

Severity = Literal["error", "warning"]

MAX_REPORTED = 1000  # arbitrary: nobody reads more at a time, and a megabyte of text helps nobody
_MAX_PART = 80  # characters of a key in a path; a valid name has at most 63


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many problems one problem stands for; not `exact` if checking ended before the end of the file."""

    errors: int = 0
    warnings: int = 0
    exact: bool = True

    @property
    def total(self) -> int:
        return self.errors + self.warnings


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding: where it is, what was found, the rule it breaks, and what to write instead.

    Units: line and column count from 1. `id` is the rule's id; a waiver names a warning by it.
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
    left_out: LeftOut | None = None

    def render(self, with_severity: bool = True) -> str:
        """Render the problem as one printable line: `file:line:column: severity id path: finding; rule; next step`.

        `with_severity=False` is for a log that states the severity itself.
        """
        severity = f"{self.severity} " if with_severity else ""
        subject = f" {self.path}" if self.path else ""
        words = "; ".join(part for part in (self.finding, self.rule, self.next_step) if part)
        return printable(f"{self.file}:{self.line}:{self.column}: {severity}{self.id}{subject}: {words}")

    def __str__(self) -> str:
        return self.render()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that problems refer to: its id, the severity of a breach, one sentence, and its source."""

    id: str
    severity: Severity
    text: str
    origin: str

    def of_key(self, source: Source, path: Sequence[str | int], finding: str, next_step: str) -> Problem:
        """Report a breach of this rule by the last key of `path` itself."""
        line, column = source.key_place(path)
        return Problem(
            source.file, line, column, shown_path(path), finding, self.text, next_step, self.id, self.severity
        )

    def problem(self, source: Source, path: str | Sequence[str | int], finding: str, next_step: str = "") -> Problem:
        """Report a breach of this rule at `path`, which is written with slashes or given in parts."""
        line, column = source.place(path)
        written = shown_path(path.split("/") if isinstance(path, str) else path)
        return Problem(source.file, line, column, written, finding, self.text, next_step, self.id, self.severity)


MORE = Rule(
    "more-problems", "error", f"at most {MAX_REPORTED:,} problems are listed, errors before warnings", "this project"
)


def shown_path(parts: Sequence[str | int]) -> str:
    """Join the parts with slashes; a part too long to be a key is clipped."""
    return "/".join([clipped(str(part), _MAX_PART) for part in parts])


def clipped(text: str, most: int) -> str:
    """Clip the text to `most` characters."""
    return text if len(text) <= most else text[: most - 3] + "..."


def printable(text: str) -> str:
    """Escape control and other invisible characters in a text: a name must not control a terminal."""
    if text.isprintable():
        return text
    return "".join(part if part.isprintable() else part.encode("unicode_escape").decode("ascii") for part in text)


def more(file: str, place: tuple[int, int], left_out: LeftOut) -> Problem:
    """Return one problem that stands for many; an error if an error is among them."""
    least = "" if left_out.exact else "at least "
    kinds = f"{left_out.errors:,} errors, {left_out.warnings:,} warnings"
    finding = f"{least}{left_out.total:,} more problems are not listed ({least}{kinds})"
    severity: Severity = "error" if left_out.errors else "warning"
    step = "fix the problems above and run validate again"
    return Problem(file, *place, "", finding, MORE.text, step, MORE.id, severity, left_out)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort the problems by place in the file, without duplicates; a last problem stands for those past MAX_REPORTED."""
    distinct = dict.fromkeys(problems)
    stand_ins = [problem for problem in distinct if problem.left_out is not None]
    listed = sorted(
        (problem for problem in distinct if problem.left_out is None),
        key=lambda problem: (problem.line, problem.column, problem.path),
    )
    kept = listed
    if len(listed) > MAX_REPORTED:
        by_weight = sorted(listed, key=lambda problem: problem.severity)  # stable; "error" sorts before "warning"
        kept, rest = by_weight[:MAX_REPORTED], by_weight[MAX_REPORTED:]
        kept.sort(key=lambda problem: (problem.line, problem.column, problem.path))
        errors = sum(problem.severity == "error" for problem in rest)
        stand_ins.append(more(rest[0].file, (rest[0].line, rest[0].column), LeftOut(errors, len(rest) - errors)))
    if not stand_ins:
        return tuple(kept)
    parts = [problem.left_out for problem in stand_ins if problem.left_out is not None]
    whole = LeftOut(
        sum(part.errors for part in parts), sum(part.warnings for part in parts), all(part.exact for part in parts)
    )
    return (*kept, more(stand_ins[0].file, min((one.line, one.column) for one in stand_ins), whole))
