from typing import Any

import pytest

from bandplan.serving.endpoint.comparison import description_difference, differences, task_difference, unverifiable
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.difference import Difference
from bandplan.wire.property_path import property_path
from tests.endpoint.builders import MODEL, declaration, declared, live, live_config, live_served, served


def paths(declared: Declared, endpoint: Any) -> list[str]:
    return [difference.property_path for difference in differences(declared, endpoint)]


def test_what_runs_as_declared_with_the_platforms_own_defaults_does_not_differ() -> None:
    assert differences(declared(), live(description="", tags=[], ai_gateway={}, email_notifications={})) == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"max_provisioned_throughput": 1960}, "declared.servedEntities[0].maxProvisionedThroughput"),
        ({"min_provisioned_throughput": 980}, "declared.servedEntities[0].minProvisionedThroughput"),
        ({"min_provisioned_throughput": None}, "declared.servedEntities[0].minProvisionedThroughput"),
        ({"entity_version": "2"}, "declared.servedEntities[0].entityVersion"),
        ({"entity_name": "system.ai.other"}, "declared.servedEntities[0].entityName"),
        ({"provisioned_model_units": 50}, "declared.servedEntities[0].provisionedModelUnits"),
    ],
)
def test_a_changed_property_is_named(change: dict[str, Any], path: str) -> None:
    assert paths(declared(), live(config=live_config(live_served(**change)))) == [path]


@pytest.mark.parametrize(
    ("declaration_change", "live_change"),
    [
        ({"minProvisionedThroughput": 0}, {"min_provisioned_throughput": None}),
        ({"minProvisionedThroughput": None}, {"min_provisioned_throughput": 0}),
        ({"scaleToZeroEnabled": False}, {}),
        ({"burstScalingEnabled": False}, {}),
        ({"entityVersion": "1"}, {"entity_version": 1}),
        ({"name": None}, {}),
    ],
)
def test_zero_false_and_absent_are_the_same(declaration_change: dict[str, Any], live_change: dict[str, Any]) -> None:
    wanted = declared(servedEntities=[served(**declaration_change)])
    assert paths(wanted, live(config=live_config(live_served(**live_change)))) == []


def test_scale_to_zero_differs_where_an_entity_runs_on_compute_and_is_the_platforms_where_it_has_throughput() -> None:
    """S26: the switch is for CPU; a band's floor decides."""
    filled_in = live(config=live_config(live_served(scale_to_zero_enabled=True)))
    assert paths(declared(), filled_in) == []
    on_compute = declared(servedEntities=[served(minProvisionedThroughput=None, maxProvisionedThroughput=None)])
    bare = live_served(min_provisioned_throughput=None, max_provisioned_throughput=None, scale_to_zero_enabled=True)
    assert paths(on_compute, live(config=live_config(bare))) == ["declared.servedEntities[0].scaleToZeroEnabled"]


def test_burst_is_compared_where_the_workspace_gives_it_back() -> None:
    wanted = declared(servedEntities=[served(burstScalingEnabled=True)])
    assert paths(wanted, live(config=live_config(live_served(burst_scaling_enabled=False)))) == [
        "declared.servedEntities[0].burstScalingEnabled"
    ]


def test_rate_limit_of_the_gateway_that_leaves_its_key_out_is_one_of_the_endpoint() -> None:
    wanted = declared(aiGateway={"rateLimits": [{"calls": 5, "key": "endpoint", "renewalPeriod": "minute"}]})
    assert paths(wanted, live(ai_gateway={"rate_limits": [{"calls": 5}]})) == []
    assert paths(wanted, live(ai_gateway={"rate_limits": [{"calls": 5, "key": "user"}]})) != []


def test_a_minimum_that_was_dropped_from_the_declaration_but_still_runs_differs() -> None:
    wanted = declared(servedEntities=[served(minProvisionedThroughput=0)])
    assert paths(wanted, live()) == ["declared.servedEntities[0].minProvisionedThroughput"]


def test_what_is_never_given_back_is_no_difference_but_is_said() -> None:
    wanted = declared(
        servedEntities=[served(burstScalingEnabled=True)],
        budgetPolicyId="b-1",
        rateLimits=[{"calls": 5, "renewalPeriod": "minute"}],
    )
    assert differences(wanted, live()) == ()
    assert unverifiable(wanted, live()) == (
        "declared.servedEntities[0].burstScalingEnabled",
        "declared.budgetPolicyId",
        "declared.rateLimits",
    )


def test_rate_limits_that_are_given_back_are_compared() -> None:
    wanted = declared(rateLimits=[{"calls": 5, "key": "user", "renewalPeriod": "minute"}])
    same = [{"calls": 5, "key": "user", "renewal_period": "minute"}]
    assert paths(wanted, live(rate_limits=same)) == []
    assert paths(wanted, live(rate_limits=[{**same[0], "calls": 6}])) == ["declared.rateLimits"]


def test_entities_are_paired_by_name_whatever_their_order() -> None:
    wanted = declared(servedEntities=[served("a"), served("b", entityVersion="2")])
    swapped = live_config(live_served("b", entity_version="2"), live_served("a"))
    assert paths(wanted, live(config=swapped)) == []


def test_a_missing_and_an_extra_entity_are_named() -> None:
    wanted = declared(servedEntities=[served("a"), served("b")])
    found = differences(wanted, live(config=live_config(live_served("a"), live_served("c"))))
    assert [difference.property_path for difference in found] == [
        "declared.servedEntities[1]",
        "declared.servedEntities",
    ]
    assert "also c" in str(found[1])


def test_an_endpoint_without_config_lacks_every_entity() -> None:
    assert paths(declared(), live(config=None)) == ["declared.servedEntities[0]"]


def test_during_an_update_the_config_under_way_is_what_counts() -> None:
    updating = live(
        state={"config_update": "IN_PROGRESS"},
        config=live_config(live_served(max_provisioned_throughput=1960)),
        pending_config=live_config(version=2),
    )
    assert paths(declared(), updating) == []


def test_after_a_failed_update_the_config_that_runs_is_what_counts() -> None:
    failed = live(
        state={"config_update": "UPDATE_FAILED"},
        config=live_config(live_served(max_provisioned_throughput=1960)),
        pending_config=live_config(version=2),
    )
    assert paths(declared(), failed) == ["declared.servedEntities[0].maxProvisionedThroughput"]


def test_traffic_is_compared_by_entity_under_either_name() -> None:
    entities = [served("a"), served("b")]
    routes = [
        {"servedEntityName": "a", "trafficPercentage": 90},
        {"servedModelName": "b", "trafficPercentage": 10},
    ]
    half_each = live(config=live_config(live_served("a"), live_served("b")))
    wanted = declared(servedEntities=entities, trafficConfig={"routes": routes})
    assert paths(wanted, half_each) == [
        "declared.trafficConfig.routes[0].trafficPercentage",
        "declared.trafficConfig.routes[1].trafficPercentage",
    ]


def test_a_route_nobody_declared_differs() -> None:
    wanted = declared(trafficConfig={"routes": [{"servedEntityName": "llama-1", "trafficPercentage": 50}]})
    both = live_config(live_served("llama-1"), live_served("shadow"))
    assert "declared.trafficConfig.routes" in paths(wanted, live(config=both))


def test_s25_legacy_models_are_compared_in_their_own_view() -> None:
    model = {
        "name": "llama-1",
        "modelName": MODEL,
        "modelVersion": "1",
        "workloadType": "GPU_LARGE",
        "workloadSize": "Small",
        "scaleToZeroEnabled": False,
    }
    legacy = Declared.from_inputs({"servedModels": [model]})
    workload = {"min_provisioned_throughput": None, "max_provisioned_throughput": None}
    running = live_config(live_served(**workload))
    assert paths(legacy, live(config=running)) == []
    only_entities = {**running, "served_models": []}
    assert paths(legacy, live(config=only_entities)) == []
    other = live_config(live_served(**workload, workload_size="Large"))
    assert paths(legacy, live(config=other)) == ["declared.servedModels[0].workloadSize"]


def test_letter_case_of_mail_addresses_is_no_difference() -> None:
    limit = {"calls": 1, "key": "user", "principal": "Ana@Example.com"}
    wanted = declared(
        emailNotifications={"onUpdateFailures": ["Ana@Example.com", "bo@example.com"]},
        aiGateway={"rateLimits": [limit]},
    )
    kept = {**limit, "principal": "ana@example.com"}
    there = live(
        email_notifications={"on_update_failure": ["bo@example.com", "ana@example.com"]},
        ai_gateway={"rate_limits": [kept]},
    )
    assert differences(wanted, there) == ()
    other = live(
        email_notifications=there.email_notifications, ai_gateway={"rate_limits": [{**kept, "principal": "bo@x"}]}
    )
    assert differences(wanted, other) != ()


def test_notifications_tags_and_gateway_are_compared_when_declared_and_left_alone_when_not() -> None:
    endpoint = live(
        email_notifications={"on_update_failure": ["b@x", "a@x"]},
        tags=[{"key": "team", "value": "ml"}, {"key": "added-by-finance", "value": "1"}],
        ai_gateway={"usage_tracking_config": {"enabled": True}, "guardrails": {"input": {"safety": True}}},
    )
    assert paths(declared(), endpoint) == []
    same = declared(
        emailNotifications={"onUpdateFailures": ["a@x", "b@x"]},
        tags=[{"key": "team", "value": "ml"}],
        aiGateway={"usageTrackingConfig": {"enabled": True}, "guardrails": {"input": {"safety": True}}},
    )
    assert paths(same, endpoint) == []
    other = declared(
        emailNotifications={"onUpdateFailures": ["a@x"], "onUpdateSuccesses": ["c@x"]},
        tags=[{"key": "team", "value": "search"}],
        aiGateway={"guardrails": {"input": {"safety": False}, "output": {"safety": True}}},
    )
    assert paths(other, endpoint) == [
        "declared.emailNotifications.onUpdateFailures",
        "declared.emailNotifications.onUpdateSuccesses",
        "declared.tags[0].value",
        "declared.aiGateway.guardrails.input.safety",
        "declared.aiGateway.guardrails.output",
    ]


def test_plaintext_secrets_of_an_external_model_are_not_compared() -> None:
    external = {"name": "gpt", "provider": "openai", "task": "llm/v1/chat"}
    mine = {**external, "openaiConfig": {"openaiApiKeyPlaintext": "s3cret", "openaiApiBase": "https://o"}}
    theirs = {**external, "openai_config": {"openai_api_base": "https://o"}}
    wanted = declared(servedEntities=[{"name": "llama-1", "externalModel": mine}])
    none = dict.fromkeys(("min_provisioned_throughput", "max_provisioned_throughput"))
    assert paths(wanted, live(config=live_config(live_served(**none, external_model=theirs)))) == []


def test_environment_variables_are_compared_whole_with_their_own_spelling() -> None:
    wanted = declared(servedEntities=[served(environmentVars={"HF_TOKEN": "{{secrets/a/b}}"})])
    same = live_served(environment_vars={"HF_TOKEN": "{{secrets/a/b}}"})
    assert paths(wanted, live(config=live_config(same))) == []
    assert paths(wanted, live()) == ["declared.servedEntities[0].environmentVars"]


def test_a_changed_description_is_kept_apart_from_what_can_be_mended() -> None:
    wanted = declared(description="new")
    assert differences(wanted, live(description="old")) == ()
    found = description_difference(wanted, live(description="old"))
    assert found is not None and (found.declared, found.live) == ("new", "old")
    assert description_difference(declared(), live(description="old")) is None


def test_another_task_is_kept_apart_from_what_can_be_mended() -> None:
    wanted = declared(task="llm/v1/embeddings")
    assert differences(wanted, live(task="llm/v1/chat")) == ()
    found = task_difference(wanted, live(task="llm/v1/chat"))
    assert found is not None and (found.property_path, found.declared, found.live) == (
        "declared.task",
        "llm/v1/embeddings",
        "llm/v1/chat",
    )


@pytest.mark.parametrize("reported", [None, "", "llm/v1/embeddings"])
def test_task_that_is_the_same_or_not_reported_is_no_difference(reported: str | None) -> None:
    assert task_difference(declared(task="llm/v1/embeddings"), live(task=reported)) is None
    assert task_difference(declared(), live(task="llm/v1/chat")) is None


def test_task_of_other_models_than_the_declared_ones_says_nothing() -> None:
    wanted = declared(task="llm/v1/embeddings")
    other = live_config(live_served(entity_name="system.ai.other"))
    assert task_difference(wanted, live(task="llm/v1/chat", config=other)) is None
    assert task_difference(wanted, live(task="llm/v1/chat", config=None)) is None


def test_s25_task_of_legacy_models_is_compared() -> None:
    model = {"name": "llama-1", "modelName": MODEL, "modelVersion": "1", "workloadSize": "Small"}
    legacy = Declared.from_inputs({"servedModels": [model], "task": "llm/v1/completions"})
    assert task_difference(legacy, live(task="llm/v1/chat")) is not None


def test_a_difference_reads_as_a_sentence() -> None:
    (found,) = differences(declared(), live(config=live_config(live_served(max_provisioned_throughput=1960))))
    assert str(found) == "declared.servedEntities[0].maxProvisionedThroughput: live 1960, declared 2940"


def test_a_property_path_quotes_what_is_not_a_plain_name() -> None:
    assert property_path(("declared", "x", 0, "a-b", 'c"d')) == 'declared.x[0]["a-b"]["c\\"d"]'


def test_declaration_of_builders_is_complete() -> None:
    assert set(declaration()) == {"servedEntities"}


def test_difference_shows_no_more_than_a_few_lines_of_what_a_workspace_answers() -> None:
    for huge in ("\u202e" * 2_000_000, ["x"] * 100_000):
        text = str(Difference(("declared", "description"), "short", huge))
        assert len(text) < 1_000 and text.endswith("..., declared 'short'")


def test_environment_variables_may_have_any_name() -> None:
    variables = {"input": "a", "calls": "b", "rate_limits": "c"}
    config = live(config=live_config(live_served(environment_vars=variables))).config
    assert config is not None and config.served_entities[0].settings["environment_vars"] == variables
