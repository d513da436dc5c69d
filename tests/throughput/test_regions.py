from serving.throughput.regions import REGIONAL_FAMILIES, RegionTable, shipped_table

from .conftest import Size, entry, ids, only, only_problem

TABLE = RegionTable("a page", "2026-01-31", {"Meta Llama 3.3": frozenset({"us-east-1"})})
LLAMA = entry(model='model: ml.own.llama_v3_3_tuned, version: "1"')


def test_s37_listed_region_is_not_warned_of(sized: Size) -> None:
    assert only(sized(LLAMA, top="region: US-East-1\n", regions=TABLE)).family == "bands"


def test_s37_unlisted_region_is_warned_of_with_source_and_day(sized: Size) -> None:
    problem = only_problem(sized(LLAMA, top="region: eu-west-1\n", regions=TABLE), "region-unavailable", "warning")
    assert "2026-01-31" in problem.finding and "a page" in problem.next_step


def test_s37_family_without_a_row_is_unverified(sized: Size) -> None:
    text = entry(model='model: ml.own.llama_v3_1_tuned, version: "1"')
    assert ids(sized(text, top="region: eu-west-1\n", regions=TABLE)) == ["region-unverified"]


def test_s37_other_families_and_fleets_without_a_region_are_not_judged(sized: Size) -> None:
    assert only(sized(entry(), top="region: eu-west-1\n", regions=TABLE)).family == "bands"
    assert only(sized(LLAMA, regions=TABLE)).family == "bands"


def test_s37_shipped_table_names_its_source_and_has_only_regional_families() -> None:
    table = shipped_table()
    assert "docs.databricks.com" in table.source
    assert set(table.families) <= REGIONAL_FAMILIES
    # A row without the day on which it was read would be a guess.
    assert table.read is not None or table.families == {}


def test_s37_shipped_table_says_unverified_rather_than_available(sized: Size) -> None:
    assert ids(sized(LLAMA, top="region: us-east-1\n")) == ["region-unverified"]
