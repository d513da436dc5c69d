from bandplan.planner.capacity import Capacity
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.throughput.sold import capacity_of


def test_answer_of_the_platform_decides() -> None:
    bands, units = OptimizationInfo(True, None, 1020), OptimizationInfo(True, None, None, 25)
    assert capacity_of("system.ai.llama-4-maverick", bands) == Capacity("bands", 1020)
    assert capacity_of("system.ai.llama_v3_3_70b_instruct", units) == Capacity("model_units", 25)
    assert capacity_of("ml.a.b", OptimizationInfo(True)) == Capacity("model_units", 50)


def test_name_of_the_model_is_a_guess() -> None:
    assert capacity_of("system.ai.gpt-oss-20b", None) == Capacity("model_units", 50, "guess")
    assert capacity_of("system.ai.llama_v3_3_70b_instruct", None) == Capacity("bands", 980, "guess")
    assert capacity_of("ml.a.b", None) == Capacity("bands", 980, "guess")
