"""Placeholders of other tools, and keys that hold anchors."""

import pytest

from bandplan.serving.spec.interpolation import placeholder
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.schema import schema_problems

from .conftest import ENTRY, Load, OnlyProblem


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${var.catalog}.ai.llama", "${var.catalog}"),
        ("Serves ${bundle.target} and ${x}", "${bundle.target}"),
        ("{{secrets/scope/cost}}", "{{secrets/scope/cost}}"),
        ("${{ github.sha }}", "${{ github.sha }}"),
        ("$(Build.BuildId)", "$(Build.BuildId)"),
        ("$OWNER", "$OWNER"),
        ("run by $TEAM_NAME.", "$TEAM_NAME"),
        ("$owner", "$owner"),
        ("$x", "$x"),
        ("$(git rev-parse HEAD)", "$(git rev-parse HEAD)"),
        ("$[variables.team]", "$[variables.team]"),
        ("by $env:Owner", "$env:Owner"),
        ("%COMPUTERNAME%", "%COMPUTERNAME%"),
        ("%(team)s", "%(team)s"),
        ("__TEAM_NAME__", "__TEAM_NAME__"),
        ("#{Octopus.Team}#", "#{Octopus.Team}"),
        ("{% if prod %}x{% endif %}", "{% if prod %}"),
        ("<%= team %>", "<%= team %>"),
        ("owner: <no value>", "<no value>"),
    ],
)
def test_placeholder_of_another_tool_is_recognised(text: str, found: str) -> None:
    assert placeholder(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "costs $5",
        "US$ 20 a day",
        "a $b c",
        "{x}",
        "${}",
        "a}}{{",
        "{{}}",
        "R$100",
        "100%",
        "50% of 100%",
        "90%OFF%",
        "%d%",
        "__init__",
        "a__B__c",
        "# {x}",
        "a < b % c > d",
        "<TEAM>",
        "$[1]",
    ],
)
def test_text_that_only_has_the_characters_is_not_a_placeholder(text: str) -> None:
    assert placeholder(text) is None


@pytest.mark.parametrize(
    ("line", "path", "override"),
    [
        ("description: Serves ${var.environment}", "description", "{description: ...}"),
        ('tags: {env: "${bundle.target}"}', "tags/env", "{tags: {env: ...}}"),
        ("tags: {owner: $OWNER}", "tags/owner", "{tags: {owner: ...}}"),
        ("budget_policy_id: ${var.budget}", "budget_policy_id", "{budget_policy_id: ...}"),
        (
            'permissions: [{group_name: "${var.group}", permission_level: CAN_QUERY}]',
            "permissions/0/group_name",
            "{permissions: ...}",
        ),
        (
            'permissions: [{user_name: "${var.user}", permission_level: CAN_QUERY}]',
            "permissions/0/user_name",
            "{permissions: ...}",
        ),
        (
            'notifications: {on_update_failure: ["${workspace.current_user.userName}"]}',
            "notifications/on_update_failure/0",
            "{notifications: {on_update_failure: ...}}",
        ),
        (
            'ai_gateway: {inference_table_config: {enabled: true, catalog_name: "${c}", schema_name: s}}',
            "ai_gateway/inference_table_config/catalog_name",
            "{ai_gateway: {inference_table_config: {catalog_name: ...}}}",
        ),
        ('headroom_percent: "${var.headroom}"', "headroom_percent", "{headroom_percent: ...}"),
    ],
)
def test_placeholder_is_one_error_at_its_place_with_the_override_to_write(
    load: Load, only_problem: OnlyProblem, line: str, path: str, override: str
) -> None:
    problem = only_problem(load(f"{ENTRY}    {line}\n"), "interpolation")
    assert (problem.line, problem.path) == (8, f"models/support-chat/{path}")
    assert f"`overrides: {{<stack>: {{support-chat: {override}}}}}`" in problem.next_step


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("system.ai.llama_v3_3_70b_instruct", "${var.catalog}.ai.llama_v3_3_70b_instruct"),
        ('"1"', '"${var.version}"'),
        ("min: 2", 'min: "${MIN}"'),
        ("llm/v1/chat", "${var.task}"),
        ("support-chat", "${bundle.target}-chat"),
    ],
)
def test_placeholder_in_place_of_a_checked_value_is_not_also_advised_on(
    load: Load, only_problem: OnlyProblem, old: str, new: str
) -> None:
    only_problem(load(ENTRY.replace(old, new)), "interpolation")


def test_placeholders_outside_of_entries_are_found_too(load: Load) -> None:
    found = load(
        top="region: ${AWS_REGION}\ndefaults: {tags: {team: $TEAM}}\n",
        after='overrides: {"${STACK}": {support-chat: {description: "$WHAT"}}}\n',
    ).problems
    assert [(one.id, one.path) for one in found] == [
        ("interpolation", "region"),
        ("interpolation", "defaults/tags/team"),
        ("interpolation", "overrides/${STACK}"),
        ("interpolation", "overrides/${STACK}/support-chat/description"),
    ]


def test_words_that_a_guardrail_looks_for_may_hold_anything(load: Load) -> None:
    guardrails = 'guardrails: {input: {invalid_keywords: ["${jndi:ldap://x}"], valid_topics: ["{{x}}"]}}'
    assert load(f"{ENTRY}    ai_gateway: {{{guardrails}}}\n").problems == ()


def test_placeholders_of_a_file_that_they_keep_from_being_yaml_are_all_said(load: Load) -> None:
    text = ENTRY.replace("min: 2, max: 3", "min: ${MIN}, max: ${MAX}").replace("support-chat", "${NAME}-chat # $NOT")
    problems = load(text).problems
    assert [(one.id, one.line, one.column) for one in problems] == [
        ("interpolation", 3, 11),
        ("interpolation", 7, 31),
        ("yaml", 7, 32),
        ("interpolation", 7, 44),
    ]
    assert "which nothing replaces" in problems[2].next_step and "overrides" in problems[2].next_step


ANCHORS = """\
x-base: &base
  task: llm/v1/chat
  description: $NOT_READ
x-nothing: &nothing
x-anything: [1, {a: b}]
"""
WITH_ANCHOR = """\
  - name: a-chat
    <<: [{task: *task}, *nothing]
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
"""


def test_keys_that_begin_with_x_hold_anchors_and_are_not_read(load: Load) -> None:
    top = ANCHORS.replace("llm/v1/chat", "&task llm/v1/chat")
    loaded = load(WITH_ANCHOR, top=top)
    assert loaded.problems == () and loaded.fleet is not None
    assert loaded.fleet.models[0].task == "llm/v1/chat"
    assert schema_problems(loaded.data, loaded.source) == ()


def test_key_for_anchors_under_another_name_is_answered_with_the_one_to_write(only_problem: OnlyProblem) -> None:
    text = f"version: 1\ncustom:\n  base: &base {{task: llm/v1/chat}}\nmodels:\n{ENTRY}"
    problem = only_problem(load_text(text, "models.yaml", None), "unknown-key", (2, 1))
    assert "`x-custom`" in problem.next_step


def test_x_key_within_an_entry_is_unknown(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(f"{ENTRY}    x-base: 1\n"), "unknown-key")


def test_merging_what_is_not_a_mapping_is_still_refused(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(f"{ENTRY}    <<: [1]\n"), "yaml-anchor")
