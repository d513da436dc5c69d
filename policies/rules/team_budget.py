"""More capacity in a team's endpoints than the team may have."""

from collections.abc import Iterable, Iterator

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding
from bandplan.policies.fitting import Bound, budget_bounds
from bandplan.policies.fleet import Fleet
from bandplan.policies.rule import Settings, StackRule
from bandplan.policies.rules.stack_budget import BUDGET, over_budget

ID = "team-budget"


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """Compare each team, a value of the tag `team`, with its budget; endpoints without the tag have the empty name."""
    for team in sorted({share.team for share in fleet.shares}):
        budget = settings["teams"].get(team, settings["others"])
        shares = [share for share in fleet.shares if share.team == team]
        asked = [one for one in settings["asked"] if one.team == team]
        yield from over_budget(f"team {team}" if team else "endpoints without the tag team", shares, budget, asked)


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterable[Bound]:
    """Limit the max to what the whole budget of the endpoint's team buys."""
    budget = settings["teams"].get(endpoint.tags.get("team", ""), settings["others"])
    return budget_bounds(entity, budget, ID)


RULE = StackRule(
    ID,
    "Every team stays within its capacity budget.",
    "mandatory",
    check,
    bounds=bounds,
    properties={
        "teams": {
            "type": "object",
            "default": {},
            "description": "Budget by team, which is the value of the tag `team`.",
            "additionalProperties": {"type": "object", "properties": BUDGET},
        },
        "others": {
            "type": "object",
            "default": {},
            "description": "Budget of every team without one of its own.",
            "properties": BUDGET,
        },
    },
)
