from datetime import date

import pytest

from serving.throughput.regions import REGIONAL_FAMILIES, RegionTable, shipped_table

from .conftest import Size, entry, ids, only, only_problem

TABLE = RegionTable("a page", "2026-01-31", {"us-east-1": frozenset({"Meta Llama 3.3"}), "eu-west-1": frozenset()})
LLAMA = entry(model='model: ml.own.llama_v3_3_tuned, version: "1"')


def test_s37_listed_region_is_not_warned_of(sized: Size) -> None:
    assert only(sized(LLAMA, top="region: US-East-1\n", regions=TABLE)).family == "bands"


def test_s37_unlisted_region_is_warned_of_with_source_and_day(sized: Size) -> None:
    problem = only_problem(sized(LLAMA, top="region: eu-west-1\n", regions=TABLE), "region-unavailable", "warning")
    assert "2026-01-31" in problem.finding and "a page" in problem.next_step


def test_s37_region_without_a_row_is_unverified(sized: Size) -> None:
    assert ids(sized(LLAMA, top="region: eu-central-1\n", regions=TABLE)) == ["region-unverified"]


def test_s37_other_families_and_fleets_without_a_region_are_not_judged(sized: Size) -> None:
    assert only(sized(entry(), top="region: eu-west-1\n", regions=TABLE)).family == "bands"
    assert only(sized(LLAMA, regions=TABLE)).family == "bands"


def test_s37_shipped_table_names_its_source_and_day_and_has_only_regional_families() -> None:
    table = shipped_table()
    assert "docs.databricks.com" in table.source
    assert date.fromisoformat(table.read) <= date.today()
    assert frozenset().union(*table.regions.values()) <= REGIONAL_FAMILIES


def test_s37_shipped_table_tells_regions_with_from_regions_without(sized: Size) -> None:
    # Model availability by region (Azure and Google Cloud), read 2026-11-21.
    assert ids(sized(LLAMA, top="region: australiaeast\n")) == []
    assert ids(sized(LLAMA, top="region: asia-south1\n")) == []
    assert ids(sized(LLAMA, top="region: australiasoutheast\n")) == ["region-unavailable"]
    assert ids(sized(LLAMA, top="region: europe-west1\n")) == ["region-unavailable"]


def test_s37_shipped_table_says_unverified_rather_than_available(sized: Size) -> None:
    assert ids(sized(LLAMA, top="region: us-east-1\n")) == ["region-unverified"]


@pytest.mark.parametrize("region", ["eu_west_1", "EU West 1", "euwest1"])
def test_s37_region_spelled_in_another_way_is_answered_with_the_one_that_is_known(sized: Size, region: str) -> None:
    problem = only_problem(sized(LLAMA, top=f"region: {region}\n", regions=TABLE), "region-unverified", "warning")
    assert problem.next_step == "write `region: eu-west-1`"
