"""Measured curves of entries, as a command line names them: `--curve ENTRY=FILE` and `--curve-capacity ENTRY=N`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.errors import UsageProblem
from bandplan.cli.sizing import law_of
from bandplan.planner.law import Law
from bandplan.serving.spec.suggestion import name_one_of


@dataclass(frozen=True)
class MeasuredCurve:
    """The law of an entry's curves, and the chunks or model units that ran while they were measured."""

    law: Law
    amount: int


def read_curves(
    curves: Sequence[str], capacities: Sequence[str], models: Mapping[str, str]
) -> dict[str, MeasuredCurve]:
    """Return curves by entry; `models` has that of every entry. Errors: UsageProblem, with every finding."""
    problems: list[str] = []
    names = list(models)
    files = _pairs("--curve", "FILE", curves, names, problems)
    amounts = _pairs("--curve-capacity", "N", capacities, names, problems)
    for name, given in amounts.items():
        if not all(one.isascii() and one.isdigit() and 0 < int(one) <= 10**6 for one in given):
            problems.append(f"--curve-capacity {name}={given[-1][:40]}: not an integer from 1 on; write what ran")
        if name not in files:
            problems.append(f"--curve-capacity {name}: says how much a curve measured; add --curve {name}=FILE")
    for name in files.keys() - amounts.keys():
        problems.append(
            f"--curve {name}: add --curve-capacity {name}=N, the chunks or model units that ran while it was measured"
        )
    if problems:
        raise UsageProblem("\n".join(problems))
    laws = {name: law_of([Path(one) for one in given], models[name]) for name, given in files.items()}
    return {name: MeasuredCurve(law, int(amounts[name][-1])) for name, law in laws.items()}


def _pairs(
    flag: str, what: str, given: Sequence[str], names: Sequence[str], problems: list[str]
) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not value:
            problems.append(f"{flag} {one[:80]}: must be ENTRY={what}; write such as {flag} {names[0]}={what}")
        elif name not in names:
            problems.append(f"{flag} {name[:63]}: no such entry; {name_one_of(name, names)}")
        else:
            found.setdefault(name, []).append(value)
    return found
