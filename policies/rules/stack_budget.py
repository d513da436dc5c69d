"""More capacity in a stack than it may have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from bandplan.policies.finding import Finding, note
from bandplan.policies.fleet import Fleet, Share, total
from bandplan.policies.rule import Settings, StackRule
from bandplan.policies.wording import grouped

BUDGET: Final[Mapping[str, Any]] = {
    "tokens_per_second": {
        "type": "number",
        "minimum": 0,
        "description": "Most tokens/s (input and output) that all ceilings together may reach.",
    },
    "model_units": {"type": "number", "minimum": 0, "description": "Most model units."},
}


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """The sums of ceilings and of model units; each only where it is limited."""
    yield from over_budget("the stack", fleet.shares, settings)


def over_budget(whose: str, shares: Sequence[Share], budget: Mapping[str, Any]) -> Iterator[Finding]:
    """What of `shares` is over; a sum that is partly unknown is judged by what is known of it."""
    ceilings = [(share.model, share.ceiling_tokens_per_second) for share in shares if share.family == "bands"]
    units = [(share.model, share.model_units) for share in shares if share.family == "model_units"]
    for amounts, key, unit in ((ceilings, "tokens_per_second", "tokens/s"), (units, "model_units", "model units")):
        if key not in budget:
            continue
        have, most = total(amount for _, amount in amounts), budget[key]
        if have > most:
            yield Finding(
                f"{whose}: {grouped(have)} {unit} are {grouped(have - most)} over the budget of {grouped(most)} "
                f"{unit} ({largest(amounts)}); lower a max in models.yaml, or have the budget raised"
            )
        elif any(not share.is_sized for share in shares) and key == "tokens_per_second":
            yield note(
                f"waits: {whose} has {grouped(have)} of {grouped(most)} {unit}, and chunks that are not known yet"
            )


def largest(amounts: Iterable[tuple[str, int | None]]) -> str:
    """The three models that take most."""
    by_model: dict[str, int] = {}
    for model, amount in amounts:
        by_model[model] = by_model.get(model, 0) + (amount or 0)
    ordered = sorted(by_model.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(amount for _, amount in ordered[3:])
    named = [f"{model} {grouped(amount)}" for model, amount in ordered[:3]]
    return ", ".join([*named, *([f"others {grouped(rest)}"] if rest else [])])


RULE = StackRule(
    "stack-budget", "The stack keeps within its budget of capacity.", "mandatory", check, properties=BUDGET
)
