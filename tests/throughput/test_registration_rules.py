import pytest

from bandplan.serving.throughput.registration_rules import task_place

from .conftest import Size, entry, ids, only, only_problem


def register(more: str = "", source: str = "runs:/1/model") -> str:
    return f"register: {{name: ml.own.new, source: {source}{', ' if more else ''}{more}}}"


def test_s5_check_of_a_version_to_be_registered_is_deferred_and_said_so(sized: Size) -> None:
    endpoint = only(sized(entry(model=register())))
    (deferred,) = endpoint.deferred
    assert "chat" in deferred and "ml.own.new" in deferred and "before the endpoint is created" in deferred
    (entity,) = endpoint.entities
    assert (entity.version, entity.served_name) == (None, "new")
    assert (entity.min_bands, entity.max_bands) == (2, 3)
    assert (entity.chunk_tokens_per_second, entity.min_provisioned_throughput, endpoint.ceiling_tokens_per_second) == (
        None,
        None,
        None,
    )


def test_band_in_tokens_of_a_version_to_be_registered_is_known_in_tokens(sized: Size) -> None:
    endpoint = only(sized(entry("throughput: {tokens_per_second: {min: 980, max: 1960}}", model=register())))
    assert (endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (980, 1960)
    assert (endpoint.entities[0].min_bands, endpoint.entities[0].max_bands) == (None, None)


def test_units_of_a_version_to_be_registered_are_known(sized: Size) -> None:
    endpoint = only(sized(entry("throughput: {model_units: 50}", model=register())))
    assert (endpoint.family, endpoint.model_units, len(endpoint.deferred)) == ("model_units", 50, 1)


def test_auto_band_of_a_version_to_be_registered_has_no_ceiling_yet(sized: Size) -> None:
    demand = "demand: {requests_per_second: 1, input_tokens: 1, output_tokens: 1}"
    endpoint = only(sized(entry("throughput: auto", model=register(), more=demand)))
    assert (endpoint.entities[0].min_bands, endpoint.entities[0].max_bands, endpoint.headroom) == (1, None, None)


def test_s12_floor_of_zero_is_warned_of_before_registration_too(sized: Size) -> None:
    assert ids(sized(entry("throughput: {bands: {min: 0, max: 1}}", model=register()))) == ["floor-zero"]


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("2.11.0", "metadata"),
        ("2.11.9", "metadata"),
        ("2.12.0", "argument"),
        ("2.12", "argument"),
        ("3.1.4", "argument"),
    ],
)
def test_s21_task_is_an_argument_from_mlflow_2_12_on(sized: Size, version: str, place: str) -> None:
    assert task_place(version) == place
    assert only(sized(entry(model=register(f'mlflow_version: "{version}"')))).entities[0].task_place == place


@pytest.mark.parametrize("version", ["2.10.2", "1.30.0", "2.4.0"])
def test_s22_mlflow_before_2_11_is_refused(sized: Size, version: str) -> None:
    assert only_problem(sized(entry(model=register(f"mlflow_version: {version}"))), "S22-mlflow").path.endswith(
        "mlflow_version"
    )


@pytest.mark.parametrize(
    ("source", "step"),
    [
        ("./checkpoint", "remove mlflow_version: the installed MLflow logs the model"),
        ("runs:/1/m", "log the model again with MLflow 2.12 or newer, then write that version or remove"),
    ],
)
def test_s22_old_mlflow_gets_the_step_that_its_source_allows(sized: Size, source: str, step: str) -> None:
    result = sized(entry(model=register("mlflow_version: 2.10.2", source=source)))
    assert only_problem(result, "S22-mlflow").next_step.startswith(step)


def test_s23_embedding_model_logged_here_needs_model_type(sized: Size) -> None:
    result = sized(entry(task="llm/v1/embeddings", model=register(source="./checkpoint")))
    assert "model_type: gte-large" in only_problem(result, "S23-model-type").next_step


def test_s23_embedding_model_logged_elsewhere_is_warned_of(sized: Size) -> None:
    for source in ("runs:/1/model", "models:/ml.own.x/3"):
        only_problem(
            sized(entry(task="llm/v1/embeddings", model=register(source=source))), "embedding-model-type", "warning"
        )


def test_s23_model_type_is_carried(sized: Size) -> None:
    text = entry(task="llm/v1/embeddings", model=register("metadata: {model_type: bge-large}", source="./checkpoint"))
    registration = only(sized(text)).entry.entities[0].register
    assert registration is not None and registration.metadata == {"model_type": "bge-large"}


def test_s23_chat_model_needs_no_model_type(sized: Size) -> None:
    assert only(sized(entry(model=register(source="./checkpoint")))).family == "bands"


@pytest.mark.parametrize("name", ["system.ai.mine", "System.ai.mine", "system.other.mine"])
def test_s2_registering_into_the_catalog_system_is_refused(sized: Size, name: str) -> None:
    problem = only_problem(sized(entry(model=f"register: {{name: {name}, source: runs:/1/m}}")), "S2-register-system")
    assert problem.path == "models/chat/register/name"
    assert problem.next_step == f"write a catalog of your own, such as `name: ml.{name.split('.', 1)[1]}`"


def test_s2_registering_into_a_catalog_that_only_starts_alike_is_allowed(sized: Size) -> None:
    assert len(only(sized(entry(model="register: {name: systems.ai.mine, source: runs:/1/m}"))).deferred) == 1
