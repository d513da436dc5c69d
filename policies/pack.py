"""The rules of the pack, in the order of `bandplan policy list`."""

from typing import Final

from bandplan.policies.rule import Rule
from bandplan.policies.rules import (
    burst_without_reason,
    change_too_large,
    demand_missing,
    floor_zero_in_prod,
    gateway_missing,
    inference_table_missing,
    legacy_workload,
    model_not_pinned,
    money_budget,
    observed_use,
    open_to_all,
    over_provisioned,
    owner_missing,
    single_region,
    stack_budget,
    tags_missing,
    team_budget,
    under_provisioned,
    usage_tracking_missing,
)

NAME: Final = "bandplan-policies"

VERSION: Final = "1.0.0"
"""The version in PulumiPolicy.yaml, which the Pulumi CLI shows."""

RULES: Final[tuple[Rule, ...]] = (
    over_provisioned.RULE,
    under_provisioned.RULE,
    observed_use.RULE,
    floor_zero_in_prod.RULE,
    demand_missing.RULE,
    burst_without_reason.RULE,
    stack_budget.RULE,
    team_budget.RULE,
    money_budget.RULE,
    change_too_large.RULE,
    legacy_workload.RULE,
    model_not_pinned.RULE,
    single_region.RULE,
    tags_missing.RULE,
    owner_missing.RULE,
    gateway_missing.RULE,
    usage_tracking_missing.RULE,
    inference_table_missing.RULE,
    open_to_all.RULE,
)
