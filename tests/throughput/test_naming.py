import pytest

from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable

from .conftest import BANDS_980, UNITS, Size, entry, ids, only, only_problem


def model(name: str, more: str = "") -> str:
    return f'model: {name}, version: "1"{more}'


@pytest.mark.parametrize(
    "name",
    [
        "system.ai.meta_llama_v3_1_8b",
        "system.ai.llama_v3_2_1b",
        "system.ai.meta_llama_3_8b",
        "SYSTEM.AI.Llama_v3_3_70b",
        "system.ai.llama_v3_3_70b_chat",
    ],
)
def test_s3_base_llama_from_system_ai_is_refused(sized: Size, name: str) -> None:
    problem = only_problem(sized(entry(model=model(name))), "S3-instruct")
    assert problem.next_step == f"write `model: {name}_instruct`" and problem.path == "models/chat/model"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("system.ai.llama_2_7b", "system.ai.llama_2_7b_chat_hf"),
        ("system.ai.llama_2_70b_hf", "system.ai.llama_2_70b_chat_hf"),
        ("system.ai.meta_llama_v3_1_8b_base", "system.ai.meta_llama_v3_1_8b_instruct"),
    ],
)
def test_s3_instruct_version_of_llama_2_is_called_chat(sized: Size, name: str, meant: str) -> None:
    assert only_problem(sized(entry(model=model(name))), "S3-instruct").next_step == f"write `model: {meant}`"
    assert only(sized(entry(model=model(meant)))).family == "bands"


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


@pytest.mark.parametrize("name", ["system.ai.deepseek_r1", "System.AI.DeepSeek-R1", "system.ai.deepseek_r1_671b"])
def test_s38_deepseek_r1_is_refused_and_the_distilled_llama_suggested(sized: Size, name: str) -> None:
    assert "deepseek_r1_distill_llama" in only_problem(sized(entry(model=model(name))), "S38-deepseek").next_step


@pytest.mark.parametrize(
    "name",
    ["ml.own.DeepSeek-R1", "ml.own.deepseek_r1_answers", "ml.deepseek_r1.chat", "ml.own.deepseek_r1_distill_qwen_7b"],
)
def test_s38_name_of_a_users_own_model_says_nothing(sized: Size, name: str) -> None:
    assert only(sized(entry(model=model(name)))).entities[0].model == name
    assert only(sized(entry(model=f"register: {{name: {name}, source: runs:/1/m}}"))).entities[0].model == name


def test_s38_other_distilled_models_are_not_deepseek_r1(sized: Size) -> None:
    assert only(sized(entry(model=model("system.ai.deepseek_r1_distill_qwen_7b")))).family == "bands"


@pytest.mark.parametrize("name", ["system.ai.deepseek_r1_distill_llama_8b", "ml.own.deepseek_r1_distilled_llama_70b"])
def test_s38_distilled_llama_is_allowed(sized: Size, name: str) -> None:
    assert only(sized(entry(model=model(name)))).family == "bands"


@pytest.mark.parametrize("task", ["llm/v1/chat", "llm/v1/completions"])
@pytest.mark.parametrize("kind", ["gte", "bge"])
def test_s21_embedding_model_for_another_task_is_refused(sized: Size, task: str, kind: str) -> None:
    result = sized(entry(task=task), OptimizationInfo(True, kind, 980))
    problem = next(problem for problem in result.problems if problem.id == "S21-embeddings")
    assert (problem.path, problem.next_step) == ("models/chat/task", "write `task: llm/v1/embeddings`")


def test_s32_name_of_a_users_own_model_says_nothing(sized: Size) -> None:
    bge = "metadata: {model_type: bge-large}"
    own = f"register: {{name: ml.own.gte_large_en_v1_5, source: runs:/1/m, {bge}}}"
    assert ids(sized(entry(task="llm/v1/embeddings", model=own))) == []


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


@pytest.mark.parametrize(
    ("name", "throughput", "info"),
    [
        ("llama_v3_3_70b_instruct", "throughput: {bands: {min: 1, max: 2}}", BANDS_980),
        ("mixtral_8x7b_instruct", "throughput: {bands: {min: 1, max: 2}}", OptimizationInfo(True, None, 980)),
        ("dbrx_instruct", "throughput: {bands: {min: 1, max: 2}}", OptimizationInfo(True, "dbrx", 600)),
        ("deepseek_r1_distill_llama_8b", "throughput: {bands: {min: 1, max: 2}}", BANDS_980),
        ("llama-4-maverick", "throughput: {model_units: 50}", UNITS),
        ("gpt-oss-20b", "throughput: {model_units: 50}", OptimizationInfo(True, "gpt_oss", None)),
    ],
)
def test_s21_model_of_system_ai_that_makes_text_is_refused_for_embeddings(
    sized: Size, name: str, throughput: str, info: OptimizationInfo
) -> None:
    result = sized(entry(throughput, task="llm/v1/embeddings", model=model(f"system.ai.{name}")), info)
    problem = only_problem(result, "S21-no-embeddings")
    assert problem.path == "models/chat/task" and "task: llm/v1/chat" in problem.next_step


def test_s21_own_model_that_the_platform_takes_for_a_llama_is_warned_of_for_embeddings(sized: Size) -> None:
    only_problem(sized(entry(task="llm/v1/embeddings")), "embeddings-unlikely", "warning")


@pytest.mark.parametrize("kind", ["mistral", None])
def test_s21_own_model_of_another_type_is_allowed_for_embeddings_whatever_its_name(
    sized: Size, kind: str | None
) -> None:
    text = entry(task="llm/v1/embeddings", model=model("ml.own.e5_mistral_7b_instruct"))
    assert only(sized(text, OptimizationInfo(True, kind, 980))).family == "bands"


@pytest.mark.parametrize("name", ["system.ai.llama_v3_3_70b_instruct", "system.ai.llama_2_7b_chat_hf"])
def test_s21_instruct_model_is_allowed_for_completions_as_in_the_platform_s_sample(sized: Size, name: str) -> None:
    assert only(sized(entry(task="llm/v1/completions", model=model(name)))).family == "bands"


@pytest.mark.parametrize("answer", [OptimizationInfo(False), Unavailable("no such model")])
@pytest.mark.parametrize(
    ("name", "id"), [("system.ai.deepseek_r1", "S38-deepseek"), ("system.ai.meta_llama_v3_1_8b", "S3-instruct")]
)
def test_model_that_has_to_be_another_is_one_problem_whatever_the_platform_answers(
    sized: Size, name: str, id: str, answer: OptimizationInfo | Unavailable
) -> None:
    assert only_problem(sized(entry(model=model(name)), answer), id).path == "models/chat/model"


def test_s21_own_model_is_not_taken_for_an_embedding_model_by_its_name_alone(sized: Size) -> None:
    result = sized(entry(model=model("ml.own.chat_over_gte_large_en_v1_5")), OptimizationInfo(True, None, 980))
    assert "S21-embeddings" not in [problem.id for problem in result.problems]


def test_s21_model_of_system_ai_of_no_known_family_is_left_to_the_platform(sized: Size) -> None:
    text = entry(task="llm/v1/embeddings", model=model("system.ai.new_embedder"))
    assert only(sized(text, OptimizationInfo(True, "new", 980))).family == "bands"
