"""Entries whose versions this deploy registers, or looks up by an alias: what the program asks and declares."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.output import Unknown

from bandplan.components.fleet import Fleet
from bandplan.components.program import run
from bandplan.components.request import PendingEntity, endpoint_request
from bandplan.serving.planning.deployment import followed_aliases
from bandplan.serving.planning.plan import Plan
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registry_answers import ModelAlias
from bandplan.serving.workspace.cache import Cache
from tests.components.conftest import Recording, plan_stack
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

TODAY = date(2026, 1, 1)
UC = "/api/2.1/unity-catalog"
BANDS = {"throughput": {"bands": {"min": 1, "max": 2}}}
TOKENS = {"throughput": {"tokens_per_second": {"min": 980, "max": 1960}}}
REGISTERED = {"version": "4", "modelType": "llama", "throughputChunkSize": 980}
MISSING = Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"})
FORBIDDEN = Reply(403, {"error_code": "PERMISSION_DENIED", "message": "no USE CATALOG"})


@pytest.fixture
def workspace() -> Iterator[FakeWorkspace]:
    """A workspace in which ml.own exists and ml.own.mine does not; every model answers with a chunk of 980."""
    fake = FakeWorkspace()
    answers(fake)
    yield fake
    fake.close()


def answers(fake: FakeWorkspace, **more: Reply) -> None:
    """`more` is by the end of the path, `/` as two underscores."""
    known = {path.replace("__", "/"): reply for path, reply in more.items()}

    def answer(request: Seen) -> Reply:
        path = request.path.split("?")[0]
        for end, reply in known.items():
            if path.endswith(end):
                return reply
        if "/models/" in path:
            return MISSING
        if "get-model-optimization-info" in path:
            return Reply(body={"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980})
        return Reply(body={"userName": "ana@example.com"})

    fake.answer = answer


def registering(name: str = "chat", model: str = "ml.own.mine", more: Any = None, **changes: Any) -> dict[str, Any]:
    registration = {"name": model, "source": "runs:/0123/model", **(more or {})}
    return {"name": name, "task": "llm/v1/chat", "register": registration, **BANDS, **changes}


def following(name: str = "follower", **changes: Any) -> dict[str, Any]:
    model = {"model": "ml.own.mine", "version": {"alias": "champion"}}
    return {"name": name, "task": "llm/v1/chat", **model, **BANDS, **changes}


@pytest.fixture
def plan_of(tmp_path: Path, workspace: FakeWorkspace) -> Callable[..., Plan]:
    def plan(*entries: dict[str, Any], **environ: str) -> Plan:
        (tmp_path / "models.yaml").write_text(json.dumps({"version": 1, "models": entries}))
        return plan_stack(
            tmp_path, None, "local", {"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": TOKEN, **environ}, TODAY
        )

    return plan


def declared(plan: Plan, record: Any, *, registered: dict[str, Any] | None = None, preview: bool = True) -> Recording:
    def program() -> None:
        fleet = Fleet(plan)
        pulumi.export("endpoints", fleet.summary)

    recording: Recording = record(program, preview=preview, into=Recording(registered=registered))
    return recording


def test_mail_addresses_of_grants_are_sent_in_lower_case_and_groups_as_written(plan_of: Any, record: Any) -> None:
    grants = [{"principal": who, "privileges": ["EXECUTE"]} for who in ("Ann@Example.com", "Data Team")]
    found = declared(plan_of(registering(more={"grants": grants})), record, registered=REGISTERED, preview=False)
    sent = found.named("ml.own.mine-grants", "Grants").inputs["grants"]
    assert [grant["principal"] for grant in sent] == ["ann@example.com", "Data Team"]


def test_a_model_its_version_and_alias_are_declared_and_the_endpoint_waits_for_them(plan_of: Any, record: Any) -> None:
    grants = [{"principal": "apps", "privileges": ["EXECUTE"]}]
    more = {"alias": "champion", "tags": {"b": "2", "a": "1"}, "comment": "Ours", "grants": grants, "retain": False}
    found = declared(plan_of(registering(more=more)), record, registered=REGISTERED, preview=False)
    component = found.named("ml.own.mine", "RegisteredVersions")
    model = found.named("ml.own.mine", "RegisteredModel")
    version = found.named("ml.own.mine@champion", "ModelVersion")
    alias = found.named("ml.own.mine@champion", "ModelAlias")
    assert model.inputs == {"catalogName": "ml", "schemaName": "own", "name": "mine", "comment": "Ours"}
    assert found.named("ml.own.mine-grants", "Grants").inputs == {"model": "ml.own.mine", "grants": grants}
    assert version.inputs == {
        "name": "ml.own.mine",
        "source": "runs:/0123/model",
        "task": "llm/v1/chat",
        "tags": {"a": "1", "b": "2"},
        "retain": False,
        "throughput": [
            {"endpoint": "chat", "task": "llm/v1/chat", "trafficPercent": 100, "throughput": {"bands": BANDS_WIRE}}
        ],
    }
    assert alias.inputs == {"name": "ml.own.mine", "alias": "champion", "version": "4"}
    assert {model.parent, version.parent, alias.parent} == {component.urn}
    assert model.urn in version.dependencies and version.urn in alias.dependencies
    assert {version.urn, alias.urn} <= found.named("chat", "ModelServing").dependencies


BANDS_WIRE = {"min": 1, "max": 2}


def test_the_model_outlives_the_stack_and_what_nobody_states_of_it_is_left_alone(plan_of: Any, record: Any) -> None:
    model = declared(plan_of(registering(more={"retain": False})), record).named("ml.own.mine", "RegisteredModel")
    assert (model.retain_on_delete, model.ignore_changes, model.import_id) == (True, ("comment", "owner"), "")


def test_a_model_that_is_there_is_taken_over_under_the_platforms_spelling(
    plan_of: Any, record: Any, workspace: FakeWorkspace
) -> None:
    answers(workspace, models__ml=Reply(), **{"ml.own.Mine": Reply(body={"full_name": "ml.own.mine"})})
    plan = plan_of(registering(model="ml.own.Mine", more={"comment": "Ours"}))
    model = declared(plan, record).named("ml.own.Mine", "RegisteredModel")
    assert (model.import_id, model.ignore_changes) == ("ml.own.mine", ("owner",))


def test_numbers_that_hang_on_the_version_are_unknown_at_its_first_preview_and_others_are_not(
    plan_of: Any, record: Any
) -> None:
    found = declared(plan_of(registering("one"), registering("two", model="ml.own.other", **TOKENS)), record)
    (one,) = found.named("one", "ModelServing").inputs["config"]["servedEntities"]
    (two,) = found.named("two", "ModelServing").inputs["config"]["servedEntities"]
    assert (one["name"], one["entityName"]) == ("mine", "ml.own.mine")
    assert {name for name, value in one.items() if is_unknown(value)} == {
        "entityVersion",
        "minProvisionedThroughput",
        "maxProvisionedThroughput",
    }
    assert {name for name, value in two.items() if is_unknown(value)} == {"entityVersion"}
    endpoint = found.named("two", "Endpoint").inputs
    assert (endpoint["floorTokensPerSecond"], endpoint["ceilingTokensPerSecond"]) == (980, 1960)
    assert is_unknown(endpoint["chunkTokensPerSecond"])
    assert is_unknown(found.named("one", "Endpoint").inputs["ceilingTokensPerSecond"])


def is_unknown(value: Any) -> bool:
    return value == pulumi.runtime.rpc.UNKNOWN or "Unknown" in type(value).__name__


def test_a_version_that_stays_is_sized_like_any_other_at_preview(plan_of: Any, record: Any) -> None:
    demand = {"requests_per_second": 0.5, "input_tokens": 2048, "output_tokens": 256}
    entries = [registering("one", demand=demand), following("plain", model="ml.own.p", version="3")]
    found = declared(plan_of(*entries), record, registered=REGISTERED)
    endpoint = found.named("one", "Endpoint").inputs
    assert {name: endpoint[name] for name in ("floorTokensPerSecond", "ceilingTokensPerSecond", "headroom")} == {
        "floorTokensPerSecond": 980,
        "ceilingTokensPerSecond": 1960,
        "headroom": 1.701,  # 1960 / 1152
    }
    assert endpoint["entities"] == [
        {
            "servedName": "mine",
            "model": "ml.own.mine",
            "version": "4",
            "trafficPercent": 100,
            "chunkTokensPerSecond": 980,
            "minBands": 1,
            "maxBands": 2,
            "floorTokensPerSecond": 980,
            "ceilingTokensPerSecond": 1960,
        }
    ]
    (entity,) = found.named("one", "ModelServing").inputs["config"]["servedEntities"]
    assert (entity["entityVersion"], entity["minProvisionedThroughput"], entity["maxProvisionedThroughput"]) == (
        "4",
        980,
        1960,
    )
    fleet = found.named("fleet", "Fleet")
    assert fleet.inputs == {
        "endpointCount": 2,
        "floorTokensPerSecond": 980,  # of the other endpoint, whose version nobody has to make
        "ceilingTokensPerSecond": 1960,
        "modelUnits": 0,
        "unsizedEndpoints": ["one"],
    }
    outputs = found.component_outputs[fleet.urn]
    assert (outputs["floorTokensPerSecond"], outputs["ceilingTokensPerSecond"]) == (1960, 3920)
    assert found.exports["endpoints"][0]["models"][0]["version"] == "4"
    assert found.exports["endpoints"][0]["ceiling_tokens_per_second"] == 1960


def test_units_of_a_version_to_be_registered_need_no_chunk(plan_of: Any, record: Any) -> None:
    plan = plan_of(registering(throughput={"model_units": 50}))
    registered = {**REGISTERED, "throughputChunkSize": 0}
    found = declared(plan, record, registered=registered, preview=False)
    (entity,) = found.named("chat", "ModelServingProvisionedThroughput").inputs["config"]["servedEntities"]
    assert (entity["entityVersion"], entity["provisionedModelUnits"]) == ("4", 50)


def test_a_warning_that_shows_once_the_chunk_is_known_is_given_then(plan_of: Any, record: Any) -> None:
    demand = {"requests_per_second": 5, "input_tokens": 2048, "output_tokens": 256}  # 11520 tokens/s
    plan = plan_of(registering(demand=demand))
    assert plan.warnings == ()
    logged = declared(plan, record, registered=REGISTERED).logged
    assert len(logged) == 1 and "ceiling-below-demand" in logged[0] and logged[0].startswith("models.yaml:1:")


def test_s8_bounds_that_the_version_cannot_have_end_the_program(plan_of: Any, record: Any) -> None:
    plan = plan_of(registering(throughput={"tokens_per_second": {"min": 1000, "max": 1960}}))
    with pytest.raises(pulumi.RunError, match="1000 is not a multiple of 980"):
        declared(plan, record, registered=REGISTERED)


def test_entries_with_the_same_registration_share_one_version(plan_of: Any, record: Any) -> None:
    more = {"alias": "champion"}
    found = declared(plan_of(registering("one", more=more), registering("two", more=more), following()), record)
    version = found.named("ml.own.mine@champion", "ModelVersion")
    assert [item["endpoint"] for item in version.inputs["throughput"]] == ["one", "two", "follower"]
    assert len([item for item in found.resources if item.type.endswith(":RegisteredModel")]) == 1


def test_the_token_is_in_no_input(plan_of: Any, record: Any) -> None:
    found = declared(plan_of(registering(more={"alias": "champion"})), record, registered=REGISTERED, preview=False)
    assert TOKEN not in repr([item.inputs for item in found.resources])


def test_s4_alias_is_pinned_to_what_it_points_to_and_shown(plan_of: Any, record: Any, workspace: FakeWorkspace) -> None:
    answers(workspace, aliases__champion=Reply(body={"version": 7}))
    plan = plan_of(following("one"), following("two"))
    assert followed_aliases(plan.sizings)[0] == "models/one: ml.own.mine@champion is version 7"
    found = declared(plan, record)
    (entity,) = found.named("one", "ModelServing").inputs["config"]["servedEntities"]
    assert (entity["entityVersion"], entity["name"]) == ("7", "mine-champion")
    shown = found.named("one", "Endpoint").inputs["entities"][0]
    assert (shown["version"], shown["alias"]) == ("7", "champion")
    assert [seen.path for seen in workspace.seen if "/aliases/" in seen.path] == [
        f"{UC}/models/ml.own.mine/aliases/champion"
    ]


def test_s4_alias_that_points_to_nothing_stops_before_anything_is_declared(plan_of: Any) -> None:
    with pytest.raises(pulumi.RunError, match=r"S4-alias models/follower/version/alias: .* has no alias champion"):
        plan_of(following())


def test_alias_is_deployed_by_nobody_who_may_not_ask(plan_of: Any, tmp_path: Path) -> None:
    plan_of(following(), BANDPLAN_OFFLINE="1")
    with pytest.raises(pulumi.RunError, match="run without --offline, or write the version number"):
        plan_stack(tmp_path, None, "local", {"BANDPLAN_OFFLINE": "1"}, TODAY, is_preview=False)


UNITS = {"throughput": {"model_units": 50}}
AUTO = {"throughput": "auto", "demand": {"requests_per_second": 1, "input_tokens": 100, "output_tokens": 20}}
WANT = {"throughput": {"bands": {"min": 1, "want": 3, "accept": 2}}}


@pytest.mark.parametrize("more", [{}, UNITS, TOKENS, AUTO, WANT], ids=["bands", "units", "tokens", "auto", "want"])
def test_alias_that_nobody_recorded_is_unknown_offline(
    plan_of: Any, record: Any, workspace: FakeWorkspace, more: dict[str, Any]
) -> None:
    plan = plan_of(following(**more), BANDPLAN_OFFLINE="1")
    assert followed_aliases(plan.sizings, offline=True) == (
        "models/follower: ml.own.mine@champion is not recorded, so its version is unknown; "
        "`bandplan validate --record` records it",
    )
    found = declared(plan, record)
    kind = "ModelServingProvisionedThroughput" if more is UNITS else "ModelServing"
    (entity,) = found.named("follower", kind).inputs["config"]["servedEntities"]
    assert isinstance(entity["entityVersion"], Unknown) and entity["entityName"] == "ml.own.mine"
    if more is TOKENS:
        assert (entity["minProvisionedThroughput"], entity["maxProvisionedThroughput"]) == (980, 1960)
    elif more is not UNITS:
        assert isinstance(entity["maxProvisionedThroughput"], Unknown)
    assert isinstance(found.named("follower", "Endpoint").inputs["entities"][0]["version"], Unknown)
    assert workspace.seen == []


def test_version_of_a_legacy_workload_that_is_unknown_is_not_left_out(record: Any, tmp_path: Path) -> None:
    workload = {"workload": {"type": "GPU_LARGE", "size": "Small", "parameters_billion": 7}}
    legacy = {**{key: value for key, value in following().items() if key != "throughput"}, **workload}
    document = {"version": 1, "allow_legacy": True, "models": [{**legacy, "task": "llm/v1/completions"}]}
    (tmp_path / "models.yaml").write_text(json.dumps(document))
    plan = plan_stack(tmp_path, None, "local", {"BANDPLAN_OFFLINE": "1"}, TODAY)
    (model,) = declared(plan, record).named("follower", "ModelServing").inputs["config"]["servedModels"]
    assert isinstance(model["modelVersion"], Unknown) and model["modelName"] == "ml.own.mine"


def test_unknown_alias_beside_a_known_version_leaves_that_known(plan_of: Any, record: Any) -> None:
    entities = [
        {"name": "a", "model": "ml.own.mine", "version": {"alias": "champion"}, "traffic_percent": 10},
        {"name": "b", "model": "ml.own.other", "version": "1", "traffic_percent": 90},
    ]
    bands = [{**entity, "throughput": {"tokens_per_second": {"min": 980, "max": 980}}} for entity in entities]
    entry = {"name": "split", "task": "llm/v1/chat", "entities": bands}
    with pytest.raises(pulumi.RunError, match=r"no answer is recorded for ml\.own\.other version 1"):
        plan_of(entry, BANDPLAN_OFFLINE="1")
    plan_of(following("x", model="ml.own.other", version="1"))  # which records its optimization info
    found = declared(plan_of(entry, BANDPLAN_OFFLINE="1"), record)
    one, other = found.named("split", "ModelServing").inputs["config"]["servedEntities"]
    assert isinstance(one["entityVersion"], Unknown) and other["entityVersion"] == "1"
    assert other["maxProvisionedThroughput"] == 980


def test_alias_that_was_recorded_is_pinned_offline_and_told_as_such(
    plan_of: Any, record: Any, tmp_path: Path, workspace: FakeWorkspace
) -> None:
    answers = {ModelVersion("ml.own.mine", "7"): OptimizationInfo(True, "llama", 980)}
    (tmp_path / "stacks").mkdir()
    committed = Cache(tmp_path / "nowhere", committed=tmp_path / "stacks" / "optimization-info.json")
    committed.commit(answers, {ModelAlias("ml.own.mine", "champion"): "7"})
    plan = plan_of(following(), BANDPLAN_OFFLINE="1")
    assert followed_aliases(plan.sizings, offline=True) == (
        "models/follower: ml.own.mine@champion is version 7 as recorded; it may have moved since",
    )
    (entity,) = declared(plan, record).named("follower", "ModelServing").inputs["config"]["servedEntities"]
    assert (entity["entityVersion"], entity["maxProvisionedThroughput"]) == ("7", 1960)
    assert workspace.seen == []


def test_registration_is_planned_offline_without_asking(plan_of: Any, record: Any, workspace: FakeWorkspace) -> None:
    plan = plan_of(registering(), BANDPLAN_OFFLINE="1")
    assert declared(plan, record).named("ml.own.mine", "RegisteredModel").import_id == ""
    assert workspace.seen == []


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ({"schemas__ml.own": MISSING}, "the schema ml.own does not exist"),
        ({"schemas__ml.own": MISSING, "catalogs__ml": MISSING}, "the catalog ml does not exist"),
    ],
)
def test_s2_missing_schema_or_catalog_stops_before_anything_is_declared(
    plan_of: Any, workspace: FakeWorkspace, missing: dict[str, Reply], words: str
) -> None:
    answers(workspace, **missing)
    with pytest.raises(pulumi.RunError, match=words):
        plan_of(registering())


def test_s2_schema_that_nobody_may_ask_for_is_warned_of_and_can_be_waived(
    plan_of: Any, workspace: FakeWorkspace
) -> None:
    answers(workspace, **{"models/ml.own.mine": FORBIDDEN})
    (warning,) = plan_of(registering()).warnings
    assert warning.id == "schema-unseen" and "no USE CATALOG" in warning.finding
    waiver = {"policy": "schema-unseen", "reason": "a test", "owner": "ana@example.com", "expires": "2026-12-31"}
    plan = plan_of(registering(waivers=[waiver]))
    assert plan.warnings == () and len(plan.waived) == 1


def test_a_fleet_that_registers_nothing_asks_the_registry_nothing(plan_of: Any, workspace: FakeWorkspace) -> None:
    plan = plan_of(following(version="3"))
    assert plan.models == () and plan.resize is None
    assert not any(UC in seen.path for seen in workspace.seen)


def test_run_exports_registered_versions(
    tmp_path: Path, workspace: FakeWorkspace, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models.yaml").write_text(json.dumps({"version": 1, "models": [registering()]}))
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    found = record(run, root=tmp_path, into=Recording(registered=REGISTERED))
    assert found.exports["endpoints"][0]["models"] == [{"model": "ml.own.mine", "version": "4", "traffic_percent": 100}]


def test_version_of_which_nothing_says_where_it_comes_from_cannot_be_requested(sizing_of: Any) -> None:
    sizing = sizing_of(model=None, version=None, register={"name": "ml.own.mine", "source": "runs:/1/m"})
    with pytest.raises(ValueError, match=r"ml\.own\.mine has no version yet"):
        endpoint_request(sizing)
    (entity,) = endpoint_request(sizing, {0: PendingEntity("4", 980, 1960)}).endpoint["config"]["servedEntities"]
    assert entity["entityVersion"] == "4"
