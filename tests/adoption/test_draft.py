from typing import Any

import pytest

from bandplan.adoption.draft import Draft, draft
from bandplan.adoption.entry import Proposal
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text

RAW = {
    "name": "chat",
    "task": "llm/v1/chat",
    "model": "ml.own.model",
    "version": "1",
    "throughput": {"bands": {"min": 1, "max": 2}},
}


def drafted(text: str, **changes: Any) -> Draft:
    proposal = Proposal("chat", {**RAW, **changes})
    return draft(text, "models.yaml", "prod", [proposal], lambda new: load_text(new, "models.yaml", "prod").problems)


def in_stack(text: str, stack: str) -> Entry:
    loaded = load_text(text, "models.yaml", stack)
    assert loaded.fleet is not None, loaded.problems
    return loaded.fleet.models[-1]


DEFAULTS = """\
version: 1
defaults:
  tags: {team: ml}
  headroom_percent: 30
  budget_policy_id: b1f0c2d4-0000-4000-8000-000000000001
  permissions: [{group_name: all, permission_level: CAN_QUERY}]
  notifications: {on_update_failure: [a@b.example]}
  ai_gateway: {usage_tracking_config: {enabled: true}, rate_limits: [{calls: 5}]}
models: []
"""


def test_defaults_are_kept_from_an_entry_that_has_to_say_what_is_live() -> None:
    entry = in_stack(drafted(DEFAULTS).text, "prod")

    assert (entry.tags, entry.permissions, entry.ai_gateway, entry.budget_policy_id) == ({}, (), None, None)
    assert entry.notifications is None or not entry.notifications.on_update_failure
    assert entry.headroom_percent == 30  # reaches no endpoint, so it is taken as it is


def test_own_settings_are_kept_exactly_beside_defaults_of_the_same_kind() -> None:
    gateway = {"rate_limits": [{"calls": 7, "key": "user", "renewal_period": "minute"}]}
    entry = in_stack(drafted(DEFAULTS, tags={"a": "b"}, ai_gateway=gateway).text, "prod")

    assert entry.tags == {"a": "b"}
    assert entry.ai_gateway is not None and entry.ai_gateway.usage_tracking_config is None
    assert entry.ai_gateway.rate_limits is not None and entry.ai_gateway.rate_limits[0].calls == 7


def test_other_stacks_keep_the_defaults() -> None:
    assert in_stack(drafted(DEFAULTS).text, "dev").tags == {"team": "ml"}


def test_entry_that_the_rules_refuse_is_left_out_with_the_rule() -> None:
    found = drafted("version: 1\nmodels: []\n", task="llm/v1/poems")

    assert found.added == () and found.text == "version: 1\nmodels: []\n"
    assert "task" in found.skipped[0].reason


@pytest.mark.parametrize("comment", ["# top\n", ""])
def test_what_the_file_says_is_left_as_it_is(comment: str) -> None:
    before = f"{comment}version: 1\nmodels:\n  - name: old # mine\n    task: llm/v1/chat\n"
    before += '    model: a.b.c\n    version: "1"\n    throughput: auto\n    demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}\n'
    assert drafted(before).text.startswith(before)
