from datetime import date
from pathlib import Path

import pytest
import yaml

from bandplan.serving.throughput import regions
from bandplan.serving.throughput.regions import REGIONAL_FAMILIES, RegionTable, shipped_names, shipped_table

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
    assert ids(sized(LLAMA, top="region: ap-southeast-1\n")) == []  # Amazon Web Services, second-hand
    assert ids(sized(LLAMA, top="region: australiasoutheast\n")) == ["region-unavailable"]
    assert ids(sized(LLAMA, top="region: europe-west1\n")) == ["region-unavailable"]


def test_s37_shipped_table_says_unverified_rather_than_available(sized: Size) -> None:
    assert ids(sized(LLAMA, top="region: us-east-1\n")) == ["region-unverified"]


@pytest.mark.parametrize(
    ("region", "meant"),
    [
        ("eu_west_1", "eu-west-1"),
        ("EU West 1", "eu-west-1"),
        ("East US 2", "eastus2"),
        ("us-esat-1", "us-east-1"),
        ("us-east-11", "us-east-1"),
        ("west-europe", "westeurope"),
        ("europe-west-3", "europe-west3"),
        ("polandcentrale", "polandcentral"),
    ],
)
def test_s37_region_that_no_cloud_has_is_an_error_with_the_nearest_one(sized: Size, region: str, meant: str) -> None:
    # Whatever the models: the region goes into policies and reports.
    for text in (LLAMA, entry()):
        problem = only_problem(sized(text, top=f"region: {region}\n"), "region-name")
        assert (problem.next_step, problem.path, problem.line) == (f"write `region: {meant}`", "region", 2)


def test_s37_region_like_none_is_an_error_with_examples(sized: Size) -> None:
    assert "such as us-east-1" in only_problem(sized(LLAMA, top="region: the moon base\n"), "region-name").next_step


@pytest.mark.parametrize(
    ("region", "why"), [("us-east-1", "was looked for"), ("eu-north-1", "does not list it"), ("EASTUS", "looked for")]
)
def test_s37_unverified_says_what_was_looked_for(sized: Size, region: str, why: str) -> None:
    assert why in only_problem(sized(LLAMA, top=f"region: {region}\n"), "region-unverified", "warning").finding


def test_s37_every_cloud_has_its_names_with_source_and_day_and_each_row_is_of_one() -> None:
    names = shipped_names()
    assert {"us-east-1", "eastus", "us-central1"} <= names.listed < names.known
    assert shipped_table().regions.keys() <= names.listed
    raw = yaml.safe_load((Path(regions.__file__).parent / "regions.yaml").read_text(encoding="utf-8"))
    clouds = raw["names"]
    assert [len(cloud["listed"].split()) for cloud in clouds] == [17, 45, 15]  # rows of the three pages
    assert all(date.fromisoformat(cloud["read"]) <= date.today() and ".com: " in cloud["source"] for cloud in clouds)
    every = [name for cloud in clouds for kind in ("listed", "others") for name in cloud[kind].split()]
    assert len(every) == len(set(every))
