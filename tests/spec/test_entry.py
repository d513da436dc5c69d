from collections.abc import Callable
from datetime import date

import pytest

from bandplan.serving.spec.loading import Loaded, load_text
from bandplan.serving.spec.registration import Registration
from bandplan.serving.spec.throughput import (
    AutoThroughput,
    BandThroughput,
    ModelUnitThroughput,
    TokensPerSecondThroughput,
)

from .conftest import ENTRY, Load, OnlyProblem

Changed = Callable[[str, str], Loaded]


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 63, "a-", "7"])
def test_endpoint_name_of_letters_digits_dash_and_underscore_is_allowed(changed: Changed, name: str) -> None:
    assert changed("support-chat", f'"{name}"').problems == ()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("support chat", "write support-chat"),
        ("a.b", "write a-b"),
        ("a/b", "write a-b"),
        ("x" * 64, "63 characters"),
        ("pt", "write pt-endpoint"),
        ("get-model-optimization-info", "write get-model-optimization-info-endpoint"),
        ("", "write"),
        ("naïve", "write naive"),
        ("a\\n", "write a"),
    ],
)
def test_other_endpoint_names_are_refused_with_the_nearest_legal_one(
    changed: Changed, only_problem: OnlyProblem, name: str, step: str
) -> None:
    assert step in only_problem(changed("support-chat", f'"{name}"'), "endpoint-name", (3, 11)).next_step


def test_two_entries_of_one_name_are_refused_at_the_second(load: Load, only_problem: OnlyProblem) -> None:
    problem = only_problem(load(ENTRY + ENTRY), "duplicate-name", (8, 11))
    assert "line 3" in problem.finding


@pytest.mark.parametrize(
    "model", ["llama", "system.llama", "a.b.c.d", "a..c", "a.b c.d", "system/ai/llama", "a.b.c\\n"]
)
def test_s2_model_without_three_level_name_is_refused(changed: Changed, only_problem: OnlyProblem, model: str) -> None:
    only_problem(changed("system.ai.llama_v3_3_70b_instruct", f'"{model}"'), "S2-name", (5, 12))


@pytest.mark.parametrize(
    "model", ["system.ai.llama_v3_3_70b_instruct", "ml.llm-catalog.foundation-model", "market.llama_3.chat"]
)
def test_s2_system_ai_marketplace_and_own_models_are_allowed(changed: Changed, model: str) -> None:
    assert changed("system.ai.llama_v3_3_70b_instruct", model).problems == ()


@pytest.mark.parametrize(
    ("version", "step"),
    [
        ("latest", 'version: "1"'),
        ("3", '"3"'),
        ('"v3"', 'version: "3"'),
        ('"010"', 'version: "10"'),
        ('"1.0"', 'version: "1"'),
        ('"0"', 'version: "1"'),
        ('""', 'version: "1"'),
        ("", 'version: "1"'),
        ("true", 'version: "1"'),
        ("[1]", 'version: "1"'),
    ],
)
def test_s4_version_that_is_not_pinned_digits_is_refused(
    changed: Changed, only_problem: OnlyProblem, version: str, step: str
) -> None:
    problem = only_problem(changed('version: "1"', f"version: {version}"), "S4-version")
    assert problem.line == 6 and (step in problem.next_step or problem.next_step == 'write it in quotes: "true"')


def test_s4_missing_version_is_refused(changed: Changed, only_problem: OnlyProblem) -> None:
    problem = only_problem(changed('    version: "1"\n', ""), "S4-version", (5, 12))
    assert problem.next_step == 'add `version: "1"`'


def test_s4_version_beside_a_registration_is_refused(changed: Changed, only_problem: OnlyProblem) -> None:
    loaded = changed("model: system.ai.llama_v3_3_70b_instruct", "register: {name: a.b.c, source: runs:/1/model}")
    assert "the deployment creates the version" in only_problem(loaded, "S4-version", (6, 14)).next_step


@pytest.mark.parametrize(
    ("task", "step"),
    [
        ("llm/v1/caht", "did you mean llm/v1/chat?"),
        ("LLM/V1/EMBEDDINGS", "did you mean llm/v1/embeddings?"),
        ("llm/v2/xyzzy", ""),
        ("7", ""),
    ],
)
def test_s21_unknown_task_is_refused_with_a_suggestion(
    changed: Changed, only_problem: OnlyProblem, task: str, step: str
) -> None:
    assert step in only_problem(changed("llm/v1/chat", task), "S21-task", (4, 11)).next_step


@pytest.mark.parametrize("task", ["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"])
def test_s21_the_three_tasks_are_allowed(changed: Changed, task: str) -> None:
    assert changed("llm/v1/chat", task).problems == ()


@pytest.mark.parametrize("also", ["model_units: 50", "model_units: 50, burst: true"])
def test_s1_band_and_units_together_are_refused(changed: Changed, only_problem: OnlyProblem, also: str) -> None:
    problem = only_problem(
        changed("{bands: {min: 2, max: 3}}", f"{{bands: {{min: 2, max: 3}}, {also}}}"), "S1-both", (7, 5)
    )
    assert "never both" in problem.rule


def test_bands_and_tokens_per_second_together_are_refused(changed: Changed, only_problem: OnlyProblem) -> None:
    both = "{bands: {min: 2, max: 3}, tokens_per_second: {min: 980, max: 1960}}"
    only_problem(changed("{bands: {min: 2, max: 3}}", both), "one-of", (7, 5))


@pytest.mark.parametrize(
    ("throughput", "id"),
    [
        ("{band: {min: 1, max: 2}}", "unknown-key"),
        ("{bands: {min: 1, max: 2, step: 1}}", "unknown-key"),
        ("{bands: {min: 2, max: 3}, burst: true}", "unknown-key"),
        ("{}", "missing-key"),
        ("{burst: true}", "missing-key"),
        ("{bands: {min: 2}}", "missing-key"),
        ("{bands: 3}", "type"),
        ("3", "type"),
        ("automatic", "type"),
        ("[1]", "type"),
        ("", "type"),
        ("{bands: {min: -1, max: 2}}", "value"),
        ("{bands: {min: 0, max: 0}}", "value"),
        ("{bands: {min: 1, max: 2.5}}", "type"),
        ("{bands: {min: 1, max: 2.0}}", "type"),
        ("{bands: {min: true, max: 2}}", "type"),
        ("{model_units: 0}", "value"),
        ("{bands: {min: 4, max: 3}}", "S8-order"),
        ("{tokens_per_second: {min: 2000, max: 980}}", "S8-order"),
    ],
)
def test_throughput_that_is_none_of_the_four_kinds_is_refused(
    changed: Changed, only_problem: OnlyProblem, throughput: str, id: str
) -> None:
    assert only_problem(changed("{bands: {min: 2, max: 3}}", throughput), id).line == 7


def test_auto_without_demand_is_refused(changed: Changed, only_problem: OnlyProblem) -> None:
    only_problem(changed("{bands: {min: 2, max: 3}}", "auto"), "S17-auto-demand", (7, 17))


def test_mistyped_key_of_a_throughput_is_suggested(changed: Changed, only_problem: OnlyProblem) -> None:
    assert only_problem(changed("bands", "bnds"), "unknown-key").next_step == "did you mean bands?"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("hedroom_percent: 3", "headroom_percent"),
        ("Tags: {}", "tags"),
        ("entitys: []", "entities"),
        ("ai-gateway: {}", "ai_gateway"),
    ],
)
def test_unknown_key_of_an_entry_is_refused_with_a_suggestion(
    load: Load, only_problem: OnlyProblem, key: str, meant: str
) -> None:
    assert only_problem(load(f"{ENTRY}    {key}\n"), "unknown-key").next_step == f"did you mean {meant}?"


@pytest.mark.parametrize(
    "key",
    [
        "ai_gateway: {usage_tracking_config: {enabled: true, enable: true}}",
        "permissions: [{group_name: a, permission_level: CAN_VIEW, level: 1}]",
        "demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 0, rps: 2}",
        "waivers: [{policy: a, reason: b, owner: c, expires: 2027-01-01, by: d}]",
    ],
)
def test_unknown_key_is_refused_at_every_depth(load: Load, only_problem: OnlyProblem, key: str) -> None:
    only_problem(load(f"{ENTRY}    {key}\n"), "unknown-key")


def test_entry_without_any_model_is_refused(changed: Changed) -> None:
    loaded = changed('    model: system.ai.llama_v3_3_70b_instruct\n    version: "1"\n', "")
    assert [problem.id for problem in loaded.problems] == ["one-of"]


@pytest.mark.parametrize(
    "also",
    [
        "register: {name: a.b.c, source: runs:/1/model}",
        "workload: {size: Small, parameters_billion: 7}",
        'entities: [{model: a.b.c, version: "1", throughput: {bands: {min: 1, max: 1}}}]',
    ],
)
def test_keys_that_exclude_each_other_are_refused(load: Load, also: str) -> None:
    assert {problem.id for problem in load(f"{ENTRY}    {also}\n").problems} == {"one-of"}


SPLIT = """\
  - name: split
    task: llm/v1/chat
    entities:
      - {name: one, model: a.b.c, version: "1", throughput: {bands: {min: 1, max: 2}}, traffic_percent: 90}
      - {name: two, model: a.b.c, version: "2", throughput: {bands: {min: 1, max: 1}}, traffic_percent: 10}
"""


def test_several_entities_are_read_with_their_traffic(load: Load) -> None:
    fleet = load(SPLIT).fleet
    assert fleet is not None
    first, second = fleet.models[0].entities
    assert (first.served_name, first.version, first.traffic_percent, first.path) == ("one", "1", 90, "entities/0/")
    assert (second.served_name, second.version, second.traffic_percent, second.path) == ("two", "2", 10, "entities/1/")


@pytest.mark.parametrize(("share", "words"), [("11", "write 10"), ("9", "write 10")])
def test_traffic_that_does_not_add_up_to_100_is_refused(
    load: Load, only_problem: OnlyProblem, share: str, words: str
) -> None:
    problem = only_problem(load(SPLIT.replace("traffic_percent: 10", f"traffic_percent: {share}")), "traffic", (5, 5))
    assert words in problem.next_step and f"90 + {share}" in problem.finding


def test_entity_without_a_share_is_refused(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(SPLIT.replace(", traffic_percent: 10", "")), "traffic", (7, 9))


def test_one_entity_alone_has_all_the_traffic(load: Load) -> None:
    alone = SPLIT[: SPLIT.index("      - {name: two")].replace(", traffic_percent: 90", "")
    fleet = load(alone).fleet
    assert fleet is not None and fleet.models[0].entities[0].traffic_percent == 100


def test_entities_of_one_served_name_are_refused(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(SPLIT.replace("name: two", "name: one")), "duplicate-served-name", (7, 9))
    unnamed = SPLIT.replace("name: one, ", "").replace("name: two, ", "").replace('version: "2"', 'version: "1"')
    only_problem(load(unnamed), "duplicate-served-name", (7, 9))


@pytest.mark.parametrize(
    ("permission", "id"),
    [
        ("{permission_level: CAN_QUERY}", "one-of"),
        ("{group_name: a, user_name: b@example.com, permission_level: CAN_QUERY}", "one-of"),
        ("{group_name: a, permission_level: CAN_QERY}", "value"),
        ("{group_name: a}", "missing-key"),
    ],
)
def test_permission_that_is_not_one_principal_and_a_level_is_refused(
    load: Load, only_problem: OnlyProblem, permission: str, id: str
) -> None:
    only_problem(load(f"{ENTRY}    permissions: [{permission}]\n"), id)


@pytest.mark.parametrize(
    "day", ["2026-02-30", "tomorrow", "2026-1-1", "20260101", '"20260101"', "2026-W01-1", "2026-01-01T00:00:00"]
)
def test_waiver_without_a_real_expiry_date_is_refused(load: Load, only_problem: OnlyProblem, day: str) -> None:
    only_problem(load(f"{ENTRY}    waivers: [{{policy: a, reason: b, owner: c, expires: {day}}}]\n"), "value")


@pytest.mark.parametrize("missing", ["policy", "reason", "owner", "expires"])
def test_waiver_needs_policy_reason_owner_and_expiry(load: Load, only_problem: OnlyProblem, missing: str) -> None:
    keys = {"policy": "a", "reason": "b", "owner": "c", "expires": "2027-01-01"}
    written = ", ".join(f"{key}: {value}" for key, value in keys.items() if key != missing)
    assert only_problem(load(f"{ENTRY}    waivers: [{{{written}}}]\n"), "missing-key").path.endswith(missing)


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("45m", 2700), ("1h30m", 5400), ("90s", 90)])
def test_timeouts_are_hours_minutes_and_seconds(load: Load, text: str, seconds: int) -> None:
    for key in ("create", "update", "delete"):
        fleet = load(f"{ENTRY}    timeouts: {{{key}: {text}}}\n").fleet
        assert fleet is not None and fleet.models[0].timeouts is not None
        timeouts = fleet.models[0].timeouts
        written = {
            "create": timeouts.create_seconds,
            "update": timeouts.update_seconds,
            "delete": timeouts.delete_seconds,
        }
        assert written == {**dict.fromkeys(written), key: seconds}


@pytest.mark.parametrize("text", ["2 hours", "h", '""', "0h", "30m1h", "2d", "1.5h", "7"])
def test_other_timeouts_are_refused(load: Load, only_problem: OnlyProblem, text: str) -> None:
    only_problem(load(f"{ENTRY}    timeouts: {{create: {text}}}\n"), "type" if text == "7" else "value")


def test_demand_is_that_of_the_busiest_time(load: Load) -> None:
    demand = "requests_per_second: 0.1, input_tokens: 2, output_tokens: 1"
    fleet = load(f"{ENTRY}    demand: {{{demand}, peak_factor: 2.5, arrivals: bursty, tpot_ms: 30}}\n").fleet
    assert fleet is not None and fleet.models[0].demand is not None
    # 0.1 x 3 tokens/s on average, 2.5 times as many at the busiest time
    assert fleet.models[0].demand.exact_tokens_per_second() * 100 == 75


@pytest.mark.parametrize("text", ["peak_factor: 0.5", "latency_percentile: 100", "arrivals: often", "ttft_seconds: 0"])
def test_other_demands_are_refused(load: Load, only_problem: OnlyProblem, text: str) -> None:
    demand = "requests_per_second: 1, input_tokens: 2, output_tokens: 1"
    only_problem(load(f"{ENTRY}    demand: {{{demand}, {text}}}\n"), "value")


def test_demand_of_requests_in_flight_has_no_tokens_per_second(load: Load, only_problem: OnlyProblem) -> None:
    tokens = "input_tokens: 2, output_tokens: 1"
    fleet = load(f"{ENTRY}    demand: {{concurrent_requests: 16, {tokens}}}\n").fleet
    assert fleet is not None and fleet.models[0].demand is not None
    assert fleet.models[0].demand.tokens_per_second is None
    for text in ("concurrent_requests: 0", "concurrent_requests: 1.5", "concurrent_requests: 10001"):
        assert load(f"{ENTRY}    demand: {{{text}, {tokens}}}\n").problems[0].id in ("value", "type")


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("", "add requests_per_second"),
        ("requests_per_second: 1, concurrent_requests: 2, ", "keep requests_per_second or concurrent_requests"),
    ],
)
def test_demand_has_a_rate_or_requests_in_flight(load: Load, only_problem: OnlyProblem, given: str, step: str) -> None:
    loaded = load(f"{ENTRY}    demand: {{{given}input_tokens: 2, output_tokens: 1}}\n")
    assert only_problem(loaded, "one-of").next_step == step
    assert loaded.checkable is None or not loaded.checkable.models


def test_auto_of_requests_in_flight_requires_a_latency_target(changed: Changed, only_problem: OnlyProblem) -> None:
    demand = "{concurrent_requests: 16, input_tokens: 2, output_tokens: 1}"
    text = changed("{bands: {min: 2, max: 3}}", f"auto\n    demand: {demand}")
    assert "add latency_seconds" in only_problem(text, "S17-auto-demand").next_step
    assert changed("{bands: {min: 2, max: 3}}", f"auto\n    demand: {demand[:-1]}, tpot_ms: 9}}").fleet is not None


def test_all_settings_of_an_entry_are_read(load: Load) -> None:
    fleet = load(
        f"""{ENTRY}    description: Answers
    demand: {{requests_per_second: 0.1, input_tokens: 3, output_tokens: 0, latency_seconds: 1.5}}
    ai_gateway: {{rate_limits: [{{calls: 5}}], fallback_config: {{enabled: false}}}}
    rate_limits: [{{calls: 9, key: user}}]
    notifications: {{on_update_success: [a@b.c], on_update_failure: [d@e.f]}}
    budget_policy_id: b1f0c2d4-0000-4000-8000-000000000001
    route_optimized: true
    waivers: [{{policy: p, reason: r, owner: o, expires: 2027-01-31}}]
"""
    ).fleet
    assert fleet is not None
    entry = fleet.models[0]
    assert (
        entry.description == "Answers"
        and entry.budget_policy_id == "b1f0c2d4-0000-4000-8000-000000000001"
        and entry.route_optimized
    )
    # 0.1 requests/s of 3 tokens: three tenths of a token per second, exactly
    assert entry.demand is not None and entry.demand.exact_tokens_per_second() * 10 == 3
    assert entry.ai_gateway is not None and entry.ai_gateway.rate_limits is not None
    assert (entry.ai_gateway.rate_limits[0].calls, entry.ai_gateway.rate_limits[0].key) == (5, "endpoint")
    assert entry.ai_gateway.fallback_config is not None and entry.ai_gateway.fallback_config.enabled is False
    assert (entry.rate_limits[0].calls, entry.rate_limits[0].key, entry.rate_limits[0].renewal_period) == (
        9,
        "user",
        "minute",
    )
    assert entry.notifications is not None and entry.notifications.on_update_failure == ("d@e.f",)
    assert entry.waivers[0].expires == date(2027, 1, 31)


def test_each_way_to_give_throughput_has_its_type(load: Load) -> None:
    kinds = {
        "{bands: {min: 0, max: 1}}": BandThroughput,
        "{tokens_per_second: {min: 980, max: 980}}": TokensPerSecondThroughput,
        "{model_units: 50, burst: true}": ModelUnitThroughput,
        "auto\n    demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}": AutoThroughput,
    }
    for text, kind in kinds.items():
        fleet = load(ENTRY.replace("{bands: {min: 2, max: 3}}", text)).fleet
        assert fleet is not None and isinstance(fleet.models[0].entities[0].throughput, kind)


def test_entity_to_be_registered_has_the_registered_name_and_no_version(changed: Changed) -> None:
    model = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    fleet = changed(model, "register: {name: ml.search.gte, source: ./checkpoint, alias: champion}").fleet
    assert fleet is not None
    entity = fleet.models[0].entities[0]
    assert (entity.model, entity.version, entity.served_name) == ("ml.search.gte", None, "gte")
    assert entity.register == Registration(name="ml.search.gte", source="./checkpoint", alias="champion")
    assert entity.register.is_logged_here


def test_served_name_is_the_last_part_of_the_model_and_the_version(load: Load) -> None:
    fleet = load().fleet
    assert fleet is not None and fleet.models[0].entities[0].served_name == "llama_v3_3_70b_instruct-1"


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1e300"])
@pytest.mark.parametrize("bound", ["min: 2", "max: 3"])
def test_number_that_cannot_be_used_is_one_problem_and_its_capacity_is_not_judged(
    changed: Changed, only_problem: OnlyProblem, bound: str, number: str
) -> None:
    key = bound.split(":")[0]
    loaded = changed(bound, f"{key}: {number}")
    assert only_problem(loaded, "value").path == f"models/support-chat/throughput/bands/{key}"
    assert loaded.checkable is not None and loaded.checkable.models == ()


@pytest.mark.parametrize("version", ["2", "2.0"])
def test_s4_version_that_is_a_number_is_to_be_put_in_quotes(
    changed: Changed, only_problem: OnlyProblem, version: str
) -> None:
    problem = only_problem(changed('version: "1"', f"version: {version}"), "S4-version")
    assert problem.next_step == 'write it in quotes: "2"'


def test_version_of_the_format_is_told_apart_from_that_of_a_model(load: Load, only_problem: OnlyProblem) -> None:
    loaded = load_text("version: 2\nmodels: []\n", "models.yaml", None)
    assert only_problem(loaded, "value").next_step == "write `version: 1`; a model's version is written in its entry"


def test_timeout_that_is_a_number_is_to_be_given_its_unit(load: Load, only_problem: OnlyProblem) -> None:
    step = only_problem(load(f"{ENTRY}    timeouts: {{delete: 5}}\n"), "type").next_step
    assert step == "write it with its unit, such as `delete: 5m` for minutes"


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("timeouts: {create: true}", 'write `create: "4h"`'),
        ("timeouts: {create: 1.5}", 'write `create: "4h"`'),
        ("tags: {cost: 12}", 'write it in quotes: "12"'),
        ("tags: {ratio: 1.5}", 'write it in quotes: "1.5"'),
        ("notifications: {on_update_failure: [5]}", "write `on_update_failure: [team@example.com]`"),
    ],
)
def test_quotes_are_advised_only_where_they_make_a_legal_value(
    load: Load, only_problem: OnlyProblem, key: str, step: str
) -> None:
    assert only_problem(load(f"{ENTRY}    {key}\n"), "type").next_step == step


def test_mlflow_version_that_yaml_has_shortened_is_not_repeated(changed: Changed, only_problem: OnlyProblem) -> None:
    model = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    loaded = changed(model, "register: {name: a.b.c, source: runs:/1/m, mlflow_version: 2.10}")
    assert only_problem(loaded, "type").next_step == 'write `mlflow_version: "3.11.0"`'


@pytest.mark.parametrize(
    ("task", "meant"),
    [
        ("chat", "llm/v1/chat"),
        ("Chat", "llm/v1/chat"),
        ("embedding", "llm/v1/embeddings"),
        ("completion", "llm/v1/completions"),
    ],
)
def test_s21_task_without_its_prefix_is_suggested_in_full(
    changed: Changed, only_problem: OnlyProblem, task: str, meant: str
) -> None:
    assert only_problem(changed("llm/v1/chat", task), "S21-task").next_step == f"did you mean {meant}?"


@pytest.mark.parametrize("character", ["\\e[2J", "\\x07", "\\x9b31m", "\\r", "\\u202e", "\\u2028"])
def test_control_characters_of_a_name_are_escaped_in_what_is_printed(load: Load, character: str) -> None:
    loaded = load(f'{ENTRY}    "odd{character}": 1\n    tags: {{"a{character}": 1}}\n')
    assert len(loaded.problems) == 2
    for problem in loaded.problems:
        assert problem.render().isprintable() and "\\" in problem.render()


def test_s4_version_may_be_an_alias_to_follow(changed: Changed) -> None:
    loaded = changed('version: "1"', "version: {alias: champion}")
    assert loaded.fleet is not None, loaded.problems
    (entity,) = loaded.fleet.models[0].entities
    assert (entity.version, entity.alias) == (None, "champion")


@pytest.mark.parametrize(
    ("version", "id", "step"),
    [
        ("{alias: a b}", "value", "write `alias: champion`"),
        ("{alias: 3}", "type", 'write it in quotes: "3"'),
        ("{}", "missing-key", "add `alias: champion`"),
        ('{alias: champion, number: "3"}', "unknown-key", "remove it; the keys here are alias"),
    ],
)
def test_alias_that_cannot_be_followed_is_refused(
    changed: Changed, only_problem: OnlyProblem, version: str, id: str, step: str
) -> None:
    assert only_problem(changed('version: "1"', f"version: {version}"), id).next_step == step


def test_tag_that_is_bandplans_own_is_refused(changed: Changed, only_problem: OnlyProblem) -> None:
    model = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    tags = '{a: b, "bandplan.source_digest": x}'
    problem = only_problem(changed(model, f"register: {{name: a.b.c, source: runs:/1/m, tags: {tags}}}"), "own-tag")
    assert problem.path == "models/support-chat/register/tags/bandplan.source_digest"


def test_registration_says_what_its_model_is_who_owns_it_and_who_may_use_it(changed: Changed) -> None:
    model = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    more = "comment: Ours, owner: ana, retain: false, grants: [{principal: apps, privileges: [EXECUTE]}]"
    loaded = changed(model, f"register: {{name: a.b.c, source: runs:/1/m, {more}}}")
    assert loaded.fleet is not None, loaded.problems
    registration = loaded.fleet.models[0].entities[0].register
    assert registration is not None and not registration.retain
    assert (registration.comment, registration.owner) == ("Ours", "ana")
    assert [(grant.principal, grant.privileges) for grant in registration.grants or ()] == [("apps", ("EXECUTE",))]


@pytest.mark.parametrize("grants", ["[{principal: apps, privileges: []}]", "[{principal: apps, privileges: [SELECT]}]"])
def test_grant_that_no_model_has_is_refused(changed: Changed, only_problem: OnlyProblem, grants: str) -> None:
    model = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    only_problem(changed(model, f"register: {{name: a.b.c, source: runs:/1/m, grants: {grants}}}"), "value")


def test_share_that_is_mistyped_is_one_problem(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(SPLIT.replace("traffic_percent: 10", "traffic_percentage: 10")), "unknown-key", (7, 88))


def test_s17_demand_of_an_entity_belongs_to_its_entry(load: Load) -> None:
    demand = "demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}"
    loaded = load(SPLIT.replace("throughput: {bands: {min: 1, max: 1}}", f"throughput: auto, {demand}"))
    assert [(one.id, one.path) for one in loaded.problems] == [
        ("S17-auto-demand", "models/split/entities/1/throughput"),
        ("unknown-key", "models/split/entities/1/demand"),
    ]
    assert "in the entry" in loaded.problems[0].next_step


def test_tag_that_is_bandplans_own_is_refused_in_an_entity_too(load: Load, only_problem: OnlyProblem) -> None:
    tagged = 'register: {name: a.b.c, source: runs:/1/m, tags: {"bandplan.x": y}}'
    problem = only_problem(load(SPLIT.replace('model: a.b.c, version: "2"', tagged)), "own-tag")
    assert problem.path == "models/split/entities/1/register/tags/bandplan.x"


def test_entries_without_a_name_are_not_called_the_same(load: Load) -> None:
    loaded = load(ENTRY.replace("name: support-chat\n    task", "task") * 2)
    assert [problem.id for problem in loaded.problems] == ["endpoint-name", "endpoint-name"]


def test_permission_that_is_no_mapping_is_one_problem(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(f"{ENTRY}    permissions: [analysts]\n"), "type")


@pytest.mark.parametrize(
    ("throughput", "ids", "step"),
    [
        ("{bands: {min: 4, max: 3}}", ["S8-order"], "write max: 4, or a smaller min"),
        # 2000 may be no multiple of the chunk, which is not known here
        ("{tokens_per_second: {min: 2000, max: 980}}", ["S8-order"], "write a max of at least 2000, or a smaller min"),
        ("{bands: {min: 3, max: 3}}", [], ""),
        ("{bands: {min: 1, max: 0}}", ["value"], "write 1 or more"),
    ],
)
def test_s8_max_is_at_least_min_and_is_judged_once(
    changed: Changed, throughput: str, ids: list[str], step: str
) -> None:
    problems = changed("{bands: {min: 2, max: 3}}", throughput).problems
    assert [problem.id for problem in problems] == ids
    assert [problem.next_step for problem in problems] == [step] * len(ids)


def test_bound_that_is_not_legal_itself_asks_for_a_number_beyond_it(changed: Changed) -> None:
    demand = "{bands: {min: 2, max: 3}}\n    demand: {requests_per_second: 0, input_tokens: 2, output_tokens: 1}"
    (problem,) = changed("{bands: {min: 2, max: 3}}", demand).problems
    assert (problem.finding, problem.next_step) == ("0 is not more than 0", "write a number greater than 0")


def test_entities_that_are_none_are_one_problem(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load("  - {name: split, task: llm/v1/chat, entities: []}\n"), "value")


def test_shares_that_no_last_one_can_make_good_are_to_be_lowered(load: Load, only_problem: OnlyProblem) -> None:
    third = (
        '      - {name: c, model: a.b.c, version: "3", throughput: {bands: {min: 1, max: 1}}, traffic_percent: 30}\n'
    )
    entities = SPLIT.replace("traffic_percent: 10", "traffic_percent: 95") + third  # 90 + 95 + 30
    assert only_problem(load(entities), "traffic").next_step == "reduce the shares by 115"


def test_entities_without_a_model_are_not_called_the_same(load: Load) -> None:
    capacity = "throughput: {bands: {min: 1, max: 2}}, traffic_percent: 50"
    loaded = load(f"  - {{name: a, task: llm/v1/chat, entities: [{{{capacity}}}, {{{capacity}}}]}}\n")
    assert [problem.id for problem in loaded.problems] == ["one-of", "one-of"]
