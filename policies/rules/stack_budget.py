"""More capacity in a stack than it may have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, note
from bandplan.policies.fitting import RAISE, Asked, Bound, budget_bounds
from bandplan.policies.fleet import Fleet, Share, total
from bandplan.policies.rule import Settings, StackRule
from bandplan.policies.wording import grouped
from bandplan.wire.capacity import UNITS

ID: Final = "stack-budget"

BUDGET: Final[Mapping[str, Any]] = {
    unit.key: {
        "type": "number",
        "minimum": 0,
        "description": f"Most {unit.label} (input and output) that all ceilings together may reach."
        if unit.is_range
        else f"Most {unit.label}.",
    }
    for unit in UNITS
}


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """Compare the sums of ceilings and of model units with their budgets, if set."""
    yield from over_budget("the stack", fleet.shares, settings, settings["asked"])


def over_budget(
    whose: str, shares: Sequence[Share], budget: Mapping[str, Any], asked: Sequence[Asked] = ()
) -> Iterator[Finding]:
    """Find sums of `shares` over the budget; a partly unknown sum is compared by its known part.

    `asked` is what other rules require of the same endpoints.
    """
    for unit in UNITS:
        if unit.key not in budget:
            continue
        amounts = [(share.model, unit.of(share)[1]) for share in shares if share.family == unit.family]
        have, most = total(amount for _, amount in amounts), budget[unit.key]
        if have > most:
            yield Finding(
                f"{whose}: {grouped(have)} {unit.label} are {grouped(have - most)} over the budget of {grouped(most)} "
                f"{unit.label} ({largest(amounts)}); {_step(asked if unit.is_range else (), most)}"
            )
        elif any(not share.is_sized for share in shares) and unit.is_range:
            yield note(
                f"waits: {whose} has {grouped(have)} of {grouped(most)} {unit.label}, and chunks whose size is not "
                "known yet"
            )


def _step(asked: Sequence[Asked], most: float) -> str:
    least = sum(one.tokens_per_second for one in asked)
    if least <= most:
        return "lower a max in models.yaml, or have the budget raised"
    rules = sorted(frozenset[str]().union(*(one.rules for one in asked)))
    what = f"what {' and '.join(rules)} {'ask' if len(rules) > 1 else 'asks'} of the bands" if rules else "a chunk each"
    return f"{what} comes to at least {grouped(least)} tokens/s: {RAISE}"


def bounds(_endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterable[Bound]:
    """Limit the max to what the whole budget buys."""
    return budget_bounds(entity, settings, ID)


def largest(amounts: Iterable[tuple[str, int | None]]) -> str:
    """Name the three models with the largest amounts."""
    by_model: dict[str, int] = {}
    for model, amount in amounts:
        by_model[model] = by_model.get(model, 0) + (amount or 0)
    ordered = sorted(by_model.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(amount for _, amount in ordered[3:])
    named = [f"{model} {grouped(amount)}" for model, amount in ordered[:3]]
    return ", ".join([*named, *([f"others {grouped(rest)}"] if rest else [])])


RULE = StackRule(
    ID, "The stack stays within its capacity budget.", "mandatory", check, bounds=bounds, properties=BUDGET
)
