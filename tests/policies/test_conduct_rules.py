"""Rules on ownership, safety and what is deprecated: what each of them looks at, and what it says to write."""

from typing import Any

import pytest

from bandplan.policies.rules.model_not_pinned import is_base_llama
from tests.policies.builders import band, endpoint, told

UNITS = {"servedName": "agents", "model": "system.ai.gpt-oss-120b", "trafficPercent": 100, "modelUnits": 100}


@pytest.mark.parametrize(
    ("rule", "broken", "holds", "step"),
    [
        (
            "burst-without-reason",
            endpoint({**UNITS, "burst": True}, family="model_units"),
            endpoint({**UNITS, "burst": True}, family="model_units", tags={"burst-reason": "fair"}),
            "write tags: {burst-reason: <why>}, or burst: false",
        ),
        (
            "legacy-workload",
            endpoint({**UNITS, "workloadType": "GPU_LARGE", "workloadSize": "Small"}, family="workload"),
            endpoint(),
            "`bandplan migrate` writes the entry",
        ),
        (
            "model-not-pinned",
            endpoint(band(alias="champion")),
            endpoint(band()),
            'write the version number, such as version: "3"',
        ),
        (
            "tags-missing",
            endpoint(tags={"team": " "}),
            endpoint(),
            "write tags: {team: ...}, in the entry or under defaults",
        ),
        ("owner-missing", endpoint(), endpoint(tags={"owner": "ana"}), "write tags: {owner: ana@example.com}"),
        (
            "gateway-missing",
            endpoint(),
            endpoint(gateway={"tracksUsage": False}),
            "write ai_gateway: {usage_tracking_config: {enabled: true}}, in the entry or under defaults",
        ),
        (
            "usage-tracking-missing",
            endpoint(gateway={"tracksUsage": False}),
            endpoint(gateway={"tracksUsage": True}),
            "write ai_gateway: {usage_tracking_config: {enabled: true}}",
        ),
        (
            "inference-table-missing",
            endpoint(gateway={"tracksUsage": True}),
            endpoint(gateway={"inferenceTable": "ml.logs.chat"}),
            "{enabled: true, catalog_name: ..., schema_name: ..., table_name_prefix: ...}}",
        ),
        (
            "open-to-all",
            endpoint(access=[{"groupName": "Users", "permissionLevel": "CAN_QUERY"}]),
            endpoint(access=[{"userName": "users", "permissionLevel": "CAN_QUERY"}]),
            "name the groups that need it under permissions",
        ),
    ],
)
def test_rule_tells_what_is_broken_with_the_line_to_write(
    rule: str, broken: dict[str, Any], holds: dict[str, Any], step: str
) -> None:
    ((level, text),) = told(rule, broken)
    assert level == "mandatory"
    assert text.endswith(step)
    assert told(rule, holds) == []


def test_embeddings_need_no_inference_table() -> None:
    assert told("inference-table-missing", endpoint(task="llm/v1/embeddings")) == []


def test_tags_that_are_missing_are_told_in_one_go() -> None:
    ((_, text),) = told("tags-missing", endpoint(), tags=["team", "cost-center", "stage"])
    assert "lacks 2 of 3 tags: cost-center, stage (it has team)" in text


@pytest.mark.parametrize(
    ("model", "is_base"),
    [
        ("system.ai.meta_llama_v3_1_8b", True),
        ("ml.chat.Llama-3_2-3B", True),
        ("ml.chat.llama_v2_7b", True),
        ("system.ai.meta_llama_v3_1_8b_instruct", False),
        ("ml.chat.llama_v2_7b_chat", False),
        ("system.ai.deepseek_r1_distill_llama_70b", False),
        ("system.ai.llama-4-maverick", False),
        ("ml.search.gte", False),
    ],
)
def test_base_llama_is_known_by_its_name_s3(model: str, is_base: bool) -> None:
    assert is_base_llama(model) is is_base


def test_base_llama_of_ones_own_is_told_where_configured() -> None:
    inputs = endpoint(band(model="ml.chat.llama_v3_1_8b_tuned"))
    assert told("model-not-pinned", inputs) == []
    assert len(told("model-not-pinned", inputs, instruct_only=True)) == 1


def test_aliases_can_be_allowed() -> None:
    assert told("model-not-pinned", endpoint(band(alias="champion")), allow_aliases=True) == []
