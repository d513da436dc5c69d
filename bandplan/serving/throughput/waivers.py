"""Warnings that an entry's owner has waived until a date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from bandplan.serving.spec import rules as file_rules
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, clipped, in_order, printable
from bandplan.serving.spec.settings import Waiver
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.suggestion import nearest
from bandplan.serving.throughput import rules


@dataclass(frozen=True, slots=True)
class Waived:
    """A warning to hide, and the waiver that hides it."""

    problem: Problem
    waiver: Waiver

    def render(self) -> str:
        """Render one printable line: `file:line:column: waived id path: finding; until when, by whom, why`."""
        problem, waiver = self.problem, self.waiver
        place = f"{problem.file}:{problem.line}:{problem.column}"
        why = (
            f"waived until {waiver.expires.isoformat()} by {clipped(waiver.owner, 100)}: {clipped(waiver.reason, 200)}"
        )
        return printable(f"{place}: waived {problem.id} {problem.path}: {problem.finding}; {why}")


_EVERY = (*file_rules.ALL, *rules.ALL)
_ERRORS = {rule.id.lower(): rule.id for rule in _EVERY if rule.severity == "error"}
_WARNINGS = tuple(rule.id for rule in _EVERY if rule.severity == "warning")
# How similar a policy's id must be to a warning's to count as a mistyped one. Policy packs have ids of
# their own, such as over-provisioned, min-zero-in-prod and units-over-budget.
_ALIKE = 0.8
_MOST_COMPARED = 200  # arbitrary, for bounded time


def waiver_problems(fleet: Fleet, source: Source) -> list[Problem]:
    """Report waivers of errors, and of mistyped warning ids; the ids of policies are unknown here."""
    found = []
    meant = _meant({waiver.policy for _, waivers in _placed(fleet) for waiver in waivers})
    for place, waivers in _placed(fleet):
        for index, waiver in enumerate(waivers):
            path = (*place, "waivers", index, "policy")
            error = _ERRORS.get(waiver.policy.lower()[:100])
            likely = meant.get(waiver.policy)
            if error is not None:
                step = "fix what it reports, and remove the waiver"
                found.append(rules.WAIVER_OF_ERROR.problem(source, path, f"{error} is an error", step))
            elif likely is not None:
                finding = f"{clipped(waiver.policy, 60)} is not a warning"
                found.append(rules.WAIVER_MISTYPED.problem(source, path, finding, f"did you mean {likely}?"))
    return found


def _placed(fleet: Fleet) -> Iterator[tuple[tuple[str | int, ...], tuple[Waiver, ...]]]:
    """Yield waivers with their path: those of the whole file, then those of each entry."""
    yield (), fleet.waivers
    for entry in fleet.models:
        yield ("models", entry.name), entry.waivers


def _meant(policies: set[str]) -> dict[str, str]:
    """Return the warning that each policy's id resembles, for as many as are worth comparing."""
    asked = sorted(policies - set(_WARNINGS))[:_MOST_COMPARED]
    found = {policy: nearest(policy, _WARNINGS, cutoff=_ALIKE) for policy in asked}
    return {policy: meant for policy, meant in found.items() if meant is not None}


def waive(
    problems: Iterable[Problem], fleet: Fleet, today: date, source: Source
) -> tuple[tuple[Problem, ...], tuple[Waived, ...]]:
    """Return (problems that stand, waived warnings).

    A waiver holds up to and including its expiry date, for warnings of its own entry, or of no entry if it is the whole
    file's; errors are never waived. Each waiver past its date is an error of its own, and its warning stands.
    """
    valid: dict[tuple[str, str], Waiver] = {}
    stands: list[Problem] = []
    waived: list[Waived] = []
    for place, waivers in _placed(fleet):
        for index, waiver in enumerate(waivers):
            if waiver.expires >= today:
                valid[(str(place[-1]) if place else "", waiver.policy)] = waiver
            else:
                finding = f"the waiver of {clipped(waiver.policy, 60)} expired on {waiver.expires.isoformat()}"
                path = (*place, "waivers", index, "expires")
                step = f"fix what it waives, or have {clipped(waiver.owner, 100)} renew it"
                stands.append(rules.WAIVER_EXPIRED.problem(source, path, finding, step))
    for problem in problems:
        parts = problem.path.split("/")
        of_entry = parts[1] if len(parts) > 1 and parts[0] == "models" else ""
        waiver_of = valid.get((of_entry, problem.id))
        if waiver_of is not None and problem.severity == "warning":
            waived.append(Waived(problem, waiver_of))
        else:
            stands.append(problem)
    return in_order(stands), tuple(waived)
