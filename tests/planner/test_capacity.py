import pytest

from bandplan.planner.capacity import Capacity

CHUNKS, UNITS = Capacity("bands", 980), Capacity("model_units", 50)


def test_amounts_of_both_kinds() -> None:
    assert CHUNKS.throughput(1, 3) == {"bands": {"min": 1, "max": 3}}
    assert UNITS.throughput(3, 3) == {"model_units": 150}
    assert CHUNKS.priced(1, 3) == {"chunks": (1, 3), "tokens_per_second": (980, 2940)}
    assert UNITS.priced(1, 3) == {"model_units": (150, 150)}
    assert (CHUNKS.unit, UNITS.unit) == ("chunks", "model_units")


@pytest.mark.parametrize(
    ("capacity", "unit", "amount", "steps"),
    [(CHUNKS, "bands", 3, 3), (CHUNKS, "tokens_per_second", 2940, 3), (UNITS, "model_units", 150, 3)],
)
def test_steps_and_back(capacity: Capacity, unit: str, amount: int, steps: int) -> None:
    assert capacity.steps_of(unit, amount) == steps
    assert capacity.in_unit(unit, steps) == amount
    assert unit == "tokens_per_second" or capacity.steps(amount) == steps


def test_amounts_between_two_steps() -> None:
    assert UNITS.steps(120) is None
    assert UNITS.steps_of("model_units", 120) == 3
    assert CHUNKS.steps_of("tokens_per_second", 1000) == 2
