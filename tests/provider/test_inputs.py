from typing import Any

import pytest

from bandplan.plugin.values import UNKNOWN
from bandplan.provider.input_kinds import is_known
from bandplan.provider.inputs import findings
from bandplan.provider.property_changes import property_changes
from tests.endpoint.builders import declaration, served


def inputs(**changes: Any) -> dict[str, Any]:
    return {
        "endpoint": "chat",
        "servingEndpointId": "0" * 32,
        "api": "classic",
        "declared": declaration(),
        "timeoutSeconds": 60,
        **changes,
    }


def test_valid_inputs_have_no_findings() -> None:
    everything = declaration(
        trafficConfig={"routes": [{"servedEntityName": "llama-1", "trafficPercentage": 100}]},
        description="d",
        emailNotifications={"onUpdateFailures": []},
        rateLimits=[{"calls": 1, "renewalPeriod": "minute"}],
        tags=[{"key": "a"}],
        aiGateway={},
        budgetPolicyId="b",
    )
    assert findings(inputs(declared=everything)) == ()
    units = {"servedEntities": [{"entityName": "m", "entityVersion": "1", "provisionedModelUnits": 50}]}
    assert findings(inputs(api="pt", declared=units)) == ()


@pytest.mark.parametrize("name", ["endpoint", "servingEndpointId", "api", "declared", "timeoutSeconds"])
def test_what_is_not_known_yet_passes(name: str) -> None:
    assert findings(inputs(**{name: UNKNOWN})) == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": 3}, "endpoint"),
        ({"api": "classics"}, "api"),
        ({"api": None}, "api"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": "1h"}, "timeoutSeconds"),
        ({"colour": "red"}, "colour"),
        ({"declared": None}, "declared"),
        ({"declared": {}}, "declared"),
        ({"declared": {"servedEntities": [served()], "servedModels": [{"modelName": "m"}]}}, "declared"),
        ({"declared": declaration(routeOptimised=True)}, "declared.routeOptimised"),
        ({"declared": declaration(tags="a=b")}, "declared.tags"),
        ({"declared": declaration(tags=[{"value": "x"}])}, "declared.tags[0]"),
        ({"declared": {"servedModels": [{"modelVersion": "1"}]}}, "declared.servedModels[0]"),
        ({"api": "pt"}, "declared.servedEntities[0]"),
        (
            {"declared": declaration(trafficConfig={"routes": [{"servedEntityName": "a", "trafficPercentage": 99}]})},
            "declared.trafficConfig.routes",
        ),
        (
            {"declared": declaration(trafficConfig={"routes": [{"trafficPercentage": 100}]})},
            "declared.trafficConfig.routes[0]",
        ),
    ],
)
def test_each_mistake_is_found_where_it_is(change: dict[str, Any], path: str) -> None:
    assert [finding.property_path for finding in findings(inputs(**change))] == [path]


def test_all_mistakes_are_reported_at_once() -> None:
    wrong = inputs(endpoint="", api="x", timeoutSeconds=-1, declared=declaration(tags=3))
    assert len(findings(wrong)) == 4


def test_a_value_is_known_only_if_every_part_is() -> None:
    assert is_known(inputs())
    assert not is_known(inputs(declared=declaration(servedEntities=[served(entityVersion=UNKNOWN)])))


def test_changes_are_named_at_the_deepest_property() -> None:
    old = {"declared": declaration(tags=[{"key": "a", "value": "1"}], description="d"), "endpoint": "x"}
    new = {
        "declared": declaration(
            servedEntities=[served(maxProvisionedThroughput=3920, entityVersion=UNKNOWN), served("b")]
        ),
        "endpoint": "x",
    }
    assert property_changes(old, new, ("declared", "endpoint")) == {
        "declared.servedEntities[0].entityVersion": "update",
        "declared.servedEntities[0].maxProvisionedThroughput": "update",
        "declared.servedEntities[1]": "add",
        "declared.tags": "delete",
        "declared.description": "delete",
    }
