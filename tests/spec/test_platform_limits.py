"""What the platform refuses of an endpoint, and the file alone shows."""

from typing import Any

import pytest

from .conftest import ENTRY, Load, OnlyProblem, rendered

APPLICATION = "6f1b7c9e-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("-chat", "write chat"),
        ("_chat", "write"),
        ("databricks-llama", "write llama"),
        ("pt", "write pt-endpoint"),
    ],
)
def test_endpoint_name_that_the_platform_does_not_take_is_refused(
    load: Load, only_problem: OnlyProblem, name: str, step: str
) -> None:
    problem = only_problem(load(ENTRY.replace("support-chat", name)), "endpoint-name")
    assert step in problem.next_step


@pytest.mark.parametrize("name", ["Databricks-llama", "my-databricks-llama", "0", "a_b-C"])
def test_endpoint_name_that_only_resembles_a_reserved_one_is_taken(load: Load, name: str) -> None:
    assert load(ENTRY.replace("support-chat", f'"{name}"')).problems == ()


def entities(count: int) -> str:
    rows = "".join(
        f'      - {{name: e{n}, model: ml.own.m, version: "1", throughput: {{bands: {{min: 1, max: 2}}}}, '
        f"traffic_percent: {100 - count + 1 if n == 0 else 1}}}\n"
        for n in range(count)
    )
    return f"  - name: split\n    task: llm/v1/chat\n    entities:\n{rows}"


def test_endpoint_serves_at_most_fifteen_entities(load: Load, only_problem: OnlyProblem) -> None:
    assert load(entities(15)).problems == ()
    problem = only_problem(load(entities(16)), "entities-many")
    assert "16 items, more than 15" in problem.finding


@pytest.mark.parametrize("model", ["ml.own.größe", "ml.own.a+b", "ml.own._hidden", f"ml.own.{'a' * 200}"])
def test_model_whose_name_makes_no_served_name_is_answered_with_naming_the_entity(
    load: Load, only_problem: OnlyProblem, model: str
) -> None:
    problem = only_problem(load(ENTRY.replace("system.ai.llama_v3_3_70b_instruct", model)), "served-name")
    assert "`entities: [{name: champion" in problem.next_step
    named = f'{{name: champion, model: {model}, version: "1", throughput: {{bands: {{min: 1, max: 2}}}}}}'
    assert load(f"  - name: split\n    task: llm/v1/chat\n    entities: [{named}]\n").problems == ()


def gateway(text: str) -> str:
    return f"{ENTRY}    ai_gateway: {{{text}}}\n"


TABLE = "inference_table_config: {enabled: true"


@pytest.mark.parametrize(
    ("rest", "missing"),
    [
        ("}", "catalog_name and schema_name"),
        (", catalog_name: ml}", "schema_name"),
        (", schema_name: logs, table_name_prefix: chat}", "catalog_name"),
    ],
)
def test_enabled_inference_table_names_its_catalog_and_schema(
    load: Load, only_problem: OnlyProblem, rest: str, missing: str
) -> None:
    assert f"without {missing}" in only_problem(load(gateway(TABLE + rest)), "inference-table").finding


@pytest.mark.parametrize("name", ["a.b", '"a b"', "a/b", '"a\\tb"'])
@pytest.mark.parametrize("key", ["catalog_name", "schema_name", "table_name_prefix"])
def test_inference_table_is_named_as_unity_catalog_names_tables(
    load: Load, only_problem: OnlyProblem, key: str, name: str
) -> None:
    names = {"catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "chat", key: name}
    table = ", ".join(f"{one}: {value}" for one, value in names.items())
    assert only_problem(load(gateway(f"{TABLE}, {table}}}")), "value").path.endswith(key)


def test_inference_table_is_judged_with_the_defaults_and_the_override_laid_over_it(load: Load) -> None:
    top = "defaults: {ai_gateway: {inference_table_config: {enabled: false, catalog_name: ml, schema_name: logs}}}\n"
    assert load(gateway(TABLE + "}"), top=top).problems == ()
    assert load(gateway("inference_table_config: {enabled: false}")).problems == ()
    on = "overrides: {dev: {support-chat: {ai_gateway: {inference_table_config: {enabled: true}}}}}\n"
    (problem,) = load(gateway("inference_table_config: {enabled: false}"), after=on).problems
    assert (problem.id, problem.path.split("/")[:3]) == ("inference-table", ["overrides", "dev", "support-chat"])


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("{}", "neither calls nor tokens"),
        ("{calls: 1, key: user_group}", "has no principal"),
        ("{calls: 1, key: service_principal}", "has no principal"),
        ("{calls: 1, key: service_principal, principal: backend sp}", "cannot be the principal"),
        ("{calls: 1, key: user, principal: backend-sp}", "cannot be the principal"),
        ("{calls: 1, principal: ana@example.com}", "takes no principal"),
    ],
)
def test_rate_limit_that_the_platform_does_not_take_is_refused(
    load: Load, only_problem: OnlyProblem, limit: str, words: str
) -> None:
    assert words in only_problem(load(gateway(f"rate_limits: [{limit}]")), "rate-limit").finding


@pytest.mark.parametrize(
    "limit",
    [
        "{calls: 0}",
        "{tokens: 5, key: user}",
        "{calls: 1, key: user, principal: Ana@example.com}",
        f"{{calls: 1, key: service_principal, principal: {APPLICATION}}}",
        "{calls: 1, tokens: 2, key: user_group, principal: apps}",
    ],
)
def test_rate_limit_that_is_in_order_is_taken(load: Load, limit: str) -> None:
    assert load(gateway(f"rate_limits: [{limit}]")).problems == ()


def test_same_amount_limited_twice_for_one_principal_is_refused_and_two_amounts_are_not(
    load: Load, only_problem: OnlyProblem
) -> None:
    user = "key: user, principal: {}@example.com"
    twice = f"rate_limits: [{{calls: 1, {user.format('Ana')}}}, {{calls: 2, {user.format('ana')}}}]"
    assert only_problem(load(gateway(twice)), "rate-limit").path.endswith("rate_limits/1/calls")
    both = f"rate_limits: [{{calls: 1, {user.format('ana')}}}, {{tokens: 2, {user.format('ana')}}}, {{calls: 1}}]"
    assert load(gateway(both)).problems == ()


def limits(users: int, groups: int) -> str:
    rows: list[Any] = [f"{{calls: 1, key: user, principal: u{n}@example.com}}" for n in range(users)]
    rows += [f"{{calls: 1, key: user_group, principal: g{n}}}" for n in range(groups)]
    return f"rate_limits: [{', '.join(rows)}]"


@pytest.mark.parametrize(("users", "groups", "found"), [(15, 5, 0), (16, 5, 1), (0, 6, 1), (15, 6, 2)])
def test_endpoint_has_at_most_twenty_rate_limits_and_five_of_groups(
    load: Load, users: int, groups: int, found: int
) -> None:
    problems = load(gateway(limits(users, groups))).problems
    assert [one.id for one in problems] == ["rate-limits-many"] * found, rendered(problems)
