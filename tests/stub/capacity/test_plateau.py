"""The sweep over parallel requests that the documentation draws: it rises, then stays flat while latency doubles."""

import pytest

from bandplan.stub.capacity.settings import Settings
from tests.stub.capacity.virtual_time import Clients, closed_loop, pool_of, total_tokens_per_second

# Alone in its chunk a request runs at 980 / 4 x 1.35 = 331 tokens/s; up to 8 in parallel each has a chunk. With two in a
# chunk the time lies a third of the way from alone to full: 245 / (1/1.35 + (1 - 1/1.35) / 3) = 296, times 16 = 4,739.
# From 32 on all chunks are full: 8 x 980 = 7,840.
SWEEP = {1: 331, 2: 661, 4: 1320, 8: 2640, 16: 4720, 32: 7840, 64: 7840, 128: 7840, 256: 7840}


@pytest.mark.parametrize(("parallel", "expected"), SWEEP.items())
def test_band_of_8_x_980_flattens_at_7840(parallel: int, expected: float) -> None:
    clients = closed_loop(pool_of(980, 8, 8), parallel, 300)
    assert total_tokens_per_second(clients, since=100) == pytest.approx(expected, rel=0.05)


def test_latency_doubles_with_every_doubling_past_the_plateau() -> None:
    def latency(parallel: int) -> float:
        clients = closed_loop(pool_of(980, 8, 8), parallel, 600)
        late = [ended.latency for ended in clients.ended if ended.ticket.arrived > 200]
        return sum(late) / len(late)

    at_32 = latency(32)
    assert at_32 == pytest.approx(9.4, rel=0.01)  # 4 x 2304 / 980
    assert latency(64) == pytest.approx(2 * at_32, rel=0.05)
    assert latency(128) == pytest.approx(4 * at_32, rel=0.05)


def test_floor_of_2_reaches_the_plateau_after_six_start_up_delays_one_chunk_at_a_time() -> None:
    pool = pool_of(980, 2, 8, Settings(startup_seconds=60))
    clients = Clients(pool)
    for _ in range(32):
        clients.send()
    seen = []
    for minute in range(8):
        clients.run(60 * minute + 59.9, then=lambda ended: clients.send(ended.shape))
        seen.append(pool.running)
    assert seen == [2, 3, 4, 5, 6, 7, 8, 8]
    clients.run(700, then=lambda ended: clients.send(ended.shape))
    assert total_tokens_per_second(clients, since=400) == pytest.approx(7840, rel=0.05)


@pytest.mark.parametrize(("speedup", "alone"), [(1.0, 245), (1.35, 330.75), (4.0, 980)])
def test_solo_speedup_spans_free_batching_to_none(speedup: float, alone: float) -> None:
    clients = closed_loop(pool_of(980, 1, 1, Settings(solo_speedup=speedup)), 1, 300)
    assert total_tokens_per_second(clients, since=0) == pytest.approx(alone, rel=0.04)
    clients = closed_loop(pool_of(980, 1, 1, Settings(solo_speedup=speedup)), 4, 300)
    assert total_tokens_per_second(clients, since=100) == pytest.approx(980, rel=0.05)


def test_s13_request_of_2304_tokens_takes_a_second_at_2304_tokens_per_second_with_no_gain_from_batching() -> None:
    clients = closed_loop(pool_of(2304, 1, 1, Settings(solo_speedup=4)), 1, 10)
    assert clients.ended[0].latency == pytest.approx(1.0)


def test_s15_concurrency_of_8_at_a_smallest_band_of_850_is_1700_tokens_per_second() -> None:
    pool = pool_of(850, 2, 2)
    assert pool.most_in_flight == 8
    assert total_tokens_per_second(closed_loop(pool, 8, 400), since=100) == pytest.approx(8 * 850 / 4, rel=0.05)
