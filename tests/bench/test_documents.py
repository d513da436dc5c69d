"""What is written of a curve: schema, CSV, HTML, the shapes of other tools, and the file for `stop_if`."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bandplan.bench.curve import Fitted, plateau_of
from bandplan.bench.document import document, read_document, write_document
from bandplan.bench.foreign import exported, imported
from bandplan.bench.level import Client, Slo
from bandplan.bench.measured import measured
from bandplan.bench.page import page
from bandplan.bench.problem import BenchProblem
from bandplan.bench.table import COLUMNS, csv_text, line, summary
from bandplan.cli.measured_file import put_measured
from bandplan.serving.throughput.measured_use import read_measured_use
from tests.bench.curves import curve

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "bench.schema.json").read_text(encoding="utf-8"))
LEVELS = {1: 1.0, 2: 1.05, 4: 1.2, 8: 2.3, 16: 4.6}  # 10, 19, 33, 35, 35 tokens/s


def test_the_file_has_the_shape_of_its_schema(tmp_path: Path) -> None:
    for slo in (None, Slo(latency_seconds=1.5)):
        write_document(tmp_path / "bench.json", curve(LEVELS, slo))
        found = read_document(tmp_path / "bench.json")
        jsonschema.validate(found, SCHEMA)
    assert [one["parallel"] for one in found["curve"]] == list(LEVELS)
    assert found["curve"][2]["output_tokens_per_second"]["value"] == pytest.approx(4 * 10 / 1.2, rel=0.01)
    assert found["curve"][2]["total_tokens_per_second"]["value"] == pytest.approx(4 * 110 / 1.2, rel=0.01)
    assert found["plateau"] == 4
    assert found["slo"] == {"latency_seconds": 1.5}


def test_chunks_in_use_are_in_the_file_and_on_the_timeline(tmp_path: Path) -> None:
    found = curve(LEVELS)
    assert "chunks in use" not in page(found)
    found.points = [replace(one, chunks=[(0.5, 1.0), (20.0, 2.0)]) for one in found.points]
    write_document(tmp_path / "bench.json", found)
    written = read_document(tmp_path / "bench.json")
    jsonschema.validate(written, SCHEMA)
    assert written["curve"][0]["chunks_in_use"] == [{"seconds": 0.5, "chunks": 1.0}, {"seconds": 20.0, "chunks": 2.0}]
    assert "\nchunks in use: 1 to 2\n" in summary(found)
    shown = page(found)
    assert "chunks in use, up to 2" in shown
    # One chunk is half of the height from the start, two the whole of it from second 20 to the end.
    line = shown.split('<polyline class="c" points="')[1].split('"')[0].split()
    heights = [float(point.split(",")[1]) for point in line]
    assert len(set(heights[:3])) == len(set(heights[-2:])) == 1
    assert heights[0] > heights[-1]


def test_the_example_of_the_documentation_is_a_file_of_the_schema() -> None:
    text = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    example = next(part for part in text.split("```json\n")[1:] if '"version"' in part).split("```")[0]
    jsonschema.validate(json.loads(example), SCHEMA)


@pytest.mark.parametrize(
    ("rates", "at"),
    [
        ([10, 20, 40], None),
        ([10, 20, 20.5, 20.8], 2),
        ([10, 20, 20.5, 24, 24.1, 24.2], 4),  # one flat step is no plateau
        ([10, 20, 19, 18], 2),  # falling is not growing
        ([10], None),
        ([], None),
    ],
)
def test_the_plateau(rates: list[float], at: int | None) -> None:
    found = plateau_of([(2**place, rate) for place, rate in enumerate(rates)])
    assert found == (None if at is None else 2 ** (rates.index(20) if at == 2 else 3))


def test_csv_has_a_row_for_each_level() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(curve(LEVELS).points))))
    assert [row["parallel"] for row in rows] == ["1", "2", "4", "8", "16"]
    assert set(rows[0]) == set(COLUMNS)
    assert float(rows[0]["latency_p50_seconds"]) == pytest.approx(1.0)


def test_the_page_loads_nothing_and_escapes_names() -> None:
    found = curve(LEVELS, Slo(latency_seconds=1.5))
    found.name = "<script>alert(1)</script>"
    text = page(found)
    assert "<script" not in text
    assert "src=" not in text and "@import" not in text and "href" not in text
    for part in ("SLO 1.5 s", "plateau", "Time to first token", "Time per output token", "Timeline"):
        assert part in text
    empty = curve({})
    assert "<table>" in page(empty)


def test_a_law_fitted_elsewhere_is_drawn_and_told() -> None:
    found = curve(LEVELS)
    law = Fitted(lambda parallel: parallel / (0.05 + 0.002 * parallel), 500.0, 25.0)
    assert page(found).count('class="fit"') + 1 == page(found, law).count('class="fit"')
    assert "fitted limit 500 tokens/s, half of it with 25.0 in flight" in page(found, law)
    assert "fitted" not in page(found) and "fitted" not in summary(found)
    assert "500 tokens/s at the limit, half of it with 25.0 in flight" in summary(found, law)
    assert "no limit seen" in summary(found, Fitted(lambda parallel: 12 * parallel))


def test_the_terminal_names_what_is_wrong() -> None:
    late = curve({2: 1.0}, client=Client(lag_p99_seconds=0.02))
    assert "not valid: client was 20.0 ms late at p99" in line(late.points[0], 20.0)
    assert "no valid level kept the SLO" in summary(curve({8: 4.0}, Slo(latency_seconds=1.0)))
    assert "plateau at 4 in flight" in summary(curve(LEVELS))


@pytest.mark.parametrize("tool", ["vllm", "aiperf"])
def test_what_is_exported_can_be_imported(tmp_path: Path, tool: Any) -> None:
    ours = document(curve(LEVELS))
    path = tmp_path / "result.json"
    path.write_text(exported(ours, tool), encoding="utf-8")
    theirs = imported([path])
    jsonschema.validate(theirs, SCHEMA)
    for one, other in zip(ours["curve"], theirs["curve"], strict=True):
        assert other["parallel"] == one["parallel"]
        assert other["output_tokens_per_second"]["value"] == pytest.approx(one["output_tokens_per_second"]["value"])
        for kind in ("ttft_seconds", "tpot_seconds", "latency_seconds"):
            assert other[kind]["mean"] == pytest.approx(one[kind]["mean"])
            assert other[kind]["p50"]["value"] == pytest.approx(one[kind]["p50"]["value"])


def test_a_result_of_vllm(tmp_path: Path) -> None:
    # Keys as `vllm bench serve --save-result` writes them.
    result = {
        "model_id": "meta-llama/Llama-3.1-8B", "num_prompts": 100, "request_rate": "inf", "max_concurrency": 8,
        "duration": 50.0, "completed": 100, "total_input_tokens": 204800, "total_output_tokens": 25600,
        "request_throughput": 2.0, "output_throughput": 512.0, "total_token_throughput": 4608.0,
        "mean_ttft_ms": 120.0, "median_ttft_ms": 110.0, "p99_ttft_ms": 300.0, "mean_tpot_ms": 15.0, "median_tpot_ms": 15.1,
        "mean_itl_ms": 15.0,
    }  # fmt: skip
    path = tmp_path / "v.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    found = imported([path])
    jsonschema.validate(found, SCHEMA)
    (point,) = found["curve"]
    assert (point["parallel"], point["mean_input_tokens"], point["mean_output_tokens"]) == (8, 2048, 256)
    assert point["ttft_seconds"]["p99"]["value"] == pytest.approx(0.3)
    assert found["endpoint"]["model"] == "meta-llama/Llama-3.1-8B"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "not a result of AIPerf or vLLM"),
        ("[]", "no result"),
        ("nonsense", "not JSON"),
        ('{"output_throughput": "x", "mean_ttft_ms": 1}', "output_throughput: must be a number"),
        ('{"output_token_throughput": {"unit": "x"}}', "output_token_throughput.avg: must be a number"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchProblem, match=told):
        imported([path])


def test_a_rollout_reads_what_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text(
        '{"version": 1, "endpoints": {"other": {"e": {"measured_at": "2026-11-29T12:00:00Z", "requests": 1}}}}',
        encoding="utf-8",
    )
    served, one_measured = measured(curve({2: 1.0}), datetime(2026, 11, 29, 12, tzinfo=UTC))
    put_measured(path, {}, {"support-chat": {served: one_measured}})
    found = read_measured_use(path.read_text(encoding="utf-8"), "measured.json")
    one = found["support-chat"]["llama-1"]
    assert (one.requests, one.errors) == (160, 0)
    assert one.ttft_seconds == pytest.approx(0.5)
    assert "other" in found  # of others, kept


def test_nothing_is_measured_of_a_level_that_is_not_valid() -> None:
    with pytest.raises(BenchProblem, match="no level is valid"):
        measured(curve({2: 1.0}, client=Client(cpu=1.0)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('{"version": 2, "curve": []}', "not a version 1 curve"),
        ('{"version": 1, "curve": [{}]}', r"curve\[0\].output_tokens_per_second.value: must be a number"),
    ],
)
def test_what_is_no_curve_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchProblem, match=told):
        read_document(path)
