"""The documentation's worked examples, each with its arithmetic."""

import pytest

from bandplan.planner.arithmetic import batch_seconds, batch_takes, real_tokens_per_second, request_seconds
from bandplan.planner.load import Load, Shape
from bandplan.planner.published import chunk_service, units_service
from bandplan.planner.simulation import simulate

REFERENCE = Shape(2048, 256)
MEDIUM = Shape(3500, 300)


def total_tokens_per_second(shape: Shape, chunks: int, parallel: int, tokens_per_second: float = 980) -> float:
    load = Load(shape, concurrent_requests=parallel)
    return simulate(chunk_service(tokens_per_second), chunks, load, 4000, 0).requests_per_second * shape.total


def test_one_request_of_the_reference_takes_a_second_at_2304_tokens_per_second() -> None:
    assert request_seconds(REFERENCE, 2304) == 1.0  # (2048 + 256) / 2304


def test_5600_tokens_per_second_take_about_half_a_second_each_so_two_in_about_a_second() -> None:
    assert request_seconds(REFERENCE, 5600) == pytest.approx(0.41, abs=0.005)  # 2304 / 5600; the page rounds to 0.5
    assert int(5600 / 2304) == 2


@pytest.mark.parametrize(
    ("shape", "rate", "takes"),
    [
        (Shape(3000, 500), 3500, "longer"),  # 1000 rows x 3500 tokens / 3500 tokens/s = 1000 s
        (Shape(1500, 100), 1600, "shorter"),  # 1000 rows x 1600 tokens / 1600 tokens/s = 1000 s
    ],
)
def test_batch_of_1000_rows_takes_1000_seconds_by_tokens_and_really_more_or_less(
    shape: Shape, rate: float, takes: str
) -> None:
    assert batch_seconds(1000, shape, rate) == 1000
    assert batch_takes(shape) == takes


@pytest.mark.parametrize(
    ("shape", "takes"),
    [(REFERENCE, "about as long"), (Shape(3000, 100), "not known"), (Shape(1000, 300), "not known")],
)
def test_batch_of_mixed_shape_is_not_known(shape: Shape, takes: str) -> None:
    assert batch_takes(shape) == takes


def test_concurrency_of_8_at_a_smallest_band_of_850_is_1700_tokens_per_second() -> None:
    assert real_tokens_per_second(8, 850) == 1700  # 8 x 850 / 4


def test_8_chunks_of_980_flatten_at_7840() -> None:
    for parallel in (32, 64, 128):
        assert total_tokens_per_second(REFERENCE, 8, parallel) == pytest.approx(7840, rel=0.03)


def test_two_requests_take_less_than_twice_the_time_of_one() -> None:
    one = total_tokens_per_second(REFERENCE, 1, 1)
    two = total_tokens_per_second(REFERENCE, 1, 2)
    assert one < two < 2 * one


def test_50_units_give_3250_tokens_per_second_at_3500_300() -> None:
    service = units_service(50)
    assert service.requests_per_second(Load(MEDIUM)) * MEDIUM.total == pytest.approx(3250)
    load = Load(MEDIUM, concurrent_requests=service.slots)
    measured = simulate(service, 1, load, 4000, 0).requests_per_second * MEDIUM.total
    assert measured == pytest.approx(3250, rel=0.03)


def test_output_costs_more_than_input_and_work_grows_faster_than_tokens() -> None:
    service = chunk_service(980)

    def alone(given: int, produced: int) -> float:
        return service.alone(Load(Shape(given, produced)))

    assert alone(1000, 500) > alone(1250, 250)
    assert alone(4096, 512) > 2 * alone(2048, 256)


def test_cached_prompts_cost_less_and_leave_the_output() -> None:
    service = chunk_service(980)
    prompt, output = service.seconds(REFERENCE, 0)
    assert service.seconds(REFERENCE, 50) == pytest.approx((prompt / 2, output))


def test_embeddings_weigh_by_their_tokens() -> None:
    service = chunk_service(2304, embeds=True)
    assert service.seconds(Shape(500, 0), 0)[1] == 0
    # A full chunk works its tokens/s off, whatever the length: 2304 / 500 requests/s.
    assert service.requests_per_second(Load(Shape(500, 0))) == pytest.approx(2304 / 500)
