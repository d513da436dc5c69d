"""models.yaml to answering endpoints with one command, and back to nothing."""

import shutil

import pytest
import yaml

from tests.e2e.conftest import SAMPLE, SMALL, FleetProject, by_name


def test_sample_fleet_is_deployed_answers_and_is_destroyed(fleet: FleetProject, engine: str) -> None:
    names = {entry["name"] for entry in yaml.safe_load(fleet.models)["models"]}

    said = fleet.bandplan("up", "--engine", engine)

    assert fleet.endpoint_names() == names
    table, answers = said.split("One query each:")
    for name in names:
        assert fleet.endpoint(name)["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
        assert f"\n{name} " in table
        assert f"  {name}: " in answers
    assert "1,960 to 3,920" in table  # support-chat: chunk 980, 2 to 4 chunks
    assert "50 model units" in table
    assert "1024 dimensions" in answers

    again = fleet.bandplan("up", "--engine", engine)
    assert "unchanged" in again and "created" not in again.split("ENDPOINT")[0]

    fleet.bandplan("destroy", "--engine", engine)
    assert fleet.endpoint_names() == set()


def test_sample_fleet_covers_what_the_platform_sells() -> None:
    models = yaml.safe_load(SAMPLE.read_text())["models"]

    assert len(models) >= 8
    assert {entry["task"] for entry in models} == {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"}
    assert any("model_units" in str(entry) for entry in models) and any("bands" in str(entry) for entry in models)


def test_band_change_is_previewed_applied_in_place_and_seen_at_the_workspace(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    before = fleet.endpoint("support-chat")
    fleet.edit("bands: {min: 2, max: 4}", "bands: {min: 2, max: 5}")

    plan = by_name(fleet.preview(engine))
    fleet.bandplan("up", "--engine", engine, "--no-query")

    assert plan == {
        "Fleet fleet": "update",  # its total ceiling
        "Endpoint support-chat": "update",
        "ModelServing support-chat": "update",
        "EndpointReady support-chat-ready": "update",
    }
    after = fleet.endpoint("support-chat")
    assert after["id"] == before["id"]
    entity = after["config"]["served_entities"][0]
    # 5 chunks of 980 tokens/s
    assert entity["max_provisioned_throughput"] == 4900
    assert by_name(fleet.preview(engine)) == {}


def test_notifications_are_changed_by_the_guard_alone_and_then_nothing_is_left_to_do(
    fleet: FleetProject, engine: str
) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    for old, new, live in (
        ("[ml-oncall@example.com]", "[night-shift@example.com]", ["night-shift@example.com"]),
        ("    notifications: {on_update_failure: [night-shift@example.com]}\n", "", []),
    ):
        fleet.edit(old, new)
        assert by_name(fleet.preview(engine)) == {"EndpointReady support-chat-ready": "update"}
        fleet.bandplan("up", "--engine", engine, "--no-query")
        notifications = fleet.endpoint("support-chat").get("email_notifications", {})
        assert notifications.get("on_update_failure", []) == live
        assert by_name(fleet.preview(engine)) == {}


@pytest.mark.pulumi_cli
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH")
@pytest.mark.timeout(600)
def test_each_engine_carries_on_where_the_other_stopped(fleet: FleetProject) -> None:
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", "embedded", "--no-query")
    assert by_name(fleet.preview("pulumi")) == {}
    fleet.edit("model_units: 50", "model_units: 100")
    fleet.bandplan("up", "--engine", "pulumi", "--no-query")
    assert by_name(fleet.preview("embedded")) == {}
    fleet.bandplan("destroy", "--engine", "embedded")
    assert fleet.endpoint_names() == set()
