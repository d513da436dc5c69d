"""What live endpoints run, and what the metrics export counts, in the words of a rollout."""

from typing import Any

from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.throughput.rollout import Measured
from bandplan.serving.workspace.metrics import Sample, samples
from bandplan.serving.workspace.running_entities import measured, running
from bandplan.serving.workspace.traffic import config_with_all_traffic_to

EXPORT = """\
# HELP request_count_total Requests of the last minute
# TYPE request_count_total gauge
request_count_total{endpoint_name="chat",served_entity_name="chat-1"} 90
request_count_total{endpoint_name="chat",served_entity_name="chat-2"} 10
request_5xx_count_total{endpoint_name="chat",served_entity_name="chat-2"} 4
request_latency_ms_bucket{served_entity_name="chat-2",le="+Inf"} 10
gpu_usage_percentage{served_entity_name="a \\"quoted\\" one",gpu="0"} NaN

not a sample
process_start 1.5e3 1700000000
"""


def entity(name: str, version: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "entity_name": "m.a.chat",
        "entity_version": version,
        "min_provisioned_throughput": 980,
        "max_provisioned_throughput": 1960,
        "workload_type": "GPU_LARGE",
        "state": {"deployment": "DEPLOYMENT_READY"},
        **changes,
    }


def config(*entities: dict[str, Any], routes: dict[str, int] | None = None, version: int = 1) -> dict[str, Any]:
    shares = routes or {entities[0]["name"]: 100}
    listed = [{"served_entity_name": name, "traffic_percentage": percent} for name, percent in shares.items()]
    return {"config_version": version, "served_entities": list(entities), "traffic_config": {"routes": listed}}


def live(config_update: str = "NOT_UPDATING", **parts: Any) -> LiveEndpoint:
    state = {"ready": "READY", "config_update": config_update}
    return LiveEndpoint.from_response({"name": "chat", "state": state, "last_updated_timestamp": 5, **parts})


def test_entities_are_in_the_order_of_the_routes_with_their_shares() -> None:
    now = running(
        live(config=config(entity("b", "2"), entity("a", "1"), routes={"a": 90, "b": 10}))  # sorted by nobody
    )
    assert [(one.version, one.traffic_percent) for one in now.entities] == [("1", 90), ("2", 10)]
    assert (now.changed_ms, now.is_updating, now.failure) == (5, False, "")
    assert now.entities[0].max_provisioned_throughput == 1960 and now.entities[0].model_units is None


def test_config_under_way_counts_as_what_runs() -> None:
    pending = config(entity("a", "1"), entity("b", "2"), routes={"a": 90, "b": 10}, version=2)
    now = running(live("IN_PROGRESS", config=config(entity("a", "1")), pending_config=pending))
    assert now.is_updating and len(now.entities) == 2


def test_failed_update_leaves_what_runs_and_the_reason() -> None:
    failed = entity("b", "2", state={"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": "no GPU"})
    pending = config(entity("a", "1"), failed, routes={"a": 90, "b": 10}, version=2)
    now = running(live("UPDATE_FAILED", config=config(entity("a", "1")), pending_config=pending))
    assert [one.version for one in now.entities] == ["1"]
    assert (now.is_updating, now.failure) == (False, "no GPU")


def test_legacy_workloads_and_model_units_are_told_apart() -> None:
    units = entity(
        "u", "1", min_provisioned_throughput=None, max_provisioned_throughput=None, provisioned_model_units=50
    )
    legacy = entity("l", "1", min_provisioned_throughput=None, max_provisioned_throughput=None)
    assert [(one.model_units, one.is_legacy) for one in running(live(config=config(units))).entities] == [(50, False)]
    assert [(one.model_units, one.is_legacy) for one in running(live(config=config(legacy))).entities] == [(None, True)]


def test_endpoint_without_config_runs_nothing() -> None:
    assert running(live()).entities == ()


def test_samples_have_names_labels_and_finite_values() -> None:
    found = list(samples(EXPORT))
    assert found[0] == Sample("request_count_total", {"endpoint_name": "chat", "served_entity_name": "chat-1"}, 90.0)
    assert found[-1] == Sample("process_start", {}, 1500.0)
    assert len(found) == 5


def test_s36_requests_and_errors_are_counted_by_served_entity() -> None:
    found = measured(samples(EXPORT))
    assert found["chat-2"] == Measured(10, 4, None, "metrics export, last minute")
    assert found["chat-1"].errors == 0
    assert found["chat"].requests == 100  # the endpoint's own name is among its labels


def test_all_traffic_goes_to_one_entity_and_nothing_else_of_the_config_changes() -> None:
    now = live(
        config={
            **config(entity("a", "1"), entity("b", "2"), routes={"a": 90, "b": 10}),
            "auto_capture_config": {"enabled": True, "state": {}},
        }
    ).config
    assert now is not None
    body = config_with_all_traffic_to(now, "a")
    assert body["traffic_config"]["routes"] == [
        {"served_entity_name": "a", "traffic_percentage": 100},
        {"served_entity_name": "b", "traffic_percentage": 0},
    ]
    sent = {"entity_name": "m.a.chat", "min_provisioned_throughput": 980, "max_provisioned_throughput": 1960}
    assert body["served_entities"] == [
        {"name": "a", "entity_version": "1", **sent},
        {"name": "b", "entity_version": "2", **sent},
    ]
    assert body["auto_capture_config"] == {"enabled": True}


def test_burst_which_the_platform_does_not_give_back_is_sent_again() -> None:
    units = entity(
        "u", "1", min_provisioned_throughput=None, max_provisioned_throughput=None, provisioned_model_units=50
    )
    now = live(config=config(units)).config
    assert now is not None
    (sent,) = config_with_all_traffic_to(now, "u", burst=True)["served_entities"]
    assert sent["burst_scaling_enabled"] is True
