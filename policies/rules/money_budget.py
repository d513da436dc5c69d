"""More money than a stack or a team may spend, by the user's own prices."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, note
from bandplan.policies.fitting import Bound
from bandplan.policies.fleet import Fleet, Share
from bandplan.policies.prices import Prices, read_prices
from bandplan.policies.rule import Settings, StackRule
from bandplan.wire.prices import HOURS_PER_MONTH

ID: Final = "money-budget"


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """Compare the cost per hour of ceilings (or floors) with the budgets; without a price file, check nothing."""
    if not settings["prices"]:
        return
    prices = read_prices(settings["prices"])
    if prices.problem:
        yield Finding(f"no price is known: {prices.problem}; fix the file, or the rule's `prices`")
        return
    if "per_hour" in settings:
        yield from _over("the stack", fleet.shares, settings["per_hour"], prices, settings)
    for team, most in sorted(settings["teams"].items()):
        shares = [share for share in fleet.shares if share.team == team]
        yield from _over(f"team {team}", shares, most, prices, settings)


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Bound]:
    """Limit the max to what the whole budget of the stack, or of the endpoint's team, buys at one chunk's price."""
    chunk = entity.chunk_tokens_per_second
    if not settings["prices"] or settings["bound"] != "ceiling" or not chunk:
        return
    prices = read_prices(settings["prices"])
    cost = prices.listed and prices.listed.cost(
        entity.model, "bands", {"chunks": (1, 1), "tokens_per_second": (chunk, chunk)}
    )
    budgets = (settings.get("per_hour"), settings["teams"].get(endpoint.tags.get("team", "")))
    for budget in budgets:
        if cost and cost[1] and budget is not None:
            yield Bound("budget max", int(Decimal(str(budget)) // cost[1]), ID)


def _over(whose: str, shares: Sequence[Share], most: Any, prices: Prices, settings: Settings) -> Iterator[Finding]:
    bound = settings["bound"]
    costs = {(share.model, share.family, share.team): prices.cost(share) for share in shares}
    known = [(key[0], cost[bound == "ceiling"]) for key, cost in costs.items() if cost is not None]
    unpriced = sorted({key[0] for key, cost in costs.items() if cost is None and key[1] != "workload"})
    spent, limit = sum((amount for _, amount in known), Decimal(0)), Decimal(str(most))
    if spent > limit:
        dearest = sorted(known, key=lambda item: (-item[1], item[0]))[:3]
        named = ", ".join(f"{model} {_money(amount)}" for model, amount in dearest)
        yield Finding(
            f"{whose}: at the {bound}s {_money(spent)} {prices.currency} an hour ({_money(spent * HOURS_PER_MONTH)} a "
            f"month of {HOURS_PER_MONTH} hours) are {_money(spent - limit)} over the budget of {_money(limit)} an hour "
            f"({named}); lower a {'max' if bound == 'ceiling' else 'min'} in models.yaml, or have the budget raised"
        )
    elif unpriced:
        yield note(
            f"{whose}: {_money(spent)} of {_money(limit)} {prices.currency} an hour are counted; no price or "
            f"size is known for: {', '.join(unpriced)}"
        )


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


RULE = StackRule(
    ID,
    "The stack and its teams stay within their money budgets.",
    "mandatory",
    check,
    bounds=bounds,
    properties={
        "prices": {
            "type": "string",
            "format": "file",
            "default": "",
            "description": "Price file (schemas/prices.schema.json), relative to the project; unset: no check.",
        },
        "per_hour": {"type": "number", "minimum": 0, "description": "Most that the stack may cost per hour."},
        "teams": {
            "type": "object",
            "default": {},
            "description": "Most that a team's endpoints may cost per hour, by the value of the tag `team`.",
            "additionalProperties": {"type": "number", "minimum": 0},
        },
        "bound": {
            "type": "string",
            "enum": ["ceiling", "floor"],
            "default": "ceiling",
            "description": "What is counted: the most that may be billed, or the least that is billed.",
        },
    },
)
