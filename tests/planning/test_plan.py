"""Plans of a stack: the order in which things are asked, what refuses one, and that every command has the same."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bandplan.serving.planning.checked import Checked
from bandplan.serving.planning.deployment import deployment_request
from bandplan.serving.planning.plan import Plan, Refused, plan_stack
from bandplan.serving.planning.record import COMMITTED, read_only_record_of, record_of
from bandplan.serving.planning.request import PlanRequest
from bandplan.serving.planning.resizing import with_registered
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotConfigured
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

TODAY = date(2026, 1, 1)
BANDS = {"task": "llm/v1/chat", "model": "ml.own.llama", "version": "1", "throughput": {"bands": {"min": 1, "max": 2}}}
UNITS = {"task": "llm/v1/chat", "model": "ml.own.llama", "version": "1", "throughput": {"model_units": 50}}
FOLLOWING = {**BANDS, "version": {"alias": "champion"}}
INFO = {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}


def registering(source: str) -> dict[str, Any]:
    task = {key: value for key, value in BANDS.items() if key not in ("model", "version")}
    return {**task, "register": {"name": "ml.own.mine", "source": source}}


@pytest.fixture
def workspace() -> Iterator[FakeWorkspace]:
    fake = FakeWorkspace()
    fake.answer = answer
    yield fake
    fake.close()


def answer(seen: Seen) -> Reply:
    if "/aliases/" in seen.path:
        return Reply(body={"version": 1, "name": "ml.own.llama"})
    return Reply(body=INFO) if "optimization-info" in seen.path else Reply(body={"name": "x"})


@pytest.fixture
def request_of(tmp_path: Path, workspace: FakeWorkspace) -> Callable[..., PlanRequest]:
    def make(*entries: dict[str, Any]) -> PlanRequest:
        named = [{"name": f"chat-{index}", **entry} for index, entry in enumerate(entries)]
        (tmp_path / "models.yaml").write_text(json.dumps({"version": 1, "models": named}))
        environ = {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": TOKEN}
        return deployment_request(tmp_path, None, "local", environ, TODAY)

    return make


def planned(request: PlanRequest) -> Plan:
    plan = plan_stack(request)
    assert isinstance(plan, Plan)
    return plan


def refused(request: PlanRequest) -> Refused:
    plan = plan_stack(request)
    assert isinstance(plan, Refused)
    return plan


def ceilings(plan: Plan) -> list[int | None]:
    return [sizing.ceiling_tokens_per_second for sizing in plan.sizings]


def test_file_that_cannot_be_read_opens_no_workspace(request_of: Any, tmp_path: Path) -> None:
    def opened(checked: Checked) -> None:
        raise AssertionError("opened")

    request = replace(request_of(BANDS), workspace=opened)
    (tmp_path / "models.yaml").write_text("models: [\n")
    assert refused(request).checked.errors and refused(request).error is None


def test_workspace_that_is_away_leaves_the_problems_of_the_file(request_of: Any) -> None:
    def away(checked: Checked) -> None:
        assert checked.needed and checked.asks_anything
        raise NotConfigured("nobody is there")

    found = refused(replace(request_of({**BANDS, "timeouts": {"create": "soon"}}, BANDS), workspace=away))
    assert str(found.error) == "nobody is there"
    assert [problem.path for problem in found.checked.errors] == ["models/chat-0/timeouts/create"]


def test_every_command_sizes_an_entry_alike(request_of: Any, workspace: FakeWorkspace, tmp_path: Path) -> None:
    request = request_of(BANDS, FOLLOWING)
    assert ceilings(planned(request)) == [1960, 1960]  # 2 chunks of 980
    client = WorkspaceClient(workspace.host, TOKEN)
    drift = replace(request, record=read_only_record_of(tmp_path), workspace=lambda checked: client, thorough=True)
    assert ceilings(planned(drift)) == [1960, 1960]
    text = (tmp_path / "models.yaml").read_text().replace('"max": 2', '"max": 3')
    adopted = replace(drift, text=text, thorough=False, judges_registry=False)
    assert ceilings(planned(adopted)) == [2940, None]  # an alias that nobody looks up
    tested = PlanRequest(tmp_path, request.models, "local", record_of(tmp_path), offline=True, judges_registry=False)
    assert ceilings(planned(tested)) == [1960, None]


def test_request_that_only_looks_records_nothing(request_of: Any, tmp_path: Path) -> None:
    request = request_of(BANDS)
    planned(replace(request, record=read_only_record_of(tmp_path)))
    assert not (tmp_path / ".bandplan").exists()
    planned(request)
    assert (tmp_path / ".bandplan" / "optimization-info").is_dir()


def test_unrecorded_version_is_an_error_unless_it_is_taken(tmp_path: Path, request_of: Any) -> None:
    models = request_of(BANDS, UNITS).models
    offline = PlanRequest(tmp_path, models, "local", record_of(tmp_path), offline=True, judges_registry=False)
    assert {problem.id for problem in refused(offline).checked.errors} == {"S5-info"}
    plan = planned(replace(offline, takes_unrecorded=True))
    assert [one.version for one in plan.checked.unrecorded] == ["1"]
    assert [(sizing.family, sizing.ceiling_tokens_per_second) for sizing in plan.sizings] == [
        ("bands", None),
        ("model_units", None),
    ]


def test_alias_is_looked_up_where_it_may_be_and_recorded_where_it_may_not(request_of: Any, tmp_path: Path) -> None:
    request = request_of(FOLLOWING)
    assert planned(request).sizings[0].entities[0].version == "1"
    offline = replace(request, offline=True)
    assert planned(offline).sizings[0].entities[0].version is None
    (tmp_path / COMMITTED).parent.mkdir()
    alias = planned(request).checked.followed[0]
    record_of(tmp_path).commit({}, {alias: "1"})
    assert planned(offline).sizings[0].entities[0].version == "1"
    assert "run without --offline" in str(refused(replace(offline, is_preview=False)).error)


def test_registered_version_is_sized_once_the_stack_has_it(request_of: Any) -> None:
    plan = planned(replace(request_of(registering("runs:/0123/model"), BANDS), is_preview=True))
    waiting, known = plan.sizings
    assert (waiting.ceiling_tokens_per_second, known.ceiling_tokens_per_second) == (None, 1960)
    assert with_registered(waiting, {}, plan.resize) is None
    assert with_registered(known, {}, plan.resize) is known
    made = {"ml.own.mine": ("7", OptimizationInfo(True, "llama", 970))}
    sized = with_registered(waiting, made, plan.resize)
    assert sized is not None and sized.ceiling_tokens_per_second == 1940  # 2 chunks of 970
    assert sized.entities[0].version == "7" and sized.entities[0].served_name == waiting.entities[0].served_name
    unfit = {"ml.own.mine": ("7", OptimizationInfo(True, "llama", None))}
    assert with_registered(waiting, unfit, plan.resize) is None


@pytest.mark.parametrize("judges", [True, False])
def test_source_is_read_where_the_registry_is_judged(request_of: Any, judges: bool) -> None:
    request = replace(request_of(registering("no-such-folder")), judges_registry=judges)
    plan = plan_stack(request)
    assert bool(plan.checked.errors) is judges


def test_sizes_are_recorded_except_by_commands_that_only_read(
    tmp_path: Path, request_of: Callable[..., PlanRequest]
) -> None:
    demand = {"requests_per_second": 1, "input_tokens": 2048, "output_tokens": 256, "latency_seconds": 20}
    request = request_of({**BANDS, "throughput": "auto", "demand": demand})
    planned(replace(request, record=read_only_record_of(tmp_path)))
    assert not (tmp_path / ".bandplan" / "sizes.json").exists()
    planned(request)
    assert (tmp_path / ".bandplan" / "sizes.json").exists()
