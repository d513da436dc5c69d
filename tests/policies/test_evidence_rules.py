"""Rules that read a file: measured use, and what other regions have."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.policies.builders import band, endpoint, told

ROOT = Path(__file__).parent.parent.parent
MEASURED: dict[str, Any] = {
    "endpoint": "support-chat",
    "percentile": 99,
    "tokens_per_second": 1500,
    "samples": 20160,
    "from": "2026-11-08",
    "to": "2026-11-21",
    "source": "system.serving.endpoint_usage, minutes",
}


def use(tmp_path: Path, inputs: dict[str, Any], **changed: Any) -> list[tuple[str, str]]:
    document = {"version": 1, "measurements": [{**MEASURED, **changed}]}
    (tmp_path / "use.json").write_text(json.dumps(document))
    return told("observed-use", inputs, tmp_path, measurements="use.json")


def test_ceiling_far_over_what_was_measured_is_told_with_the_evidence(tmp_path: Path) -> None:
    # 1500 x 1.5 = 2250: 3 chunks of 980; 5880 / 1500 = 3.92.
    assert use(tmp_path, endpoint(band(2, 6))) == [
        (
            "mandatory",
            "ceiling 5,880 tokens/s is 3.92 times the measured use: measured 1,500 tokens/s at percentile 99 of "
            "20,160 samples from 2026-11-08 to 2026-11-21 (system.serving.endpoint_usage, minutes); allowed is 1.5 times "
            "= 2,250, in chunks of 980: 3 bands (2,940); write bands with max: 3",
        )
    ]
    assert use(tmp_path, endpoint(band(2, 3))) == []


def test_ceiling_below_what_was_measured_is_told_too(tmp_path: Path) -> None:
    ((_, text),) = use(tmp_path, endpoint(band(1, 1)))
    assert text.startswith("ceiling 980 tokens/s is below the measured use: measured 1,500")
    assert text.endswith("write bands with max: 3")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"samples": 999}, "999 of the 1,000 samples required"),
        ({"from": "2026-11-16"}, "6 of the 7 days required"),
        ({"percentile": 50}, "percentile 50, not 95"),
        ({"from": "2026-10-01", "to": "2026-10-14"}, "the last sample is 39 days old, 30 are allowed"),
        ({"endpoint": "another"}, "use.json has no measurement of it"),
    ],
)
def test_rule_abstains_on_thin_data_and_says_why(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    ((level, text),) = use(tmp_path, endpoint(band(2, 6)), **changed)
    assert level == "advisory"
    assert text.startswith("abstains: ") and text.endswith(why)


def test_newer_file_that_rollouts_read_too_says_the_same(tmp_path: Path) -> None:
    inputs = endpoint(band(2, 6))
    used = {key: value for key, value in MEASURED.items() if key != "endpoint"}
    entities = {"chat-2": {"measured_at": "2026-11-22T12:00:00Z", "requests": 3}}
    document = {"version": 2, "endpoints": {"support-chat": {"use": used, "entities": entities}}}
    (tmp_path / "both.json").write_text(json.dumps(document))
    assert told("observed-use", inputs, tmp_path, measurements="both.json") == use(tmp_path, inputs)


def test_file_of_rollouts_alone_has_no_use(tmp_path: Path) -> None:
    document = {"version": 1, "endpoints": {"support-chat": {"chat-2": {"measured_at": "2026-11-22T12:00:00Z"}}}}
    (tmp_path / "old.json").write_text(json.dumps(document))
    ((level, text),) = told("observed-use", endpoint(band(2, 6)), tmp_path, measurements="old.json")
    assert (level, text) == ("advisory", "abstains: old.json has no measurement of it")


def test_rule_abstains_on_a_file_without_its_shape_and_is_silent_without_a_file(tmp_path: Path) -> None:
    ((level, text),) = use(tmp_path, endpoint(band(2, 6)), samples="many")
    assert level == "advisory" and "see support-chat" in text
    assert told("observed-use", endpoint(band(2, 6))) == []


def test_schema_of_measurements_takes_what_the_rule_reads_and_refuses_what_it_does_not() -> None:
    schema = json.loads((ROOT / "schemas/measurements.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"version": 1, "measurements": [MEASURED]}, schema)
    for broken in ({"samples": "many"}, {"percentile": 101}, {"from": "yesterday"}, {"extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(
                {"version": 1, "measurements": [{**MEASURED, **broken}]},
                schema,
                format_checker=jsonschema.FormatChecker(),
            )


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2, "endpoints": {"a": {"use": {k: v for k, v in MEASURED.items() if k != "endpoint"}}}},
        {"version": 2, "endpoints": {"a": {"entities": {"a-1": {"measured_at": "2026-11-22T12:00:00Z"}}}}},
        {"version": 1, "endpoints": {"a": {"a-1": {"measured_at": "2026-11-22T12:00:00Z", "requests": 3}}}},
    ],
)
def test_schema_takes_every_shape_that_is_read(document: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "schemas/measurements.schema.json").read_text())
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "version": 3}, schema)


CRITICAL = {"team": "ml", "tier": "critical"}


def regions(tmp_path: Path, inputs: dict[str, Any], there: list[str]) -> list[tuple[str, str]]:
    (tmp_path / "eu.json").write_text(json.dumps([{"name": name} for name in there]))
    others = [{"region": "eu-west-1", "endpoints": "eu.json"}]
    return told("single-region", inputs, tmp_path, others=others)


def test_critical_endpoint_that_one_region_serves_is_told(tmp_path: Path) -> None:
    inputs = endpoint(tags=CRITICAL, region="us-east-1")
    ((_, text),) = regions(tmp_path, inputs, ["other-chat"])
    assert text.startswith("us-east-1 is the only region that serves it (checked: eu-west-1)")
    assert regions(tmp_path, inputs, ["support-chat"]) == []
    assert len(regions(tmp_path, {**inputs, "region": "eu-west-1"}, ["support-chat"])) == 1


def test_endpoint_that_is_not_critical_may_be_in_one_region(tmp_path: Path) -> None:
    assert regions(tmp_path, endpoint(region="us-east-1"), []) == []


def test_region_has_to_be_stated_and_an_unread_stack_makes_the_rule_wait(tmp_path: Path) -> None:
    ((level, text),) = regions(tmp_path, endpoint(tags=CRITICAL), ["support-chat"])
    assert level == "mandatory" and text.endswith("write region: ... in models.yaml")
    inputs = endpoint(tags=CRITICAL, region="us-east-1")
    others = [{"region": "eu-west-1", "endpoints": "gone.json"}]
    ((level, text),) = told("single-region", inputs, tmp_path, others=others)
    assert level == "advisory" and text.endswith("gone.json does not exist")
