"""How much work a request is, against the published figures and directions."""

import pytest

from bandplan.stub.capacity.model_shape import LLAMA, OF_FAMILY, ModelShape, of_config, of_family
from bandplan.stub.capacity.shape import BANDS_REFERENCE, UNITS_REFERENCE, Shape
from bandplan.stub.capacity.work import Work

LLAMA_WORK = LLAMA.work(64).calibrated(BANDS_REFERENCE, "total")


def test_formula_by_hand() -> None:
    # 2 x 100 + 3 x 10 + 0.1 x 10 x (100 + 5) = 200 + 30 + 105
    assert Work(2, 3, 0.1).of(Shape(100, 10)) == pytest.approx(335)


def test_output_in_parts_adds_up_to_the_whole() -> None:
    work = Work(2, 3, 0.1)
    tokens = sum(work.of_output_token(100, n) for n in range(1, 51))
    assert work.of_prompt(100) + tokens == pytest.approx(work.of(Shape(100, 50)))


@pytest.mark.parametrize("family", [*OF_FAMILY, None, "unknown"])
def test_reference_shapes_are_their_tokens(family: str | None) -> None:
    ratios = of_family(family).work(64)
    assert ratios.calibrated(BANDS_REFERENCE, "total").of(BANDS_REFERENCE) == pytest.approx(2304)
    assert ratios.calibrated(BANDS_REFERENCE, "output").of(BANDS_REFERENCE) == pytest.approx(256)
    assert ratios.calibrated(UNITS_REFERENCE, "total").of(UNITS_REFERENCE) == pytest.approx(3800)


@pytest.mark.parametrize("family", OF_FAMILY)
def test_output_token_costs_more_than_an_input_token(family: str) -> None:
    work = of_family(family).work(64)
    assert work.output > work.prompt


@pytest.mark.parametrize("family", OF_FAMILY)
def test_s14_longer_rows_than_the_reference_take_longer_than_their_tokens_and_shorter_ones_less(family: str) -> None:
    work = of_family(family).work(64).calibrated(BANDS_REFERENCE, "total")
    assert work.of(Shape(3000, 500)) > 3500
    assert work.of(Shape(1500, 100)) < 1600


def test_work_grows_faster_than_tokens() -> None:
    assert LLAMA_WORK.of(Shape(4000, 4000)) > 10 * LLAMA_WORK.of(Shape(400, 400))


def test_cached_prompt_tokens_cost_nothing_but_are_read_as_context() -> None:
    shape = Shape(2000, 100)
    saved = LLAMA_WORK.of(shape) - LLAMA_WORK.of(shape, cached_tokens=1000)
    assert saved == pytest.approx(LLAMA_WORK.of_prompt(1000))
    assert LLAMA_WORK.of(shape, cached_tokens=2000) == pytest.approx(LLAMA_WORK.of_output(shape))


LLAMA_CONFIG = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
}
"""config.json of Llama 3.1 8B."""


def test_config_of_a_llama_gives_its_published_parameters() -> None:
    shape = of_config(LLAMA_CONFIG)
    assert shape is not None
    assert shape.parameters == pytest.approx(8.03e9, rel=0.01)
    assert (shape.layers, shape.kv_heads, shape.head_size) == (32, 8, 128)


def test_config_of_a_mixture_computes_with_the_experts_in_use_alone() -> None:
    shape = of_config(
        LLAMA_CONFIG | {"vocab_size": 32000, "num_local_experts": 8, "num_experts_per_tok": 2}  # Mixtral 8x7B
    )
    assert shape is not None
    assert shape.parameters == pytest.approx(46.7e9, rel=0.01)
    assert shape.active_parameters == pytest.approx(12.9e9, rel=0.01)


@pytest.mark.parametrize(
    "config",
    [{}, {"hidden_size": 4096}, LLAMA_CONFIG | {"hidden_size": "4096"}, LLAMA_CONFIG | {"num_hidden_layers": True}]
    + [
        LLAMA_CONFIG | {key: value}
        for key in LLAMA_CONFIG
        if key not in ("vocab_size", "num_key_value_heads")
        for value in (0, -1, None, 1e9, 10**12)
    ],
)
def test_config_that_does_not_say_enough_gives_no_shape(config: dict[str, object]) -> None:
    assert of_config(config) is None


def test_config_that_says_odd_things_gives_a_shape_that_counts() -> None:
    for change in ({"num_key_value_heads": 0}, {"head_dim": None}, {"num_experts_per_tok": 99}, {"vocab_size": "x"}):
        shape = of_config(LLAMA_CONFIG | change)
        assert isinstance(shape, ModelShape)
        assert shape.work(64).of(Shape(1, 1)) > 0
