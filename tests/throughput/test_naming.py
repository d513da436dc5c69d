import pytest

from serving.throughput.optimization_info import OptimizationInfo

from .conftest import BANDS_980, UNITS, Size, entry, only, only_problem


def model(name: str, more: str = "") -> str:
    return f'model: {name}, version: "1"{more}'


@pytest.mark.parametrize(
    "name",
    [
        "system.ai.meta_llama_v3_1_8b",
        "system.ai.llama_v3_2_1b",
        "system.ai.meta_llama_3_8b",
        "SYSTEM.AI.Llama_v3_3_70b",
        "system.ai.llama_2_7b",
    ],
)
def test_s3_base_llama_from_system_ai_is_refused(sized: Size, name: str) -> None:
    problem = only_problem(sized(entry(model=model(name))), "S3-instruct")
    assert problem.next_step == f"write `model: {name}_instruct`" and problem.path == "models/chat/model"


@pytest.mark.parametrize(
    "name",
    [
        "system.ai.meta_llama_v3_1_8b_instruct",
        "system.ai.Llama_v3_3_70b_Instruct",
        "system.ai.llama_2_7b_chat_hf",
        "ml.own.llama_v3_1_8b",
        "marketplace.llama.llama_v3_1_8b",
        "system.ai.deepseek_r1_distill_llama_70b",
        "system.ai.mistral_7b",
    ],
)
def test_s3_instruct_other_catalogs_and_other_families_are_allowed(sized: Size, name: str) -> None:
    assert only(sized(entry(model=model(name)))).entities[0].model == name


def test_s3_llama_4_maverick_is_served_under_its_plain_name(sized: Size) -> None:
    assert (
        only(
            sized(entry("throughput: {model_units: 50}", model=model("system.ai.llama-4-maverick")), UNITS)
        ).model_units
        == 50
    )


@pytest.mark.parametrize("name", ["system.ai.deepseek_r1", "ml.own.DeepSeek-R1", "system.ai.deepseek_r1_671b"])
def test_s38_deepseek_r1_is_refused_and_the_distilled_llama_suggested(sized: Size, name: str) -> None:
    assert "deepseek_r1_distill_llama" in only_problem(sized(entry(model=model(name))), "S38-deepseek").next_step


@pytest.mark.parametrize("name", ["system.ai.deepseek_r1_distill_llama_8b", "ml.own.deepseek_r1_distilled_llama_70b"])
def test_s38_distilled_llama_is_allowed(sized: Size, name: str) -> None:
    assert only(sized(entry(model=model(name)))).family == "bands"


@pytest.mark.parametrize("task", ["llm/v1/chat", "llm/v1/completions"])
@pytest.mark.parametrize("kind", ["gte", "bge"])
def test_s21_embedding_model_for_another_task_is_refused(sized: Size, task: str, kind: str) -> None:
    result = sized(entry(task=task), OptimizationInfo(True, kind, 980))
    problem = next(problem for problem in result.problems if problem.id == "S21-embeddings")
    assert (problem.path, problem.next_step) == ("models/chat/task", "write `task: llm/v1/embeddings`")


def test_s32_gte_vectors_are_warned_of_as_unnormalised(sized: Size) -> None:
    named = sized(entry(task="llm/v1/embeddings", model=model("system.ai.gte_large_en_v1_5")), BANDS_980)
    answered = sized(entry(task="llm/v1/embeddings"), OptimizationInfo(True, "gte", 980))
    logged = sized(
        entry(
            task="llm/v1/embeddings",
            model="register: {name: ml.own.e, source: runs:/1/m, metadata: {model_type: gte-large}}",
        )
    )
    for result in (named, answered, logged):
        assert only_problem(result, "gte-unnormalised", "warning").path.startswith("models/chat/")
        assert len(result.endpoints) == 1


def test_s32_bge_is_not_warned_of(sized: Size) -> None:
    text = entry(task="llm/v1/embeddings", model=model("system.ai.bge_large_en_v1_5"))
    assert only(sized(text, OptimizationInfo(True, "bge", 1360))).family == "bands"
