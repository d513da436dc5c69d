"""Warnings that an entry's owner has waived, until a date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from serving.spec.fleet import Fleet
from serving.spec.problem import Problem, in_order
from serving.spec.settings import Waiver
from serving.spec.source import Source
from serving.throughput import rules


@dataclass(frozen=True, slots=True)
class Waived:
    """A warning that is not to be shown, and the waiver that says so."""

    problem: Problem
    waiver: Waiver


def waive(
    problems: Iterable[Problem], fleet: Fleet, today: date, source: Source
) -> tuple[tuple[Problem, ...], tuple[Waived, ...]]:
    """(problems that stand, warnings that are waived).

    A waiver holds up to and on its expiry date, for warnings of its own entry; errors are never waived. Each waiver
    past its date is an error of its own, and its warning stands.
    """
    valid: dict[tuple[str, str], Waiver] = {}
    stands: list[Problem] = []
    waived: list[Waived] = []
    for entry in fleet.models:
        for index, waiver in enumerate(entry.waivers):
            if waiver.expires >= today:
                valid[(entry.name, waiver.policy)] = waiver
            else:
                finding = f"the waiver of {waiver.policy} expired on {waiver.expires.isoformat()}"
                path = ("models", entry.name, "waivers", index, "expires")
                step = f"mend what it waives, or have {waiver.owner} renew it"
                stands.append(rules.WAIVER_EXPIRED.problem(source, path, finding, step))
    for problem in problems:
        parts = problem.path.split("/")
        waiver_of = valid.get((parts[1], problem.id)) if len(parts) > 1 and parts[0] == "models" else None
        if waiver_of is not None and problem.severity == "warning":
            waived.append(Waived(problem, waiver_of))
        else:
            stands.append(problem)
    return in_order(stands), tuple(waived)
