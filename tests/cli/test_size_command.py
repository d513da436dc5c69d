"""`bandplan size`: from flags or an entry, with curves, prices and `--write`; every refusal in one line and status 2."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache

MODEL = "system.ai.llama_v3_3_70b_instruct"
MODELS = f"""\
# The fleet.
version: 1
models:
  - name: support-chat   # the first
    task: llm/v1/chat
    model: "{MODEL}"
    version: '1'
    throughput: {{bands: {{min: 1, max: 2}}}}  # a guess
    # the busiest hour
    demand: {{requests_per_second: 2, input_tokens: 2048, output_tokens: 256, latency_seconds: 12}}
  - {{name: two, task: llm/v1/chat, model: {MODEL}, version: "1", throughput: auto, demand: {{requests_per_second: 1,
      input_tokens: 10, output_tokens: 10}}}}
overrides:
  dev:
    support-chat: {{throughput: {{bands: {{min: 1, max: 1}}}}}}
"""
FLAGS = ("--requests-per-second", "2", "--input", "2048", "--output", "256")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "stacks").mkdir()
    for stack in ("local", "dev"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    record = Cache(tmp_path / ".bandplan" / "optimization-info")
    record.record("https://example.com", {ModelVersion(MODEL, "1"): OptimizationInfo(True, "llama", 980)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sized(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert main(["size", *argv, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    try:
        status = main(["size", *argv])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2
    return capsys.readouterr().err


def curve(shape: tuple[int, int] = (2048, 256), **changes: Any) -> dict[str, Any]:
    """Four chunks of which each takes 28 + 3 n milliseconds for an output token; full with 16 in flight."""
    inside = {n: min(n, 16) for n in (1, 2, 4, 8, 16, 32)}
    return {
        "version": 1,
        "endpoint": {"name": "x"},
        "load": {"mode": "sweep", "input_tokens": {"mean": shape[0]}, "output_tokens": {"mean": shape[1]}},
        "token_source": "usage",
        "curve": [
            {"parallel": n, "output_tokens_per_second": {"value": m / (0.028 + 0.003 * m / 4)}}
            for n, m in inside.items()
        ],
        **changes,
    }


def test_flags_alone_need_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = sized(capsys, MODEL, *FLAGS, "--latency", "12")
    assert answer["source"] == "guess"
    assert answer["ceiling"]["chunks"] == 6  # 2 x 2304 x 1.2 / 980 = 5.6
    assert sized(capsys, MODEL, *FLAGS, "--chunk", "2000")["ceiling"]["chunks"] == 3  # 2.8


def test_entry_brings_its_demand_and_the_record_its_chunk(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = sized(capsys, "support-chat")
    assert (answer["source"], answer["increment"], answer["ceiling"]["chunks"]) == ("published", 980, 6)
    assert sized(capsys, "support-chat", "--requests-per-second", "4")["ceiling"]["chunks"] == 12


def test_text_shows_number_source_and_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "support-chat", "--rows", "1000"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("support-chat: throughput: {bands: {min: 6, max: 6}}\n")
    assert "published figures: 980 tokens/s per chunk at 2048/256" in out
    assert "One step less, 5 chunks (4,900 tokens/s)" in out
    assert "A batch of 1,000 rows: 392 s by tokens alone at 5,880 tokens/s; in practice about that long." in out


def test_no_capacity_fixes_a_target_below_one_request_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--requests-per-second", "20", "--input", "1500", "--output", "200", "--latency", "3")
    assert "no capacity fixes this: one request alone takes 4.9 s" in refused(capsys, MODEL, *asked)
    assert main(["size", MODEL, *asked, "--chunk", "3000"]) == 0


def test_write_keeps_comments_and_quotes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "support-chat", "--write"]) == 0
    expected = MODELS.replace("min: 1, max: 2", "min: 6, max: 6")
    assert (project / "models.yaml").read_text() == expected
    assert main(["size", "support-chat", "--stack", "dev", "--write"]) == 0
    assert (project / "models.yaml").read_text() == expected.replace("min: 1, max: 1", "min: 6, max: 6")
    assert sorted(path.name for path in project.iterdir() if "models" in path.name) == ["models.yaml"]


def test_write_leaves_a_file_that_was_changed_meanwhile(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bandplan.planner import plan as planning

    whole = planning.plan

    def slow(*given: Any, **named: Any) -> Any:
        (project / "models.yaml").write_text(MODELS + "# edited\n")
        return whole(*given, **named)

    monkeypatch.setattr(planning, "plan", slow)
    assert main(["size", "support-chat", "--write"]) == 2
    assert "changed while" in capsys.readouterr().err
    assert (project / "models.yaml").read_text() == MODELS + "# edited\n"


def test_curve_goes_before_published_figures(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bench.json").write_text(json.dumps(curve()))
    flags = ("--curve", "bench.json", "--curve-capacity", "4", "--headroom", "0")
    answer = sized(capsys, MODEL, *FLAGS, *flags, "--latency", "11")
    assert answer["source"] == "curve"
    # A full chunk ends 4 requests in 256 x (0.028 + 0.003 x 4) = 10.24 s: 0.39 a second, so 2 a second take 6.
    assert answer["ceiling"]["chunks"] >= 6
    assert "one shape was measured, 2048/256" in " ".join(answer["assumptions"])
    assert "one shape says nothing about 500/256" in refused(capsys, MODEL, *FLAGS, *flags, "--input", "500")


def test_curve_that_says_it_is_another_one_is_doubted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = [{**level, "chunks_in_use": [{"seconds": 0, "chunks": 4}]} for level in curve()["curve"]]
    (project / "same.json").write_text(json.dumps(curve(curve=levels, endpoint={"name": "x", "model": MODEL})))
    asked = ("size", MODEL, *FLAGS, "--curve-capacity")
    assert main([*asked, "4", "--curve", "same.json"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*asked, "2", "--curve", "same.json"]) == 0
    said = "warning: same.json: chunks in use while it was measured: 4, not 2\n"
    assert capsys.readouterr().err == said
    levels[1]["chunks_in_use"] = [{"seconds": 0, "chunks": 1}]
    (project / "other.json").write_text(json.dumps(curve(curve=levels, endpoint={"name": "x", "model": "a.b.c"})))
    assert main([*asked, "4", "--curve", "other.json"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"warning: other.json: it measured a.b.c, not {MODEL}",
        "warning: other.json: chunks in use while it was measured: 1 to 4, not 4",
    ]


def test_cost_is_that_of_the_prices_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = project / "prices.yaml"
    prices.write_text(f"version: 1\ncurrency: USD\nprices:\n  - {{model: {MODEL}, per_hour: 6, chunks: 1}}\n")
    answer = sized(capsys, "support-chat", "--prices", "prices.yaml", "--peak-factor", "2")
    assert answer["floor"]["chunks"] < answer["ceiling"]["chunks"] == 12
    assert answer["cost_per_hour"].endswith("to 72.00 USD an hour")
    prices.write_text("version: 1\ncurrency: USD\nprices:\n  - {model: other.x.y, per_hour: 6, chunks: 1}\n")
    assert f"has no price for {MODEL}" in refused(capsys, "support-chat", "--prices", "prices.yaml")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("suport-chat",), "did you mean support-chat?"),
        (("a.b", *FLAGS), "a model has three parts"),
        ((MODEL,), "add --requests-per-second (or --concurrent-requests), --input, --output"),
        ((MODEL, *FLAGS, "--input", "-5"), "must be an integer from 1"),
        ((MODEL, *FLAGS, "--output", "nan"), "must be an integer from 0"),
        ((MODEL, *FLAGS, "--latency", "0"), "must be a number above 0"),
        ((MODEL, *FLAGS, "--latency", "nan"), "must be a number above 0"),
        ((MODEL, *FLAGS, "--peak-factor", "0.5"), "must be a number from 1"),
        ((MODEL, *FLAGS, "--output", "99999"), "an answer has at most 8,192"),
        ((MODEL, *FLAGS, "--requests-per-second", "201"), "a workspace takes at most 200"),
        ((MODEL, *FLAGS, "--output", "0", "--tpot", "9"), "--tpot: a request without output tokens"),
        ((MODEL, *FLAGS, "--curve-capacity", "2"), "add --curve FILE"),
        ((MODEL, *FLAGS, "--curve", "bench.json"), "add --curve-capacity N"),
        ((MODEL, *FLAGS, "--curve", "absent.json", "--curve-capacity", "1"), "absent.json: cannot be read"),
        ((MODEL, *FLAGS, "--curve", "models.yaml", "--curve-capacity", "1"), "models.yaml: not JSON"),
        ((MODEL, *FLAGS, "--chunk", "980", "--unit-step", "50"), "give one of them"),
        ((MODEL, *FLAGS, "--write"), "is a model, not an entry"),
        ((MODEL, *FLAGS, "--prices", "models.yaml"), "currency"),
        ((MODEL, *FLAGS, "--prices", "absent.yaml"), "absent.yaml: cannot be read"),
    ],
)
def test_refusals(project: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], told: str) -> None:
    assert told in refused(capsys, *argv)
    assert (project / "models.yaml").read_text() == MODELS


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"version": 2}, "not a version 1 curve"),
        ([], "not a version 1 curve"),
        (curve(curve=7), "curve: missing, or not a list"),
        (curve(curve=["x"]), "curve[0]: must be a mapping"),
        (curve(curve=[{"parallel": 1, "output_tokens_per_second": {"value": -1}}]), "must be above 0"),
        (curve(curve=[{"parallel": None, "output_tokens_per_second": {"value": 1}}]), "no valid level"),
        (curve(load={"mode": "sweep"}), "the mean input tokens are not in it"),
        (curve(curve=curve()["curve"][:2]), "takes at least 3"),
    ],
)
def test_bad_curves(project: Path, capsys: pytest.CaptureFixture[str], document: Any, told: str) -> None:
    (project / "bench.json").write_text(json.dumps(document))
    assert told in refused(capsys, MODEL, *FLAGS, "--curve", "bench.json", "--curve-capacity", "1")


def test_neither_numpy_nor_http_nor_pulumi_is_imported() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from bandplan.cli.main import main; "
        f"main(['size', '{MODEL}', *{FLAGS!r}, '--latency', '12', '--json']); "
        "print([name for name in ('numpy', 'pulumi', 'urllib3', 'http.client', 'bandplan.stub', 'bandplan.bench') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_key_of_the_demand_is_used(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ceiling(more: str) -> tuple[int, int]:
        (project / "models.yaml").write_text(MODELS.replace("latency_seconds: 12", f"latency_seconds: 12{more}"))
        answer = sized(capsys, "support-chat", "--headroom", "0")
        return answer["floor"]["chunks"], answer["ceiling"]["chunks"]

    floor, plain = ceiling("")
    assert floor == plain
    assert ceiling(", peak_factor: 2")[1] > plain > 0
    assert ceiling(", peak_factor: 2")[0] == floor
    assert ceiling(", ttft_seconds: 4.2")[1] > plain
    assert ceiling(", tpot_ms: 14.5")[1] > plain
    assert ceiling(", latency_percentile: 99.9")[1] > plain
    assert ceiling(", arrivals: bursty")[1] > plain
    assert ceiling(", spread_percent: 20")[1] > plain
    assert ceiling(", latency_percentile: 60, cache_hit_percent: 90")[1] < plain


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{model_units: 50, burst: false}  # ours", "{model_units: 150, burst: false}  # ours"),
        (
            "{tokens_per_second: {max: 1960, min: 980}}  # tokens",
            "{tokens_per_second: {max: 5880, min: 5880}}  # tokens",
        ),
        (
            "\n      # the band\n      bands:\n        max: 2  # high\n        min: 1  # low",
            "\n      # the band\n      bands:\n        max: 6  # high\n        min: 6  # low",
        ),
        ("{bands: {min: 1, want: 9, accept: 8}}", "{bands: {min: 6, want: 12, accept: 8}}"),
        ("{model_units: {want: 75, accept: 50}}", "{model_units: {want: 150, accept: 50}}"),
        ("auto", "{bands: {min: 6, max: 6}}"),
    ],
)
def test_write_keeps_what_stands_beside_the_amount(project: Path, before: str, after: str) -> None:
    models = project / "models.yaml"
    text = MODELS[: MODELS.index("overrides:")].replace("{bands: {min: 1, max: 2}}", before)
    models.write_text(text)
    flags = ["--unit-step", "50", "--latency", "30"] if "units" in before else []
    flags += ["--peak-factor", "2"] if "want" in before else []
    assert main(["size", "support-chat", *flags, "--write"]) == 0
    written = models.read_text()
    if "units" in before:
        units = int(re.findall(r"model_units: (?:{want: )?(\d+)", written)[0])
        assert units % 50 == 0 and units >= 100
        after = after.replace("150", str(units))
    assert written == text.replace(f"throughput: {before}", f"throughput: {after}", 1)


def test_requests_in_flight_of_an_entry(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = MODELS.replace("requests_per_second: 2,", "concurrent_requests: 32,")
    (project / "models.yaml").write_text(text)
    answer = sized(capsys, "support-chat")
    assert answer == sized(capsys, "support-chat", "--concurrent-requests", "32")
    # 4 in flight fill a chunk and take 9.4 s.
    assert answer["ceiling"]["chunks"] == 8
    assert sized(capsys, "support-chat", "--requests-per-second", "2")["ceiling"]["chunks"] == 6


def test_trace_of_requests(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{index * 0.5},2048,256" for index in range(400)]
    trace = project / "trace.csv"
    trace.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]) + "\n")
    answer = sized(capsys, MODEL, "--trace", "trace.csv", "--latency", "9")
    # 2 x 2304 x 1.2 / 980 = 5.6; the requests come like clockwork, so none waits.
    assert answer["ceiling"]["chunks"] == 6
    assert sized(capsys, MODEL, "--trace", "trace.csv", "--latency", "9", "--requests-per-second", "4") != answer
    assert sized(capsys, "support-chat", "--trace", "trace.csv")["ceiling"]["chunks"] == 6
    assert sized(capsys, MODEL, "--trace", "trace.csv", "--concurrent-requests", "32", "--latency", "10")
    assert "leave out --input, --output" in refused(capsys, MODEL, *FLAGS[2:], "--trace", "trace.csv")
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n0,2048,256\n1,-5,256\n")
    told = refused(capsys, MODEL, "--trace", "trace.csv")
    assert "trace.csv:3: column ContextTokens: '-5': must be 1 to" in told
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n0,2048,256\n0,5,256\n")
    assert "all requests came at once" in refused(capsys, MODEL, "--trace", "trace.csv")
    assert "absent.csv" in refused(capsys, MODEL, "--trace", "absent.csv")


def test_seconds_that_a_chunk_takes_to_start(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--requests-per-second", "0.5", "--peak-factor", "4")
    answer = sized(capsys, "support-chat", *flags)
    assert answer["jump"]["seconds"] == answer["jump"]["chunks_to_start"] * 60
    slow = sized(capsys, "support-chat", *flags, "--startup-seconds", "90")
    assert slow["jump"]["latency_seconds_p95"] > answer["jump"]["latency_seconds_p95"]
    assert sized(capsys, "support-chat")["jump"] is None


def test_write_leaves_an_entry_whose_throughput_is_shared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = project / "models.yaml"
    text = MODELS.replace("{bands: {min: 1, max: 2}}  # a", "&band {bands: {min: 1, max: 2}}  # a").replace(
        "auto,", "*band,"
    )
    models.write_text(text)
    assert "by hand" in refused(capsys, "support-chat", "--write")
    told = refused(capsys, "two", "--latency", "2", "--write")
    assert "by hand" in told and "throughput" in told
    assert models.read_text() == text


SPLIT = f"""\
version: 1
models:
  - name: split
    task: llm/v1/chat
    demand: {{requests_per_second: 4, input_tokens: 2048, output_tokens: 256, latency_seconds: 14}}
    entities:
      - {{name: now, model: {MODEL}, version: "1", throughput: auto, traffic_percent: 75}}
      - {{name: next, model: {MODEL}, version: "1", throughput: auto, traffic_percent: 25}}
      - {{name: idle, model: {MODEL}, version: "1", throughput: {{bands: {{min: 1, max: 1}}}}, traffic_percent: 0}}
"""


def test_an_entity_of_several_is_sized_by_its_share(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(SPLIT)
    # 4 x 2304 x 1.2 = 11,059 tokens/s: 8.5 chunks of 980 for three quarters, 2.8 for one.
    assert sized(capsys, "split", "--entity", "now")["ceiling"]["chunks"] == 9
    assert sized(capsys, "split", "--entity", "next")["ceiling"]["chunks"] == 3
    assert main(["validate", "--offline"]) == 0
    told = capsys.readouterr().out
    assert "models/split/entities/0/throughput: auto is 9 bands" in told
    assert "`bandplan size split/now` shows the evidence" in told
    assert "has several entities: name one as split/now or split/next or split/idle" in refused(capsys, "split")
    assert "did you mean next?" in refused(capsys, "split", "--entity", "nxt")
    assert "add --requests-per-second" in refused(capsys, "split", "--entity", "idle")
    assert sized(capsys, "split/next")["ceiling"]["chunks"] == 3
    assert "names another entity" in refused(capsys, "split/next", "--entity", "now")
    assert main(["info", "split", "--entity", "next", "--offline"]) == 0


def test_write_puts_the_band_of_an_entity_into_its_own_lines(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(
        f"""\
version: 1
models:
  - name: split
    task: llm/v1/chat
    demand: {{requests_per_second: 4, input_tokens: 2048, output_tokens: 256, latency_seconds: 14}}
    entities:
      - name: now   # the proven one
        model: '{MODEL}'
        version: "1"
        throughput: {{bands: {{min: 1, max: 1}}}}  # a guess
        traffic_percent: 75
      - {{name: next, model: {MODEL}, version: "1", throughput: auto, traffic_percent: 25}}
overrides:
  dev:
    split:
      entities:
        - {{name: next, model: {MODEL}, version: "1", throughput: {{bands: {{min: 1, max: 1}}}}, traffic_percent: 75}}
        - {{name: now, model: {MODEL}, version: "1", throughput: {{bands: {{min: 1, max: 1}}}}, traffic_percent: 25}}
"""
    )
    before = (project / "models.yaml").read_text()
    # As above: 9 chunks for three quarters of the demand, 3 for one.
    assert main(["size", "split/now", "--write"]) == 0
    wanted = before.replace("{min: 1, max: 1}}  # a guess", "{min: 9, max: 9}}  # a guess")
    assert (project / "models.yaml").read_text() == wanted
    assert main(["size", "split", "--entity", "next", "--write"]) == 0
    wanted = wanted.replace("throughput: auto", "throughput: {bands: {min: 3, max: 3}}")
    assert (project / "models.yaml").read_text() == wanted
    # The entities of an override replace those of the entry, in an order of their own.
    assert main(["size", "split/now", "--stack", "dev", "--write"]) == 0
    wanted = wanted.replace(
        "{bands: {min: 1, max: 1}}, traffic_percent: 25}", "{bands: {min: 3, max: 3}}, traffic_percent: 25}"
    )
    assert (project / "models.yaml").read_text() == wanted


def test_a_guess_says_how_to_replace_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "ml.own.mine@3", *FLAGS]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "a guess: nothing is known about this model" in out
    assert "`bandplan info ml.own.mine@3` asks a workspace in what steps the model is sold; --chunk states it" in out
    assert main(["size", "ml.own.mine@3", *FLAGS, "--chunk", "980"]) == 0
    assert "guess" not in capsys.readouterr().out


def test_model_units_have_no_floor_and_burst_as_little_as_auto(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """\
version: 1
models:
  - name: mav
    task: llm/v1/chat
    model: system.ai.llama-4-maverick
    version: "1"
    throughput: auto  # by its target
    demand: {requests_per_second: 2, peak_factor: 2, input_tokens: 3500, output_tokens: 300, latency_seconds: 10}
"""
    (project / "models.yaml").write_text(text)
    assert main(["size", "mav", "--unit-step", "50", "--write"]) == 0
    out = capsys.readouterr().out
    # 4 x 3,800 x 1.2 / 65 = 280.6, in steps of 50.
    assert "units    300 model units\n" in out
    assert "floor" not in out
    assert "ceiling" not in out
    written = text.replace("auto  #", "{model_units: 300, burst: false}  #")
    assert (project / "models.yaml").read_text() == written


@pytest.mark.parametrize("command", ["size", "info", "rightsize", "observe"])
def test_models_file_is_named_relative_to_where_the_command_was_given(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(project / "stacks")
    assert main([command, "nobody"]) == 2
    assert capsys.readouterr().err.startswith("error: ../models.yaml: has no entry nobody; ")

    (project / "models.yaml").write_text("version: 1\nmodels: 1\n")
    monkeypatch.chdir(project.parent)
    assert main(["-C", project.name, command, "nobody"]) == 2
    assert f"{project.name}/models.yaml:2:9: error type models: " in capsys.readouterr().err
