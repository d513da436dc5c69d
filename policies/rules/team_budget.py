"""More capacity in a team's endpoints than the team may have."""

from collections.abc import Iterator

from bandplan.policies.finding import Finding
from bandplan.policies.fleet import Fleet
from bandplan.policies.rule import Settings, StackRule
from bandplan.policies.rules.stack_budget import BUDGET, over_budget


def check(fleet: Fleet, settings: Settings) -> Iterator[Finding]:
    """Teams are the values of the tag `team`; endpoints without it have a budget under the empty name."""
    for team in sorted({share.team for share in fleet.shares}):
        budget = settings["teams"].get(team, settings["others"])
        shares = [share for share in fleet.shares if share.team == team]
        yield from over_budget(f"team {team}" if team else "endpoints without the tag team", shares, budget)


RULE = StackRule(
    "team-budget",
    "Every team keeps within its budget of capacity.",
    "mandatory",
    check,
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
            "description": "Budget of each team that is not named.",
            "properties": BUDGET,
        },
    },
)
