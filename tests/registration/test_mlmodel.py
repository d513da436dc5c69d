import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.serving.registration.checks.mlmodel import MOST_BYTES, findings, parse_mlmodel, read_mlmodel
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.finding import SourceFinding

CHAT = "llm/v1/chat"


def mlmodel(**changes: Any) -> str:
    """What MLflow 3.17 writes for a chat model, as far as it matters; JSON is YAML. `...` takes a key away."""
    document = {
        "flavors": {"transformers": {"task": "text-generation", "inference_task": CHAT}, "python_function": {}},
        "mlflow_version": "3.17.2",
        "metadata": {"task": CHAT},
        "signature": {"inputs": "[{}]", "outputs": "[{}]", "params": None},
        **changes,
    }
    return json.dumps({key: value for key, value in document.items() if value is not ...})


def old(version: str, **changes: Any) -> str:
    """A completions model of an MLflow that had the task in the metadata."""
    settings = {
        "mlflow_version": version,
        "flavors": {"transformers": {"task": "text-generation"}},
        "metadata": {"task": "llm/v1/completions"},
        **changes,
    }
    return mlmodel(**settings)


def found(text: str, task: str | None = None, **route: Any) -> tuple[SourceFinding, ...]:
    return findings(parse_mlmodel(text, "logged/MLmodel"), task, **route)


def assert_only(findings: tuple[SourceFinding, ...], rule: str, finding: str, step: str) -> None:
    """One finding: of the rule (its S-number), that says so, with the step."""
    (only,) = findings
    assert only.place == "logged/MLmodel"
    assert only.rule.startswith(rule)
    assert finding in only.finding
    assert step in only.next_step


def test_model_as_mlflow_logs_it_has_no_findings() -> None:
    assert found(mlmodel(), CHAT) == ()


def test_s20_other_flavors_are_refused() -> None:
    assert_only(
        found(mlmodel(flavors={"sklearn": {}, "python_function": {}})), "S20", "python_function, sklearn", "log-model"
    )


def test_s21_task_in_metadata_is_for_mlflow_before_2_12_only() -> None:
    assert found(old("2.11.3")) == ()
    assert_only(found(old("2.12.0")), "S21", "only in the metadata", 'task="llm/v1/completions"')


def test_s21_task_as_an_argument_does_not_count_before_2_12() -> None:
    argument = {"flavors": {"transformers": {"inference_task": CHAT}}, "metadata": None}
    assert_only(found(old("2.11.0", **argument)), "S21", "no task", 'metadata={"task"')
    assert found(old("2.12.1", **argument)) == ()


@pytest.mark.parametrize("task", ["text-generation", "llm/v1/rerank"])
def test_s21_task_of_no_kind_of_endpoint_is_refused(task: str) -> None:
    text = mlmodel(flavors={"transformers": {"inference_task": task}}, metadata={"task": task})
    assert_only(found(text), "S21", f"its task is {task}", 'task="llm/v1/..."')


def test_s21_model_without_a_task_is_refused() -> None:
    assert_only(
        found(mlmodel(flavors={"transformers": {"task": "text-generation"}}, metadata=None)), "S21", "no task", "task="
    )


def test_task_of_the_endpoint_and_of_the_model_are_the_same() -> None:
    (only,) = found(mlmodel(), "llm/v1/completions")
    assert (only.finding, only.rule) == (f"logged for {CHAT}", "the endpoint must serve llm/v1/completions")
    assert f"task: {CHAT}" in only.next_step


@pytest.mark.parametrize(
    ("version", "is_refused"),
    [("2.10.9", True), ("2.11.0", False), ("2.9.2", True), ("3.0.0rc1", False), (2.11, False)],
)
def test_s22_provisioned_throughput_takes_mlflow_2_11_and_newer(version: Any, is_refused: bool) -> None:
    task = {"transformers": {"inference_task": "llm/v1/completions"}}
    text = old(version, flavors=task)
    if is_refused:
        assert_only(found(text), "S22", f"MLflow {version}", "MLflow 2.12 or newer")
    else:
        assert found(text) == ()


def test_s22_runtime_stands_for_an_mlflow_version_that_is_not_recorded() -> None:
    assert found(mlmodel(mlflow_version=..., databricks_runtime="15.4.x-cpu-ml-scala2.12")) == ()
    older = found(mlmodel(mlflow_version=..., databricks_runtime="14.3.x-cpu-ml-scala2.12"))
    assert_only(older, "S22", "Databricks Runtime 14.3.x", "Databricks Runtime 15.0 ML or newer")
    assert_only(found(mlmodel(mlflow_version=...)), "S22", "neither mlflow_version nor", "MLflow 2.12")


def test_s22_new_runtime_does_not_excuse_an_old_mlflow() -> None:
    text = old("2.9.0", databricks_runtime="15.4.x-cpu-ml-scala2.12")
    assert_only(found(text), "S22", "MLflow 2.9.0", "")


@pytest.mark.parametrize(
    ("mlflow", "runtime", "is_refused"),
    [("2.4.0", ..., False), ("2.3.2", ..., True), ("2.3.2", "13.2.x-gpu-ml", False), ("2.3.2", "13.1.x-gpu-ml", True)],
)
def test_s22_legacy_takes_mlflow_2_4_or_runtime_13_2(mlflow: str, runtime: Any, is_refused: bool) -> None:
    legacy = found(old(mlflow, databricks_runtime=runtime), route="legacy")
    assert [finding.rule[:3] for finding in legacy] == (["S22"] if is_refused else [])


def test_s21_legacy_answers_completions_alone() -> None:
    assert_only(found(old("2.4.0", metadata={"task": CHAT}), route="legacy"), "S21", CHAT, 'metadata={"task"')


def test_s23_embedding_model_has_its_type_in_the_metadata() -> None:
    task = "llm/v1/embeddings"
    flavors = {"transformers": {"inference_task": task}}
    assert_only(
        found(mlmodel(flavors=flavors, metadata={"task": task})), "S23", "model_type", '"model_type": "gte-large"'
    )
    assert found(mlmodel(flavors=flavors, metadata={"task": task, "model_type": "bge-large"})) == ()


@pytest.mark.parametrize(
    ("signature", "lacking"),
    [
        (..., "no inputs and no outputs"),
        (None, "no inputs and no outputs"),
        ({"inputs": "[{}]", "outputs": None}, "no outputs"),
        ({"inputs": None, "outputs": "[{}]"}, "no inputs"),
    ],
)
def test_signature_has_inputs_and_outputs(signature: Any, lacking: str) -> None:
    assert_only(found(mlmodel(signature=signature)), "Unity Catalog", f"its signature has {lacking}", "signature=")


def test_every_finding_comes_at_once() -> None:
    text = mlmodel(mlflow_version="2.1.0", metadata={}, signature=None)
    assert [finding.rule[:3] for finding in found(text)] == ["S22", "S21", "Uni"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no flavors"),
        ("- a", "no flavors"),
        ("flavors: 3", "no flavors"),
        ("flavors: [", "not YAML"),
        ("a: b\n\tc: d", ":2: not YAML"),
        ("[" * 10_000, "nested more than 64 levels"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_file_that_is_no_mlmodel_is_an_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        parse_mlmodel(text, "logged/MLmodel")
    assert str(refused.value).startswith("logged/MLmodel")
    assert said in str(refused.value)


def test_merge_keys_are_refused_before_they_multiply() -> None:
    """Each level would hold the one before ten times; there are twenty."""
    levels = ["a0: &a0 {x: y}"]
    levels += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: v}}" for n in range(1, 20)]
    with pytest.raises(RegistrationError, match="not YAML"):
        parse_mlmodel("\n".join(["flavors: {transformers: {}}", *levels]), "MLmodel")


def test_file_that_is_too_large_or_not_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "MLmodel"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RegistrationError, match="cannot be read as text"):
        read_mlmodel(path, "MLmodel")
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(RegistrationError, match="larger than"):
        read_mlmodel(path, "MLmodel")


def flavor(**keys: Any) -> str:
    transformers = {"task": "text-generation", "inference_task": CHAT, **keys}
    return mlmodel(flavors={"transformers": transformers, "python_function": {}})


def test_adapter_and_reference_are_told_by_the_mlmodel_file_alone() -> None:
    """As for a run or a registered model, from which nothing else is fetched."""
    assert_only(
        found(flavor(peft_adaptor="peft")),
        "a served model must be logged with its weights",
        "adapter",
        "merge it into its base model",
    )
    assert found(flavor(peft_adaptor=None)) == ()
    reference = {"source_model_name": "meta-llama/Llama-3.1-8B", "source_model_revision": "0e9e39f2"}
    assert_only(
        found(flavor(**reference)),
        "a served model must be logged with its weights",
        "meta-llama/Llama-3.1-8B",
        "persist_pretrained_model",
    )
    assert found(flavor(source_model_name="tiny-llama", model_binary="model")) == ()


def test_s38_deepseek_r1_is_told_by_its_class() -> None:
    assert_only(found(flavor(pipeline_model_type="DeepseekV3ForCausalLM")), "S38", "DeepSeek R1", "distilled Llama")
    assert found(flavor(pipeline_model_type="LlamaForCausalLM")) == ()


@pytest.mark.parametrize("value", [None, 3, [], {}, [None], {"a": 1}, "", "../x"])
@pytest.mark.parametrize("key", ["model_binary", "components", "pipeline_model_type", "source_model_name"])
def test_flavor_of_odd_values_is_read_all_the_same(key: str, value: Any) -> None:
    assert found(flavor(**{key: value}), CHAT) == ()
