"""ModelVersion against the stand-in workspace, over HTTP."""

import json
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.values import UNKNOWN, plain
from bandplan.provider.context import Context
from bandplan.provider.model_version_inputs import WantedVersion
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.request import Registered
from bandplan.serving.workspace.registry import SOURCE_DIGEST
from tests.provider.version_bench import MLFLOW_MODEL, VersionBench, asked
from tests.stub.registering import mlmodel

EMBEDDER = mlmodel(
    metadata={"task": "llm/v1/embeddings", "model_type": "gte-large"},
    flavors={"transformers": {"task": "llm/v1/embeddings"}},
)
NOT_ELIGIBLE = mlmodel(flavors={"python_function": {"loader_module": "mine"}})
TOO_SMALL = {"tokensPerSecond": {"min": 1000, "max": 1960}}


def is_unchanged(response: sdk.DiffResponse) -> bool:
    return response.changes is False and not response.detailed_diff and not response.replaces


def other(content: bytes, mark: str) -> bytes:
    return json.dumps({**json.loads(content), "mark": mark}).encode()


# ---------------------------------------------------------------------- making one


def test_a_version_is_made_with_the_digest_of_its_source_in_a_tag_and_its_numbers_are_outputs(
    versions: VersionBench,
) -> None:
    inputs = versions.checked(tags={"run": "7"}, description="The first")
    state = versions.create(inputs)
    assert state["id"] == f"{versions.name}/1"
    assert {name: state[name] for name in ("version", "status", "adopted", "optimizable", "modelType")} == {
        "version": "1",
        "status": "READY",
        "adopted": False,
        "optimizable": True,
        "modelType": "llama",
    }
    assert (state["throughputChunkSize"], state["runId"]) == (980, "")
    live = versions.registry.version(versions.name, "1")
    assert live is not None
    assert live.tags == {"run": "7", SOURCE_DIGEST: inputs["digest"]} and inputs["digest"].startswith("sha256:")
    assert live.description == "The first"
    assert is_unchanged(versions.diff(state, inputs))


def test_a_version_of_the_same_source_is_taken_over_and_none_is_made(versions: VersionBench) -> None:
    versions.up()
    state = versions.up(tags={"run": "8"})
    assert (state["version"], state["adopted"], versions.made) == ("1", True, ["1"])
    assert any("was already made from this source; it is taken over" in line for line in versions.lines)
    live = versions.registry.version(versions.name, "1")
    assert live is not None and live.tags["run"] == "8"


def test_going_back_to_an_earlier_source_takes_over_its_version(versions: VersionBench) -> None:
    versions.up()
    versions.write_model(other(MLFLOW_MODEL, "second"))
    assert versions.up()["version"] == "2"
    versions.write_model()
    assert (versions.up()["version"], versions.made) == ("1", ["1", "2"])


def test_s5_preview_of_a_version_to_be_made_knows_no_numbers_and_says_what_is_checked_later(
    versions: VersionBench,
) -> None:
    foreseen = versions.create(versions.checked(), preview=True)
    assert (foreseen["id"], foreseen["version"], foreseen["throughputChunkSize"]) == ("", UNKNOWN, UNKNOWN)
    assert versions.made == []
    assert versions.warnings == [
        f"models/chat: whether {versions.name} is eligible, and its chunk size, are checked once this deployment has "
        "registered the version, before the endpoint is created"
    ]


def test_preview_of_a_version_that_would_be_taken_over_knows_it(versions: VersionBench) -> None:
    versions.up()
    foreseen = versions.create(versions.checked(), preview=True)
    assert (foreseen["version"], foreseen["throughputChunkSize"], foreseen["adopted"]) == ("1", 980, True)
    assert versions.warnings == []


def test_what_somebody_else_made_meanwhile_is_made_what_was_declared(versions: VersionBench) -> None:
    def outrun(context: Context, wanted: WantedVersion, progress: Any) -> Registered:
        made = versions.make_plainly(context, WantedVersion.from_inputs({**inputs, "tags": {}}), progress)
        return Registered(made.version, adopted=True)

    inputs = versions.checked(tags={"run": "7"})
    versions.make = outrun
    state = versions.create(inputs)
    assert state["adopted"] is True
    live = versions.registry.version(versions.name, state["version"])
    assert live is not None and live.tags["run"] == "7"


def test_a_registration_that_fails_says_why_and_leaves_no_state(versions: VersionBench) -> None:
    def fail(context: Context, wanted: WantedVersion, progress: Any) -> Registered:
        raise RegistrationError("the scanner found malware (FAILED_REGISTRATION)")

    versions.make = fail
    with pytest.raises(ProviderError, match="malware") as caught:
        versions.up()
    assert not isinstance(caught.value, InitFailed)


# ---------------------------------------------------------------------- what cannot be served as asked


def test_s6_version_that_is_not_eligible_stays_in_the_state_with_what_to_change(versions: VersionBench) -> None:
    versions.write_model(NOT_ELIGIBLE)
    inputs = versions.checked()
    with pytest.raises(InitFailed) as caught:
        versions.create(inputs)
    failed = caught.value
    assert failed.resource_id == f"{versions.name}/1"
    state = {"id": failed.resource_id, **plain(failed.properties)}
    assert (state["version"], state["optimizable"]) == ("1", False)
    (reason,) = failed.reasons
    assert "S6-eligible models/chat/register/name" in reason
    assert "not eligible for provisioned throughput" in reason and "transformers flavor" in reason
    assert "The version stays, its alias was not moved, and no endpoint was created" in reason
    with pytest.raises(ProviderError, match="not eligible"):
        versions.diff(state, inputs)
    assert versions.made == ["1"]


def test_s8_bounds_that_are_no_whole_chunks_are_mended_without_another_version(versions: VersionBench) -> None:
    wrong = versions.checked(throughput=[asked(throughput=TOO_SMALL)])
    with pytest.raises(InitFailed, match=r"1000 is not a multiple of 980; .*; use 980 or 1960") as caught:
        versions.create(wrong)
    state = {"id": caught.value.resource_id, **plain(caught.value.properties)}
    right = versions.checked(throughput=[asked(throughput={"tokensPerSecond": {"min": 980, "max": 1960}})])
    found = versions.diff(state, right)
    assert not found.replaces and set(found.detailed_diff) == {"throughput[0].throughput.tokensPerSecond.min"}
    assert versions.update(state, right, preview=True)["version"] == "1"
    state = versions.update(state, right)
    assert versions.made == ["1"]
    assert is_unchanged(versions.diff(state, right))


def test_s8_bounds_that_a_known_version_cannot_have_are_refused_at_preview(versions: VersionBench) -> None:
    state = versions.up()
    with pytest.raises(ProviderError, match=r"models/chat/throughput/tokens_per_second/min: 1000 is not a multiple"):
        versions.diff(state, versions.checked(throughput=[asked(throughput=TOO_SMALL)]))


def test_s1_units_of_a_model_that_is_sold_in_bands_are_refused(versions: VersionBench) -> None:
    with pytest.raises(InitFailed, match="S1-family models/chat/throughput"):
        versions.up(throughput=[asked(throughput={"modelUnits": 50})])


def test_s21_task_that_the_registered_model_does_not_have_is_refused(versions: VersionBench) -> None:
    versions.write_model(EMBEDDER)
    with pytest.raises(InitFailed, match="S21-embeddings models/chat/task"):
        versions.up()


def test_every_entity_that_asks_for_the_version_is_checked(versions: VersionBench) -> None:
    wrong = [
        asked(),
        asked(endpoint="one", throughput=TOO_SMALL),
        asked(endpoint="two", entity="entities/1/", trafficPercent=10, throughput=TOO_SMALL),
    ]
    with pytest.raises(InitFailed) as caught:
        versions.up(throughput=wrong)
    assert "models/one/throughput/tokens_per_second/min" in str(caught.value)
    assert "models/two/entities/1/throughput/tokens_per_second/min" in str(caught.value)


def test_version_that_is_eligible_by_now_is_asked_about_again(versions: VersionBench) -> None:
    inputs = versions.checked()
    state = {**versions.create(inputs), "optimizable": False, "throughputChunkSize": 0, "modelType": ""}
    assert not versions.diff(state, inputs).replaces
    assert versions.update(state, inputs)["throughputChunkSize"] == 980


def test_source_that_cannot_be_registered_is_refused_at_preview_with_everything_against_it(
    versions: VersionBench,
) -> None:
    versions.write_model(mlmodel(signature=..., mlflow_version="2.10.0"))
    (versions.root / "model" / "pipeline").mkdir()
    (versions.root / "model" / "pipeline" / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(ProviderError) as caught:
        versions.create(versions.checked(), preview=True)
    assert "model/pipeline/model.safetensors: has 7 bytes" in str(caught.value)
    assert "cannot be registered from model" in str(caught.value)
    assert "S22" in str(caught.value) and "signature" in str(caught.value)


# ---------------------------------------------------------------------- changes and drift


def test_a_changed_source_makes_one_more_version_and_keeps_the_old_one(versions: VersionBench) -> None:
    state = versions.up()
    versions.write_model(other(MLFLOW_MODEL, "second"))
    inputs = versions.checked()
    found = versions.diff(state, inputs)
    assert found.replaces == ["digest"] and not found.delete_before_replace
    assert found.detailed_diff["digest"].kind is sdk.PropertyDiffKind.UPDATE_REPLACE
    assert versions.create(inputs)["version"] == "2"
    versions.delete(state)
    assert versions.registry.version_numbers(versions.name) == ("1", "2")


def test_a_source_that_only_moved_makes_no_version(versions: VersionBench) -> None:
    state = versions.up()
    versions.write_model(folder="moved")
    inputs = versions.checked(source="moved")
    found = versions.diff(state, inputs)
    assert not found.replaces and set(found.detailed_diff) == {"source"}
    assert is_unchanged(versions.diff(versions.update(state, inputs), inputs))


def test_another_name_is_another_version(versions: VersionBench) -> None:
    state = versions.up()
    assert versions.diff(state, versions.checked(name=f"{versions.name}x")).replaces == ["name"]


def test_tags_and_description_are_changed_in_place_and_tags_of_others_stay(versions: VersionBench) -> None:
    state = versions.up(tags={"a": "1", "b": "1"}, description="Old")
    versions.registry.set_tags(versions.name, "1", {"theirs": "x"})
    inputs = versions.checked(tags={"a": "2"}, description="New")
    assert set(versions.diff(state, inputs).detailed_diff) == {"tags.a", "tags.b", "description"}
    state = versions.update(state, inputs)
    live = versions.registry.version(versions.name, "1")
    assert live is not None and live.description == "New"
    assert {key: value for key, value in live.tags.items() if key != SOURCE_DIGEST} == {"a": "2", "theirs": "x"}
    assert is_unchanged(versions.diff(state, inputs))


def test_a_version_deleted_by_hand_shows_at_the_next_preview_and_is_made_again(versions: VersionBench) -> None:
    inputs = versions.checked()
    state = versions.create(inputs)
    versions.registry.delete_version(versions.name, "1")
    found = versions.diff(state, inputs)
    assert found.replaces == ["version"] and found.changes
    assert any("version 1 is gone" in warning for warning in versions.warnings)
    assert versions.create(inputs, preview=True)["version"] is UNKNOWN
    assert versions.create(inputs)["version"] == "2"
    versions.delete(state)


@pytest.mark.parametrize("key", ["run", SOURCE_DIGEST])
def test_a_tag_changed_by_hand_shows_and_is_set_again(versions: VersionBench, key: str) -> None:
    inputs = versions.checked(tags={"run": "7"})
    state = versions.create(inputs)
    versions.registry.set_tags(versions.name, "1", {key: "by hand"})
    found = versions.diff(state, inputs)
    assert not found.replaces and set(found.detailed_diff) == {"tags.run" if key == "run" else "digest"}
    assert any("'by hand'" in warning for warning in versions.warnings)
    assert is_unchanged(versions.diff(versions.update(state, inputs), inputs))


# ---------------------------------------------------------------------- refresh


def test_read_shows_what_was_changed_by_hand(versions: VersionBench) -> None:
    state = versions.up(tags={"a": "1", "b": "1"}, description="Ours")
    versions.registry.set_tags(versions.name, "1", {"a": "2"})
    versions.registry.delete_tags(versions.name, "1", ["b"])
    versions.registry.set_description(versions.name, "1", "Theirs")
    answer = versions.read(state)
    assert answer.inputs is not None and answer.properties is not None
    inputs, outputs = plain(answer.inputs), plain(answer.properties)
    assert (inputs["tags"], inputs["description"]) == ({"a": "2"}, "Theirs")
    assert (outputs["tags"], outputs["version"], outputs["throughputChunkSize"]) == ({"a": "2"}, "1", 980)


def test_read_of_a_version_as_declared_changes_nothing(versions: VersionBench) -> None:
    state = versions.up(tags={"a": "1"})
    answer = versions.read(state)
    assert answer.properties is not None and answer.inputs is not None
    assert {"id": answer.resource_id, **plain(answer.properties)} == state
    assert plain(answer.inputs) == versions.checked(tags={"a": "1"})


def test_read_asks_for_the_chunk_again(versions: VersionBench) -> None:
    state = versions.up()
    answer = versions.read({**state, "throughputChunkSize": 7})
    assert answer.properties is not None and plain(answer.properties)["throughputChunkSize"] == 980


def test_read_of_a_deleted_version_has_no_id(versions: VersionBench) -> None:
    state = versions.up()
    versions.registry.delete_version(versions.name, "1")
    assert versions.read(state).resource_id == ""


def test_a_version_cannot_be_imported_and_the_message_says_what_to_do(versions: VersionBench) -> None:
    versions.up()
    with pytest.raises(ProviderError, match="declare it and run `up`"):
        versions.read({"id": f"{versions.name}/1"})


# ---------------------------------------------------------------------- deleting


def test_destroy_keeps_versions_unless_deletion_was_asked_for(versions: VersionBench) -> None:
    versions.delete(versions.up())
    assert versions.registry.version_numbers(versions.name) == ("1",)
    versions.delete(versions.up(retain=False))
    assert versions.registry.version_numbers(versions.name) == ()


def test_a_version_that_an_endpoint_serves_is_never_deleted(versions: VersionBench) -> None:
    state = versions.up(retain=False)
    endpoint = versions.name.split(".")[-1]
    versions.serve("1", endpoint)
    versions.delete(state)
    assert versions.registry.version_numbers(versions.name) == ("1",)
    assert f"it is served by {endpoint}" in versions.warnings[-1]
    versions.stop_serving(endpoint)
    versions.delete(state)
    assert versions.registry.version_numbers(versions.name) == ()


def test_a_version_that_an_alias_points_to_is_not_deleted(versions: VersionBench) -> None:
    state = versions.up(retain=False)
    versions.registry.set_alias(versions.name, "prod", "1")
    versions.delete(state)
    assert versions.registry.version_numbers(versions.name) == ("1",)
    assert "it has the alias prod" in versions.warnings[-1]


def test_deleting_a_version_that_is_gone_succeeds(versions: VersionBench) -> None:
    state = versions.up(retain=False)
    versions.registry.delete_version(versions.name, "1")
    versions.delete(state)


# ---------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"source": "nowhere"}, "source: nowhere: no such folder"),
        ({"source": "runs:/x"}, "source: runs:/x: not a source"),
        ({"name": "short"}, "name: is 'short'"),
        ({"name": None}, "name: is missing"),
        ({"taks": "x"}, "taks: is not a property"),
        ({"retain": "no"}, "retain: must be true or false"),
        ({"tags": {"a": 1}}, "tags.a: must be a string"),
        ({"throughput": [{"endpoint": "chat"}]}, "throughput[0]: has no task"),
    ],
)
def test_check_refuses_with_property_and_reason(versions: VersionBench, changes: dict[str, Any], failure: str) -> None:
    failures = versions.check(versions.inputs(**changes))[1]
    assert failures and failures[0].startswith(failure)


def test_digest_of_an_aliased_model_is_that_of_the_version_it_points_to(versions: VersionBench) -> None:
    versions.up()
    versions.write_model(other(MLFLOW_MODEL, "second"))
    versions.up()
    source = f"models:/{versions.name}@champion"
    digests = []
    for number in ("1", "2", "1"):
        versions.registry.set_alias(versions.name, "champion", number)
        digests.append(versions.checked(source=source)["digest"])
    assert digests[0] == digests[2] != digests[1]
    assert digests[1] == versions.checked(source=f"models:/{versions.name}/2")["digest"]


def test_alias_that_the_source_names_and_nobody_set_is_an_error_of_the_source(versions: VersionBench) -> None:
    versions.up()
    (failure,) = versions.check(versions.inputs(source=f"models:/{versions.name}@none"))[1]
    assert failure.startswith("source: ") and "has no alias none" in failure


def test_inputs_that_are_not_known_yet_pass_and_nothing_is_made(versions: VersionBench) -> None:
    inputs, failures = versions.check(versions.inputs(source=UNKNOWN))
    assert failures == [] and "digest" not in inputs
    assert versions.create(inputs, preview=True)["version"] is UNKNOWN
