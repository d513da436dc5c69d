"""Intervals against values computed by hand or from tables."""

import math
from random import Random

import pytest

from bandplan.bench.statistics import Estimate, is_within, mean_of_batches, percentile, samples_needed, wilson


def test_samples_needed_for_an_upper_bound() -> None:
    # 1 - q^n >= 0.95, so n >= ln 0.05 / ln q
    assert [samples_needed(share) for share in (0.5, 0.95, 0.99)] == [5, 59, 299]


@pytest.mark.parametrize(("share", "least"), [(0.95, 59), (0.99, 299)])
def test_too_few_samples_give_no_percentile(share: float, least: int) -> None:
    assert percentile([1.0] * (least - 1), share) is None
    found = percentile([float(one) for one in range(least)], share)
    assert found is not None
    assert found.high == least - 1  # the largest sample is the only bound from above


def test_the_median_of_ten_has_the_ranks_of_the_binomial_table() -> None:
    # P(Bin(10, 1/2) <= 1) = 0.0107, <= 2 = 0.0547: the 2nd value bounds from below; <= 7 = 0.9453, <= 8 = 0.9893: the 9th from above.
    assert percentile([float(one) for one in range(1, 11)], 0.5) == Estimate(5.0, 2.0, 9.0)


def test_failures_are_the_latest_of_all() -> None:
    samples = [1.0] * 94 + [math.inf] * 6
    assert percentile(samples, 0.95) is None
    median = percentile(samples, 0.5)
    assert median is not None
    assert median.value == 1.0
    kept = percentile([1.0] * 96 + [math.inf] * 4, 0.95)
    assert kept is not None
    assert (kept.value, kept.high) == (1.0, None)  # bounded by nothing finite


@pytest.mark.parametrize("count", [200, 3_000])
def test_bounds_hold_as_often_as_they_say(count: int) -> None:
    random = Random(7)
    true = -math.log(0.05)  # p95 of an exponential distribution with mean 1
    above = below = 0
    for _ in range(300):
        found = percentile(sorted(random.expovariate(1) for _ in range(count)), 0.95)
        assert found is not None and found.low is not None and found.high is not None
        above += found.high < true
        below += found.low > true
    assert above < 30  # 5% of 300 are 15; 30 is four standard deviations
    assert below < 30


def test_wilson_of_a_textbook_example() -> None:
    # 81 of 263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 17, 1998, table I, method 3)
    found = wilson(81, 263)
    assert found is not None
    assert (round(found.value, 4), round(found.low or 0, 4), round(found.high or 0, 4)) == (0.308, 0.2553, 0.3662)
    assert wilson(0, 0) is None
    # All good of few is not certain: 0 of 20 bad leaves up to 16.11% (the same table)
    all_good = wilson(20, 20)
    assert all_good is not None
    assert round(all_good.low or 0, 4) == 0.8389
    assert all_good.high == pytest.approx(1.0)


def test_batch_means_by_hand() -> None:
    # mean 5, s = sqrt(10/4) = 1.5811, t(4) = 2.776: 2.776 x 1.5811 / sqrt(5) = 1.9629
    found = mean_of_batches([3.0, 4.0, 5.0, 6.0, 7.0])
    assert found.value == 5.0
    assert found.high == pytest.approx(6.9629, abs=1e-4)
    assert not is_within(found, 0.05)
    assert is_within(mean_of_batches([100.0, 101.0, 99.0, 100.0, 100.0, 100.0, 101.0, 99.0]), 0.05)
    assert mean_of_batches([3.0]) == Estimate(3.0)
    assert not is_within(mean_of_batches([0.0, 0.0]), 0.05)
