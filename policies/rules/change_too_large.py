"""More capacity moved in one change than a reviewer can judge.

A policy never sees the previous state, so it comes from a file: the stack's current output `endpoints`. `bandplan
preview` and `bandplan up` write `.bandplan/deployed/<stack>.json`; elsewhere `pulumi stack output endpoints --json`
does.
"""

from collections.abc import Iterator, Mapping

from bandplan.policies.finding import Finding, note
from bandplan.policies.fleet import Fleet
from bandplan.policies.rule import Settings, StackRule
from bandplan.policies.wording import grouped
from bandplan.wire.capacity import UNITS, Unit
from bandplan.wire.fleet import EndpointRow, read_rows

_FREE_IN_RANGES, _FREE_COUNTED = 5000, 50
"""A change of up to this many tokens/s, or counted units, is never too large unless a stack says otherwise."""


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """Compare what is added and removed, per endpoint, with the old capacity; a first deployment does not count."""
    baseline = settings["baseline"]
    if not baseline:
        return
    if baseline.problem or not isinstance(baseline.content, list):
        yield note(f"abstains: the old capacity is unknown: {baseline.problem or f'{baseline.path} is not a list'}")
        return
    if fleet.endpoints is None or any(not one.is_sized for one in fleet.endpoints):
        yield note("waits: the change is unknown until the chunk size of every model version is known")
        return
    before = {one.name: one for one in read_rows(baseline.content)}
    after = {one.name: one for one in fleet.endpoints}
    for unit in UNITS:
        yield from _moved(before, after, unit, settings)


def _moved(
    before: Mapping[str, EndpointRow], after: Mapping[str, EndpointRow], unit: Unit, settings: Settings
) -> Iterator[Finding]:
    def amount(capacities: Mapping[str, EndpointRow], name: str) -> int:
        return (unit.of(capacities[name])[1] or 0) if name in capacities else 0

    had = sum(amount(before, name) for name in before)
    changes = {name: amount(after, name) - amount(before, name) for name in {**before, **after}}
    moved = sum(map(abs, changes.values()))
    allowed = had * settings["percent"] / 100
    if not had or moved <= allowed or moved <= settings[f"free_{unit.key}"]:
        return
    moving = [(name, change) for name, change in changes.items() if change]
    largest = sorted(moving, key=lambda item: (-abs(item[1]), item[0]))[:3]
    named = ", ".join(f"{name} {'+' if change > 0 else '-'}{grouped(abs(change))}" for name, change in largest)
    what = f"{unit.label} of ceilings" if unit.is_range else unit.label
    yield Finding(
        f"the stack: {grouped(moved)} {what} change, {grouped(moved * 100 / had)}% of the {grouped(had)} deployed; "
        f"one change may move {grouped(settings['percent'])}% = {grouped(allowed)} ({named}); split the change"
    )


RULE = StackRule(
    "change-too-large",
    "One change moves no more of the stack's capacity than a reviewer can judge.",
    "advisory",
    check,
    properties={
        "baseline": {
            "type": "string",
            "format": "file",
            "default": "",
            "description": "The stack's `endpoints` output before a change, relative to the project; unset: no check.",
        },
        "percent": {
            "type": "number",
            "minimum": 0,
            "default": 50,
            "description": "Most capacity that one change may add and remove in total, in percent of the old capacity.",
        },
        **{
            f"free_{unit.key}": {
                "type": "number",
                "minimum": 0,
                "default": _FREE_IN_RANGES if unit.is_range else _FREE_COUNTED,
                "description": f"Changes of up to this many {unit.label} are never too large.",
            }
            for unit in UNITS
        },
    },
)
