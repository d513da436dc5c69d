"""`bandplan info` and `bandplan real-scale`: what a model is sold in, and how far an endpoint scaled."""

import json
from pathlib import Path

import pytest

from bandplan.cli.commands.real_scale import lines_of
from bandplan.cli.main import main
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.metrics import samples
from tests.output_schema import require_shape

LLAMA, OSS = "system.ai.llama_v3_3_70b_instruct", "system.ai.gpt-oss-120b"
EXPORT = """\
# TYPE provisioned_concurrent_requests_total gauge
provisioned_concurrent_requests_total{endpoint_name="e",served_entity_name="current"} 8
gpu_usage_percentage{endpoint_name="e",served_entity_name="current",gpu="0"} 41.6
provisioned_concurrent_requests_total{endpoint_name="e",served_entity_name="next"} 4
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(
        f'version: 1\nmodels:\n  - {{name: chat, task: llm/v1/chat, model: {LLAMA}, version: "1", throughput: auto,\n'
        "      demand: {requests_per_second: 1, input_tokens: 1000, output_tokens: 100}}\n"
    )
    known = {
        ModelVersion(LLAMA, "1"): OptimizationInfo(True, "llama", 980),
        ModelVersion(LLAMA, "2"): OptimizationInfo(True, "llama", 1580),
        ModelVersion(OSS, "1"): OptimizationInfo(True, "gpt_oss", None, 50),
    }
    Cache(tmp_path / ".bandplan" / "optimization-info").record("https://example.com", known)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *argv: str) -> list[list[str]]:
    assert main(["info", *argv, "--offline"]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_ladder_of_bands(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(capsys, f"{LLAMA}@1", "--steps", "3")
    # 980 / 2304 = 0.43 requests/s, 2304 / 980 = 2.35 s; three chunks are 2,940 tokens/s.
    assert ["1", "980", "0.43", "2.35"] in rows
    assert ["3", "2,940", "1.28", "0.78"] in rows
    assert ["family:", "llama"] in rows


@pytest.mark.parametrize(("model", "unit", "first"), [(f"{LLAMA}@1", "chunks", 980), (OSS, "model_units", 3250)])
def test_ladder_as_json(project: Path, capsys: pytest.CaptureFixture[str], model: str, unit: str, first: int) -> None:
    assert main(["info", model, "--offline", "--json", "--steps", "3"]) == 0
    document = json.loads(capsys.readouterr().out)
    require_shape(document, "info")
    assert (document["unit"], document["amounts"][0]["tokensPerSecond"], len(document["amounts"])) == (unit, first, 3)


def test_newest_recorded_version_unless_one_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ["1", "1,580", "0.69", "1.46"] in shown(capsys, LLAMA)


def test_ladder_of_units_in_their_step(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(capsys, OSS)
    assert ["50", "3,250", "0.86", "1.17"] in rows  # 3250 / 3800 requests/s, 3800 / 3250 s
    assert ["100", "6,500", "1.71", "0.58"] in rows


def test_an_entry_brings_its_version_and_shape(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(capsys, "chat", "--steps", "1")
    assert any("1000/100" in row for row in rows)
    assert any(row[:2] == ["1", "980"] for row in rows)


def test_money_by_the_prices_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "p.yaml").write_text("version: 1\ncurrency: EUR\nprices: [{family: bands, per_hour: 7, chunks: 1}]\n")
    assert ["2", "1,960", "0.85", "1.18", "14.00", "EUR/h"] in shown(capsys, f"{LLAMA}@1", "--prices", "p.yaml")
    assert main(["info", OSS, "--offline", "--prices", "p.yaml"]) == 2
    assert f"p.yaml: has no price for {OSS}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("system.ai.other", "no version is recorded; name one, as in system.ai.other@1"),
        (f"{LLAMA}@9", "nothing is known"),
        ("chatt", "did you mean chat?"),
        ("a.b", "a model has three parts"),
    ],
)
def test_refusals(project: Path, capsys: pytest.CaptureFixture[str], target: str, told: str) -> None:
    assert main(["info", target, "--offline"]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "real-scale"])
def test_a_missing_login_is_an_argument_that_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (project / "stacks").mkdir()
    (project / "stacks" / "Pulumi.prod.yaml").write_text("config: {}\n")
    assert main([command, "chat", "--stack", "prod"]) == 2
    assert "no workspace is configured: set DATABRICKS_HOST" in capsys.readouterr().err


def test_concurrency_of_8_at_a_band_of_850_is_1700_with_the_gpu_beside_it() -> None:
    lines = lines_of("current", "m version 1", list(samples(EXPORT)), 850)
    assert "1,700 tokens/s = provisioned concurrency 8 x smallest band 850 / 4" in lines[1]
    assert "42% used" in lines[2]


def test_scale_that_is_not_known_or_not_in_bands() -> None:
    assert "not known" in lines_of("absent", "m version 1", list(samples(EXPORT)), 850)[1]
    assert "not sold in bands" in lines_of("next", "m version 1", list(samples(EXPORT)), None)[1]
