"""Wanted and accepted capacity, and the stage of a rollout, as an endpoint's resources are declared with them."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pulumi
import pytest

from bandplan.components.capacity import capacity_inputs
from bandplan.components.endpoint import Endpoint
from bandplan.components.fleet import endpoint_summary
from bandplan.components.request import endpoint_request
from bandplan.report.price import Money
from bandplan.report.price_file import read_prices
from bandplan.report.reading import Reading
from bandplan.report.stated_capacity import component_capacity
from bandplan.serving.planning.plan import Plan
from bandplan.serving.throughput.rollout import Running, RunningEntity, stage
from bandplan.serving.throughput.rollout_sizing import target_of, with_stage
from tests.answering import JsonHandler, answering
from tests.components.conftest import plan_stack

TODAY = date(2026, 1, 1)
ENTRY = {
    "name": "chat",
    "task": "llm/v1/chat",
    "model": "ml.prod.assistant_llama",
    "version": "2",
    "throughput": {"bands": {"min": 1, "max": 2}},
    "rollout": {"steps": [10, 50, 100], "hold_minutes": 30, "stop_if": {"error_rate": 0.02}},
}
WANTED = {"bands": {"min": 1, "want": 4, "accept": 2}}


# ------------------------------------------------------------------------------------------------ wanted and accepted


def test_s18_endpoint_is_made_with_what_is_accepted_and_guarded_for_what_is_wanted(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of(throughput=WANTED))
    (made,) = request.endpoint["config"]["servedEntities"]
    (guarded,) = request.ready["declared"]["servedEntities"]
    (accepted,) = request.ready["accepted"]["servedEntities"]
    assert made["maxProvisionedThroughput"] == accepted["maxProvisionedThroughput"] == 1960  # 2 x 980
    assert guarded["maxProvisionedThroughput"] == 3920  # 4 x 980
    assert made == accepted == {**guarded, "maxProvisionedThroughput": 1960}
    assert request.config_is_left_to_the_guard


def test_s18_model_units_are_wanted_and_accepted_alike(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of(chunk=None, throughput={"model_units": {"want": 100, "accept": 50}}))
    assert request.endpoint["config"]["servedEntities"][0]["provisionedModelUnits"] == 50
    assert request.ready["declared"]["servedEntities"][0]["provisionedModelUnits"] == 100


def test_entry_that_accepts_nothing_less_is_declared_as_ever(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of())
    assert "accepted" not in request.ready and not request.config_is_left_to_the_guard


def test_config_that_the_guard_may_have_raised_is_never_lowered_by_the_endpoint(sizing_of: Any, record: Any) -> None:
    def ignored(sizing: Any) -> tuple[str, ...]:
        found: tuple[str, ...] = record(lambda: Endpoint(sizing)).named("chat", "ModelServing").ignore_changes
        return found

    assert "config" in ignored(sizing_of(throughput=WANTED))
    assert "config" not in ignored(sizing_of())


def test_component_and_stack_say_what_is_wanted_and_what_is_accepted(sizing_of: Any) -> None:
    sizing = sizing_of(throughput=WANTED)
    inputs, summary = capacity_inputs(sizing), endpoint_summary(sizing, None)
    assert (inputs["ceilingTokensPerSecond"], inputs["acceptedCeilingTokensPerSecond"]) == (3920, 1960)
    assert inputs["entities"][0]["acceptedMaxBands"] == 2
    assert (summary["ceiling_tokens_per_second"], summary["accepted_ceiling_tokens_per_second"]) == (3920, 1960)
    assert "accepted_ceiling_tokens_per_second" not in endpoint_summary(sizing_of(), None)


# ------------------------------------------------------------------------------------------------ rollout


def at_stage(sizing_of: Any, *shares: tuple[str, int], **changes: Any) -> Any:
    sizing = sizing_of(**{**ENTRY, **changes})
    entities = tuple(
        RunningEntity(f"assistant_llama-{version}", ENTRY["model"], version, percent, 980, 1960)
        for version, percent in shares
    )
    target = target_of(sizing)
    assert target is not None
    return with_stage(sizing, stage(Running(entities), target, sizing.entry.rollout, 10**13))


def test_step_declares_both_versions_with_their_shares(sizing_of: Any) -> None:
    config = endpoint_request(at_stage(sizing_of, ("1", 100))).endpoint["config"]
    assert [entity["entityVersion"] for entity in config["servedEntities"]] == ["1", "2"]
    assert config["trafficConfig"]["routes"] == [
        {"servedEntityName": "assistant_llama-1", "trafficPercentage": 90},
        {"servedEntityName": "assistant_llama-2", "trafficPercentage": 10},
    ]


def test_component_says_the_step_and_counts_the_wanted_capacity_alone(sizing_of: Any) -> None:
    inputs = capacity_inputs(at_stage(sizing_of, ("1", 100)))
    assert inputs["rollout"] == {
        "step": 1,
        "steps": 3,
        "percent": 10,
        "version": "2",
        "fromModel": "ml.prod.assistant_llama",
        "fromVersion": "1",
    }
    assert (inputs["floorTokensPerSecond"], inputs["ceilingTokensPerSecond"]) == (980, 1960)
    assert inputs["chunkTokensPerSecond"] == 980
    assert [entity["trafficPercent"] for entity in inputs["entities"]] == [90, 10]


def test_component_says_the_same_while_the_rollout_stays_and_nothing_once_it_is_over(sizing_of: Any) -> None:
    stepped = capacity_inputs(at_stage(sizing_of, ("1", 100)))
    held = capacity_inputs(at_stage(sizing_of, ("1", 90), ("2", 10)))  # nothing is measured
    assert held == stepped
    assert "rollout" not in capacity_inputs(at_stage(sizing_of, ("2", 100)))


def test_wanted_capacity_goes_for_the_new_version_alone(sizing_of: Any) -> None:
    request = endpoint_request(at_stage(sizing_of, ("1", 100), throughput=WANTED))
    maxima = [
        [entity["maxProvisionedThroughput"] for entity in entities]
        for entities in (request.ready["declared"]["servedEntities"], request.ready["accepted"]["servedEntities"])
    ]
    assert maxima == [[1960, 3920], [1960, 1960]]


# ------------------------------------------------------------------------------------------------ the program


class _Workspace(JsonHandler):
    shares: ClassVar[dict[str, int]] = {}
    metrics: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []
    forgotten: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.endswith("/metrics"):
            self.reply_bytes(200, self.metrics.encode())
        elif self.forgotten and self.path.endswith(self.forgotten):
            self.reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such version"})
        elif "serving-endpoints/chat" in self.path and not self.shares:
            self.reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})
        else:
            self.reply(200, self._answer())

    def _answer(self) -> dict[str, Any]:
        if "get-model-optimization-info" in self.path:
            return {"optimizable": True, "throughput_chunk_size": 980}
        if "serving-endpoints/chat" not in self.path:
            return {"userName": "ana@example.com"}
        entities = [
            {
                "name": f"assistant_llama-{version}",
                "entity_name": ENTRY["model"],
                "entity_version": version,
                "min_provisioned_throughput": 980,
                "max_provisioned_throughput": 1960,
            }
            for version in self.shares
        ]
        routes = [
            {"served_entity_name": f"assistant_llama-{version}", "traffic_percentage": percent}
            for version, percent in self.shares.items()
        ]
        config = {"config_version": 1, "served_entities": entities, "traffic_config": {"routes": routes}}
        state = {"ready": "READY", "config_update": "NOT_UPDATING"}
        return {"name": "chat", "id": "0" * 32, "state": state, "config": config, "last_updated_timestamp": 1_000_000}


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    _Workspace.asked.clear()
    _Workspace.shares, _Workspace.metrics = {}, ""
    with answering(_Workspace) as url:
        yield {"DATABRICKS_HOST": url, "DATABRICKS_TOKEN": "secret-token"}


HOUR_MS = 3_600_000


def planned(root: Path, environ: dict[str, str], *, is_preview: bool = True, **more: str) -> Plan:
    (root / "models.yaml").write_text(json.dumps({"version": 1, "models": [ENTRY]}))
    now_ms = 1_000_000 + HOUR_MS
    return plan_stack(root, None, "local", {**environ, **more}, TODAY, now_ms=now_ms, is_preview=is_preview)


def measured(root: Path) -> str:
    """Name of a file in `root`: the new version did well."""
    measurement = {"measured_at": "2026-11-22T12:00:00Z", "requests": 1000, "errors": 1}
    use = {"version": 1, "endpoints": {"chat": {"assistant_llama-2": measurement}}}
    (root / "use.json").write_text(json.dumps(use))
    return "use.json"


def traffic(plan: Plan) -> list[int]:
    return [entity.traffic_percent for entity in plan.sizings[0].entities]


def test_endpoint_that_is_not_there_is_planned_whole(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = planned(tmp_path, environ)
    assert (traffic(plan), plan.rollouts, plan.stopped_rollouts) == ([100], (), ())


def test_live_endpoint_decides_the_step_and_the_plan_says_it(tmp_path: Path, environ: dict[str, str]) -> None:
    _Workspace.shares = {"1": 100}
    plan = planned(tmp_path, environ)
    assert traffic(plan) == [90, 10]
    assert plan.rollouts == (
        "models/chat/rollout: step 1 of 3: version 2 from 0 to 10 percent, version 1 keeps the rest",
    )
    assert not [path for path in _Workspace.asked if path.endswith("/metrics")]  # nothing to measure yet


@pytest.mark.parametrize(("errors", "percent", "word"), [(0, 50, "step 2 of 3"), (3, 10, "stopped at step 1 of 3")])
def test_s36_metrics_export_decides_whether_a_rollout_goes_on(
    tmp_path: Path, environ: dict[str, str], errors: int, percent: int, word: str
) -> None:
    _Workspace.shares = {"1": 90, "2": 10}
    label = '{served_entity_name="assistant_llama-2"}'
    _Workspace.metrics = f"request_count_total{label} 100\nrequest_5xx_count_total{label} {errors}\n"
    plan = planned(tmp_path, environ)
    assert traffic(plan) == [100 - percent, percent]
    (line,) = (*plan.rollouts, *plan.stopped_rollouts)
    assert word in line
    assert bool(plan.stopped_rollouts) == (errors > 0)


@pytest.mark.parametrize("shares", [{"1": 100}, {"1": 90, "2": 10}])
def test_both_versions_of_a_step_have_a_price_by_chunks(
    tmp_path: Path, environ: dict[str, str], shares: dict[str, int]
) -> None:
    """Each holds 980 to 1,960 tokens/s, 1 to 2 chunks of 980: at 6.00 a chunk 6 to 12, twice."""
    _Workspace.shares = shares
    inputs = capacity_inputs(planned(tmp_path, environ, BANDPLAN_MEASURED=measured(tmp_path)).sizings[0])
    assert len(inputs["entities"]) == 2
    capacity = component_capacity(inputs, "chat", "", Reading("preview.json", str))
    text = "{version: 1, currency: USD, prices: [{model: '*', per_hour: 6, chunks: 1}]}"
    prices = read_prices(text, Reading("prices.yaml", str))
    assert prices.of_endpoint(capacity) == Money(Decimal(12), Decimal(24))


def test_a_leaving_version_of_which_nothing_is_known_stops_no_rollout(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Workspace, "forgotten", f"{ENTRY['model']}/1")
    _Workspace.shares = {"1": 100}
    plan = planned(tmp_path, environ)
    assert traffic(plan) == [90, 10]
    assert [entity.min_bands for entity in plan.sizings[0].entities] == [None, 1]


def test_file_of_measured_use_is_read_from_the_project(tmp_path: Path, environ: dict[str, str]) -> None:
    _Workspace.shares = {"1": 90, "2": 10}
    assert traffic(planned(tmp_path, environ, BANDPLAN_MEASURED=measured(tmp_path))) == [50, 50]
    with pytest.raises(pulumi.RunError, match=r"nowhere\.json: cannot be read"):
        planned(tmp_path, environ, BANDPLAN_MEASURED="nowhere.json")


def test_at_once_takes_no_steps(tmp_path: Path, environ: dict[str, str]) -> None:
    _Workspace.shares = {"1": 100}
    assert traffic(planned(tmp_path, environ, BANDPLAN_AT_ONCE="other, chat")) == [100]


def test_offline_preview_shows_the_end_and_says_so_and_offline_up_is_refused(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    planned(tmp_path, environ)  # records the optimization info
    _Workspace.shares = {"1": 100}
    offline = {"BANDPLAN_OFFLINE": "1"}
    plan = planned(tmp_path, environ, **offline)
    assert traffic(plan) == [100]
    assert plan.rollouts[0].startswith("models/chat/rollout: offline")
    with pytest.raises(pulumi.RunError, match="run without --offline"):
        planned(tmp_path, environ, is_preview=False, **offline)


def test_fleet_without_rollouts_asks_for_no_endpoint(tmp_path: Path, environ: dict[str, str]) -> None:
    plain = {key: value for key, value in ENTRY.items() if key != "rollout"}
    (tmp_path / "models.yaml").write_text(json.dumps({"version": 1, "models": [plain]}))
    plan_stack(tmp_path, None, "local", environ, TODAY)
    assert not [path for path in _Workspace.asked if "serving-endpoints/chat" in path]
