"""Model units: the one published row, bursting, and requests of other shapes."""

import pytest

from bandplan.stub.capacity.model_shape import of_family
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import UNITS_REFERENCE, Shape
from bandplan.stub.capacity.supply import model_units
from tests.stub.capacity.virtual_time import closed_loop, total_tokens_per_second

MAVERICK = of_family("llama4").work(64)


def pool(units: int = 50, *, bursts: bool, settings: Settings | None = None) -> Pool:
    settings = settings or Settings()
    return Pool(model_units(units, MAVERICK, settings, bursts=bursts), settings, 0.0)


@pytest.mark.parametrize(("units", "expected"), [(50, 3250), (100, 6500), (20, 1300), (1, 65)])
def test_50_units_are_3250_tokens_per_second_at_3500_300(units: int, expected: float) -> None:
    clients = closed_loop(pool(units, bursts=False), 100, 2000, UNITS_REFERENCE)
    assert total_tokens_per_second(clients, since=500) == pytest.approx(expected, rel=0.05)


def test_without_burst_more_requests_wait_and_nothing_more_is_given() -> None:
    held = pool(bursts=False)
    clients = closed_loop(held, 64, 400, UNITS_REFERENCE)
    assert held.in_flight == held.most_in_flight == 8
    assert len(held.waiting) == 56
    assert total_tokens_per_second(clients, since=100) == pytest.approx(3250, rel=0.05)


def test_request_of_the_page_takes_as_long_under_full_load_as_that_of_a_band() -> None:
    clients = closed_loop(pool(bursts=False), 8, 100, UNITS_REFERENCE)
    assert clients.ended[-1].latency == pytest.approx(8 * 3800 / 3250)  # 9.35 s; 4 x 2304 / 980 = 9.40 s


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0, 3.0])
def test_burst_gives_up_to_its_factor_while_the_work_asks_for_it(factor: float) -> None:
    held = pool(bursts=True, settings=Settings(burst_factor=factor))
    clients = closed_loop(held, 64, 600, UNITS_REFERENCE)
    assert total_tokens_per_second(clients, since=200) == pytest.approx(factor * 3250, rel=0.06)
    assert held.usage.utilisation(clients.now, 60) == pytest.approx(factor, rel=0.01)


def test_burst_is_not_touched_while_the_units_suffice() -> None:
    held = pool(bursts=True)
    clients = closed_loop(held, 8, 200, UNITS_REFERENCE)
    assert {ended.ticket.chunk_number for ended in clients.ended} == {1}


def test_units_give_fewer_tokens_of_long_requests_than_of_short_ones() -> None:
    long = total_tokens_per_second(closed_loop(pool(bursts=False), 32, 4000, Shape(8000, 2000)), since=500)
    short = total_tokens_per_second(closed_loop(pool(bursts=False), 32, 400, Shape(3500, 50)), since=100)
    assert long < 3250 < short


def test_no_units_let_nothing_in() -> None:
    assert pool(0, bursts=True).is_stuck
