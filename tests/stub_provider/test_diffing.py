"""State against inputs: paths, kinds, and what replaces."""

from typing import Any

import pytest

from bandplan.plugin.values import UNKNOWN
from bandplan.stub.provider.diffing import Difference, Kind, differences
from bandplan.stub.provider.fields import MODEL_SERVING, PERMISSIONS, REGISTERED_MODEL
from bandplan.stub.provider.ignoring import with_ignored_kept

ADD, DELETE, UPDATE = Kind.ADD, Kind.DELETE, Kind.UPDATE
ENTITY = {"name": "a-1", "entityName": "c.s.a", "entityVersion": "1", "minProvisionedThroughput": 980}


def entities(*items: dict[str, Any]) -> dict[str, Any]:
    return {"config": {"servedEntities": list(items)}}


CAPTURE = {"catalogName": "ml", "enabled": True}
# (state, inputs, [(path, kind, replaces)])
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, Kind, bool]]]] = {
    "nothing": ({"name": "a"}, {"name": "a"}, []),
    "outputs do not count": ({"servingEndpointId": "1", "endpointUrl": "u"}, {}, []),
    "zero is absent": (
        entities(ENTITY | {"minProvisionedThroughput": 0}),
        entities({"name": "a-1", "entityName": "c.s.a", "entityVersion": "1"}),
        [],
    ),
    "absent is false": ({}, {"routeOptimized": False, "description": "", "tags": []}, []),
    "number for a version": (entities(ENTITY), entities(ENTITY | {"entityVersion": 1}), []),
    "name filled by the workspace": (entities(ENTITY), entities({k: v for k, v in ENTITY.items() if k != "name"}), []),
    "traffic filled by the workspace": (
        {"config": {"servedEntities": [ENTITY], "trafficConfig": {"routes": [{"trafficPercentage": 100}]}}},
        entities(ENTITY),
        [],
    ),
    "config left out": (entities(ENTITY), {}, []),
    "band": (
        entities(ENTITY),
        entities(ENTITY | {"minProvisionedThroughput": 1960}),
        [("config.servedEntities[0].minProvisionedThroughput", UPDATE, False)],
    ),
    "band removed": (
        entities(ENTITY),
        entities({k: v for k, v in ENTITY.items() if k != "minProvisionedThroughput"}),
        [("config.servedEntities[0].minProvisionedThroughput", DELETE, False)],
    ),
    "entity renamed": (
        entities(ENTITY),
        entities(ENTITY | {"name": "b"}),
        [("config.servedEntities[0].name", UPDATE, False)],
    ),
    "entity added in front": (
        entities(ENTITY),
        entities({"name": "b"}, ENTITY),
        [("config.servedEntities[0]", ADD, False)],
    ),
    "entity removed": (
        entities(ENTITY, {"name": "b"}),
        entities({"name": "b"}),
        [("config.servedEntities[0]", DELETE, False)],
    ),
    "entities in another order": (entities(ENTITY, {"name": "b"}), entities({"name": "b"}, ENTITY), []),
    "environment": (
        entities(ENTITY | {"environmentVars": {"A": "1", "B": "1"}}),
        entities(ENTITY | {"environmentVars": {"A": "2", "C": "1"}}),
        [
            ("config.servedEntities[0].environmentVars.B", DELETE, False),
            ("config.servedEntities[0].environmentVars.A", UPDATE, False),
            ("config.servedEntities[0].environmentVars.C", ADD, False),
        ],
    ),
    "tag": (
        {"tags": [{"key": "a", "value": "1"}]},
        {"tags": [{"key": "a", "value": "2"}]},
        [("tags[0].value", UPDATE, False)],
    ),
    "tag with another key": (
        {"tags": [{"key": "a"}]},
        {"tags": [{"key": "b"}]},
        [("tags[0]", ADD, False), ("tags[0]", DELETE, False)],
    ),
    "tags in another order": ({"tags": [{"key": "a"}, {"key": "b"}]}, {"tags": [{"key": "b"}, {"key": "a"}]}, []),
    "route order": (
        {"config": {"trafficConfig": {"routes": [{"trafficPercentage": 90}, {"trafficPercentage": 10}]}}},
        {"config": {"trafficConfig": {"routes": [{"trafficPercentage": 10}, {"trafficPercentage": 90}]}}},
        [
            ("config.trafficConfig.routes[0].trafficPercentage", UPDATE, False),
            ("config.trafficConfig.routes[1].trafficPercentage", UPDATE, False),
        ],
    ),
    "never sent": ({"description": "a"}, {"description": "b"}, [("description", UPDATE, False)]),
    "renamed": ({"name": "a"}, {"name": "b"}, [("name", UPDATE, True)]),
    "route optimised": ({}, {"routeOptimized": True}, [("routeOptimized", ADD, True)]),
    "capture turned off": (
        {"config": {"autoCaptureConfig": CAPTURE}},
        {"config": {"autoCaptureConfig": CAPTURE | {"enabled": False}}},
        [("config.autoCaptureConfig.enabled", DELETE, False)],
    ),
    # Optional and computed in the published provider: what is left out stays as it is.
    "capture, its switch left out": (
        {"config": {"autoCaptureConfig": CAPTURE}},
        {"config": {"autoCaptureConfig": {"catalogName": "ml"}}},
        [],
    ),
    "capture moved": (
        {"config": {"autoCaptureConfig": CAPTURE}},
        {"config": {"autoCaptureConfig": CAPTURE | {"catalogName": "x"}}},
        [("config.autoCaptureConfig.catalogName", UPDATE, True)],
    ),
    "capture added": (
        {"config": {"servedModels": []}},
        {"config": {"autoCaptureConfig": CAPTURE}},
        [("config.autoCaptureConfig", ADD, True)],
    ),
    "gateway removed": ({"aiGateway": {"usageTrackingConfig": {}}}, {}, [("aiGateway", DELETE, False)]),
    "unknown tag value": (
        {"tags": [{"key": "a", "value": "1"}]},
        {"tags": [{"key": "a", "value": UNKNOWN}]},
        [("tags[0].value", UPDATE, False)],
    ),
    "unknown name": ({"name": "a"}, {"name": UNKNOWN}, [("name", UPDATE, True)]),
}


@pytest.mark.parametrize("case", CASES)
def test_differences_of_an_endpoint(case: str) -> None:
    state, inputs, expected = CASES[case]
    found = differences(MODEL_SERVING.fields, state, inputs)
    assert sorted(found, key=str) == sorted((Difference(*row) for row in expected), key=str)


def test_unknown_object_replaces_permissions() -> None:
    found = differences(PERMISSIONS.fields, {"servingEndpointId": "1"}, {"servingEndpointId": UNKNOWN})
    assert found == [Difference("servingEndpointId", UPDATE, True)]


def test_what_the_workspace_fills_in_a_model_is_no_difference() -> None:
    state = {"name": "m", "owner": "ann", "createdAt": 1, "fullName": "c.s.m", "storageLocation": "s3://x"}
    assert differences(REGISTERED_MODEL.fields, state, {"name": "M"}) == []


def test_ignored_value_is_kept_inside_a_property_that_changes_otherwise() -> None:
    olds = {"config": {"autoCaptureConfig": CAPTURE, "trafficConfig": {"routes": []}}}
    routes = [{"servedEntityName": "a", "trafficPercentage": 100}]
    news = {"config": {"trafficConfig": {"routes": routes}}}
    found = differences(MODEL_SERVING.fields, olds, news)

    kept = with_ignored_kept(olds, news, found, ["config.autoCaptureConfig"])

    assert kept == {"config": {"autoCaptureConfig": CAPTURE, "trafficConfig": {"routes": routes}}}
    assert "autoCaptureConfig" not in news["config"]
