"""`bandplan bench` on a local workspace that answers at a set pace, and what it refuses."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from bandplan.bench.lengths import Length
from bandplan.cli.commands.bench import configure, plan_of, write_results
from bandplan.cli.main import main
from bandplan.serving.spec.demand import Demand
from bandplan.stub import process
from tests.bench.curves import curve
from tests.stub.stub_client import BGE, StubClient, bands

SCHEMAS = Path(__file__).parents[2] / "schemas"
SCHEMA = json.loads((SCHEMAS / "bench.schema.json").read_text(encoding="utf-8"))
SHORT = ["--input", "60", "--output", "8"]
TTFT, TPOT = 0.04, 0.005


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StubClient]]:
    root = tmp_path_factory.mktemp("bench")
    (root / "Pulumi.yaml").write_text("name: bandplan\n", encoding="utf-8")
    (root / "models.yaml").write_text(
        "version: 1\nmodels:\n- name: support-chat\n  task: llm/v1/chat\n  model: system.ai.llama_v3_3_70b_instruct\n"
        '  version: "1"\n  throughput: {bands: {min: 1, max: 2}}\n'
        "  demand: {requests_per_second: 2, input_tokens: 60, output_tokens: 8, latency_seconds: 5, tpot_ms: 50}\n",
        encoding="utf-8",
    )
    running = process.start(root / ".bandplan" / "stub", settle="at-once", pace="40:5")
    client = StubClient(running.host, running.token)
    client.create("support-chat", bands())
    client.create("vectors", bands(entity_name=BGE, min_provisioned_throughput=0, max_provisioned_throughput=1360))
    yield root, client
    process.stop(root / ".bandplan" / "stub")


@pytest.fixture
def project(workspace: tuple[Path, StubClient], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    here = Path.cwd()
    os.chdir(workspace[0])
    yield workspace[0]
    os.chdir(here)


def bench(*arguments: str) -> int:
    return main(["bench", *arguments])


def test_a_level_agrees_with_what_the_workspace_saw(
    project: Path, workspace: tuple[Path, StubClient], capsys: pytest.CaptureFixture[str]
) -> None:
    before = max([0, *(one["number"] for one in workspace[1].ok("GET", "/stub/requests")["requests"])])
    bench("support-chat", "--parallel", "4", "--most-requests", "40", "--requests", "requests.jsonl", "--csv", "x.csv",
          "--html", "x.html", "--export", "vllm=v.json", "--export", "aiperf=a.json")  # fmt: skip
    found = json.loads((project / "bench.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, SCHEMA)
    assert found["load"]["input_tokens"]["mean"] == 60  # from the demand of the entry
    assert found["slo"] == {"latency_seconds": 5.0, "tpot_seconds": 0.05}
    assert found["endpoint"]["model"] == "system.ai.llama_v3_3_70b_instruct"
    assert found["token_source"] == "usage"

    ours = [json.loads(row) for row in (project / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    truth = [one for one in workspace[1].ok("GET", "/stub/requests")["requests"] if one["number"] > before]
    truth = sorted(truth, key=lambda one: one["number"])[2:]  # the first two found the length of a word
    assert len(ours) == len(truth) == found["curve"][0]["requests"]["sent"]
    assert sum(one["output_tokens"] for one in ours) == sum(one["output_tokens"] for one in truth) == 8 * len(ours)
    assert sum(one["input_tokens"] for one in ours) == sum(one["input_tokens"] for one in truth)
    assert statistics.mean(one["input_tokens"] for one in ours) == pytest.approx(60, rel=0.05)
    # A client is never earlier than the server; how much later depends on what else the machine does.
    assert all(one["content"][0] - one["sent"] >= TTFT * 0.98 for one in ours)
    assert all(one["content"][-1] - one["sent"] >= (TTFT + 7 * TPOT) * 0.98 for one in ours)
    for file in ("x.csv", "x.html", "v.json", "a.json"):
        assert (project / file).stat().st_size > 0
    token = (project / ".bandplan" / "stub" / "token").read_text(encoding="utf-8").strip()
    written = "".join(
        (project / file).read_text(encoding="utf-8") for file in ("bench.json", "x.html", "requests.jsonl")
    )
    output = capsys.readouterr()
    assert "written: bench.json, x.csv, x.html, requests.jsonl, v.json, a.json\n" in output.out
    assert token not in written + output.out + output.err
    assert 'content": "the' not in written


def test_whole_answers_openai_route_and_open_loop(project: Path) -> None:
    load = ["--rate", "20", "--seconds", "1", "--no-stream", "--route", "openai"]
    for _ in range(20):
        bench("support-chat", *load, *SHORT, "--out", "o.json")
        found = json.loads((project / "o.json").read_text(encoding="utf-8"))
        (point,) = found["curve"]
        if point["scheduled_latency_seconds"]:  # not on a machine that stalls until all have been sent
            break
    assert (found["load"]["mode"], found["load"]["arrivals"]) == ("open", "poisson")
    assert point["parallel"] is None
    assert point["ttft_seconds"] is None
    # Those sent before the first one had ended are its warm-up.
    assert 0 < point["scheduled_latency_seconds"]["samples"] < point["requests"]["sent"]


def test_lengths_spread_as_the_demand_says() -> None:
    demand = Demand(requests_per_second=1, input_tokens=200, output_tokens=40, spread_percent=50)
    parser = argparse.ArgumentParser()
    configure(parser)
    plan = plan_of(parser.parse_args(["chat"]), demand)
    assert (plan.input, plan.output) == (Length(200, 100), Length(40, 20))
    assert plan_of(parser.parse_args(["chat", "--input", "9"]), demand).input == Length(9)


def test_embeddings(project: Path) -> None:
    bench("vectors", "--parallel", "2", "--most-requests", "40", "--input", "100", "--out", "e.json")
    (point,) = json.loads((project / "e.json").read_text(encoding="utf-8"))["curve"]
    assert point["requests"]["failed"] == 0
    assert point["output_tokens_per_second"]["value"] == 0
    assert point["total_tokens_per_second"]["value"] > 0


def test_a_trace_is_replayed_in_its_lengths(project: Path, workspace: tuple[Path, StubClient]) -> None:
    rows = [(0.0, 50, 3), (0.05, 120, 9), (0.1, 70, 5)]
    text = "time,input_tokens,output_tokens\n" + "".join(f"{at},{given},{made}\n" for at, given, made in rows)
    (project / "trace.csv").write_text(text, encoding="utf-8")
    bench("support-chat", "--trace", "trace.csv", "--requests", "r.jsonl", "--out", "t.json")
    ours = [json.loads(row) for row in (project / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one["output_tokens"] for one in ours] == [3, 9, 5]
    assert [round(one["scheduled"] - ours[0]["scheduled"], 3) for one in ours] == [0.0, 0.05, 0.1]


def test_lengths_are_drawn_from_a_file(project: Path) -> None:
    (project / "lengths.csv").write_text("input_tokens,output_tokens\n50,3\n120,9\n", encoding="utf-8")
    bench("support-chat", "--lengths", "lengths.csv", "--parallel", "2", "--most-requests", "30", "--requests", "r.jsonl",
          "--out", "t.json")  # fmt: skip
    ours = [json.loads(row) for row in (project / "r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {one["output_tokens"] for one in ours} == {3, 9}
    found = json.loads((project / "t.json").read_text(encoding="utf-8"))
    assert (found["load"]["input_tokens"], found["load"]["output_tokens"]) == (
        {"mean": 85.0, "spread": 35.0},
        {"mean": 6.0, "spread": 3.0},
    )


def test_rows_without_an_answer_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "trace.csv").write_text("time,input_tokens,output_tokens\n0,50,3\n0.05,70,0\n", encoding="utf-8")
    bench("support-chat", "--trace", "trace.csv", "--out", "t.json")
    assert "trace.csv: 1 of 2 rows have 0 output tokens" in capsys.readouterr().err
    assert json.loads((project / "t.json").read_text(encoding="utf-8"))["curve"][0]["requests"]["completed"] == 2


def test_a_server_at_a_url(project: Path, workspace: tuple[Path, StubClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", (project / ".bandplan" / "stub" / "token").read_text(encoding="utf-8").strip())
    host = workspace[1].host
    arguments = ["--url", f"{host}/serving-endpoints", "--model", "support-chat", "--key-variable", "STUB_KEY"]
    bench(*arguments, "--parallel", "1", "--most-requests", "6", *SHORT, "--out", "u.json")
    found = json.loads((project / "u.json").read_text(encoding="utf-8"))
    assert found["endpoint"]["route"] == "openai"
    assert found["curve"][0]["requests"]["completed"] > 0


def test_the_limit_of_requests_holds(project: Path, workspace: tuple[Path, StubClient]) -> None:
    before = len(workspace[1].ok("GET", "/stub/requests")["requests"])
    bench("support-chat", *SHORT, "--most-requests", "10", "--out", "l.json")
    assert len(workspace[1].ok("GET", "/stub/requests")["requests"]) == before + 10
    assert json.loads((project / "l.json").read_text(encoding="utf-8"))["stopped"] == "limit of 10 requests"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["support-caht"], "no such endpoint in the workspace of local (there: support-chat, vectors); did you mean"),
        (["support-chat", "--task", "embeddings"], "check the task (--task)"),
        (["support-chat", "--served", "x"], "--served x: support-chat has"),
        (["support-chat", "--input", "-5"], "--input: '-5': a length is"),
        (["support-chat", "--output", "1e12"], "a length is 0 to 10,000,000 tokens"),
        (["support-chat", "--input", "many"], "not a length"),
        (["support-chat", "--output", "0"], "an answer has at least 1 token"),
        (["support-chat", "--parallel", "4,2"], "must be ascending"),
        (["support-chat", "--parallel", "0"], "more than 0"),
        (["support-chat", "--rate", "x"], "not numbers"),
        (["support-chat", "--rate", "2", "--parallel", "2"], "--parallel and --rate: give one of them"),
        (["support-chat", "--trace", "none.csv"], "none.csv: No such file or directory; name a CSV"),
        (["support-chat", "--lengths", "none.csv"], "none.csv: No such file or directory; name a CSV"),
        (["support-chat", "--lengths", "x.csv", "--input", "5"], "--lengths: has both lengths of each request; leave"),
        (["support-chat", "--out", "no/where.json"], "name a file in a folder that exists"),
        (["support-chat", "--export", "excel=x"], "write vllm=FILE or aiperf=FILE"),
        (["support-chat", "--prices", "none.yaml"], "none.yaml: No such file"),
        (["support-chat", "--out", "x.json", "--html", "./x.json"], "x.json: named for two results; name another"),
        ([], "needs one ENDPOINT"),
        (["--url", "http://127.0.0.1:1/v1", "--model", "m", "--served", "x"], "--served: only for an endpoint of a"),
        (["--url", "http://127.0.0.1:1/v1", "--model", "m", "--measured", "x"], "--measured: only for an endpoint"),
        (["--url", "http://127.0.0.1:1/v1"], "needs --model"),
        (["--url", "nowhere", "--model", "m"], "not an http:// or https:// URL"),
        (["--url", "http://me:secret@h/v1", "--model", "m"], "holds a user name, password or query"),
        (
            ["--url", "http://127.0.0.1:1/v1", "--model", "m", "--key-variable", "NOT_SET"],
            "NOT_SET: not set; export it",
        ),
        (["--url", "http://127.0.0.1:9/v1", "--model", "m"], "no connection"),
        (["--url", "https://api.example.com/v1", "--model", "m"], "add --yes-real-endpoint"),
        (["compare", "a.json"], "needs two files"),
        (["support-chat", "--fail-if", "p95_ttft > 5%"], "--fail-if: only for compare; measure first"),
        (["compare", "none-a.json", "b.json"], "none-a.json: No such file"),
        (["import"], "needs a file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    files = set(project.iterdir())
    assert bench(*arguments) == 2
    output = capsys.readouterr()
    errors = [line for line in output.err.splitlines() if not line.endswith("minutes")]
    assert len(errors) == 1, output.err
    assert told in errors[0]
    assert "secret" not in output.err
    assert set(project.iterdir()) == files


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--ttft", "0", "above 0, up to 1e+06"),
        ("--latency", "inf", "above 0, up to 1e+06"),
        ("--tpot", "nan", "above 0, up to 1e+06"),
        ("--seconds", "inf", "above 0, up to 86400"),
        ("--most-minutes", "inf", "above 0, up to 1e+06"),
        ("--burstiness", "inf", "from 0.01, up to 1000"),
        ("--burstiness", "1e-9", "from 0.01, up to 1000"),
    ],
)
def test_a_number_that_no_load_can_have_is_refused(
    capsys: pytest.CaptureFixture[str], option: str, value: str, rule: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        bench("support-chat", option, value)
    assert ended.value.code == 2
    assert f"argument {option}: '{value}' must be a number {rule}; run" in capsys.readouterr().err


def test_a_prompt_above_the_context_is_refused_in_the_words_of_the_workspace(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--input", "200000", "--output", "5", "--parallel", "1", "--seconds", "0.5", "--out", "c.json"]
    assert bench("support-chat", *arguments) == 1
    said = capsys.readouterr().out
    assert "requests failed: answered 400 (" in said
    assert "cannot exceed 128000" in said

    arguments += ["--most-tokens", "300000"]
    assert bench("support-chat", *arguments) == 1
    said = capsys.readouterr().out
    assert "stopped: limit of 300,000 tokens; 1 of 1 requests failed: answered 400 (" in said


def test_files_are_named_although_no_level_is_valid(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--parallel", "1", "--seconds", "0.02", "--out", "short.json", "--csv", "short.csv"]
    assert bench("support-chat", *SHORT, *arguments, "--measured", "short-measured.json") == 1
    output = capsys.readouterr()
    assert "written: short.json, short.csv\n" in output.out
    assert "error: short-measured.json: not written: no level is valid; see the notes of the levels\n" in output.err
    assert not Path("short-measured.json").exists()


def test_a_run_that_measures_nothing_leaves_earlier_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in ("kept.json", "kept.jsonl"):
        Path(file).write_text("earlier", encoding="utf-8")
    files = ["--out", "kept.json", "--requests", "kept.jsonl"]
    assert bench("support-chat", *SHORT, "--most-requests", "1", *files) == 1
    output = capsys.readouterr()
    assert "error: nothing was measured, so no file was written\n" in output.err
    assert "written" not in output.out
    assert [Path(file).read_text(encoding="utf-8") for file in ("kept.json", "kept.jsonl")] == ["earlier"] * 2


def test_a_full_disk_below_the_requests_loses_nothing_else(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--out", "full.json", "--requests", "/dev/full"]
    assert bench("support-chat", *SHORT, "--parallel", "1,2", "--most-requests", "12", *files) == 1
    output = capsys.readouterr()
    assert "error: /dev/full: not complete: No space left on device; name a file on a disk with room" in output.err
    assert len(json.loads((project / "full.json").read_text(encoding="utf-8"))["curve"]) == 1


def test_measured_use_without_ttft_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    configure(parser)
    few, enough = tmp_path / "few.json", tmp_path / "enough.json"
    for file, rounds in ((few, 20), (enough, 80)):
        arguments = parser.parse_args(["support-chat", "--out", str(tmp_path / "b.json"), "--measured", str(file)])
        assert write_results(arguments, curve({2: 1.0}, rounds=rounds), {}) == []
    said = [line for line in capsys.readouterr().out.splitlines() if "without TTFT" in line]
    assert said == [
        f"{few}: without TTFT, so `stop_if: ttft_seconds` is not measured: its p95 needs 59 requests of one level; "
        "raise --seconds or --parallel"
    ]


@pytest.mark.parametrize("option", ["--out", "--csv", "--html", "--requests", "--measured", "--export"])
def test_folder_without_the_right_to_write_is_refused_before_the_load(
    project: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "kept").mkdir(exist_ok=True)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "kept" and real(path, mode))
    assert bench("support-chat", *SHORT, option, ("vllm=" if option == "--export" else "") + "kept/file") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert (
        output.err
        == "error: kept/file: cannot be written: no right to write in its folder; name a file in another one\n"
    )


def test_prices_with_an_impossible_date_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dated.yaml").write_text("currency: USD\nread: 2026-13-45\n", encoding="utf-8")
    assert bench("support-chat", *SHORT, "--prices", "dated.yaml") == 2
    assert capsys.readouterr().err.startswith("error: dated.yaml: not readable YAML; ")


def test_file_to_which_no_measurement_can_be_added_is_refused_before_the_load(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("notes.txt").write_text("mine", encoding="utf-8")
    assert bench("support-chat", *SHORT, "--measured", "notes.txt") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "error: notes.txt: cannot be added to: it is not JSON; name another file\n"
    assert Path("notes.txt").read_text(encoding="utf-8") == "mine"


def test_an_interruption_keeps_what_was_measured(project: Path, workspace: tuple[Path, StubClient]) -> None:
    def has_answers() -> bool:
        """Whether the benchmark has sent a request long after the answer to another one, which it has seen by then."""
        # The workspace lists only the last 10,000, so those that came before are left out instead of subtracted.
        sent = workspace[1].ok("GET", f"/stub/requests?since={since}")["requests"]
        load = sorted(sent, key=lambda one: one["number"])[2:]  # two are sent before the load
        ended = [one["ended_ms"] for one in load if one["ended_ms"] is not None]
        return bool(ended) and max(one["arrived_ms"] for one in load) > min(ended) + 200

    for load in (["--parallel", "2"], ["--rate", "20"]):
        command = [
            sys.executable,
            "-m",
            "bandplan.cli.main",
            "bench",
            "support-chat",
            *SHORT,
            *load,
            "--out",
            "int.json",
        ]
        since = workspace[1].ok("GET", "/stub/clock")["now_ms"]
        # A shell that starts the tests in the background lets its children ignore the interrupt key.
        running = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        while not has_answers() and running.poll() is None:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130, out + err
        assert "Traceback" not in err
        assert "stopped: interrupted" in out
        found = json.loads((project / "int.json").read_text(encoding="utf-8"))
        jsonschema.validate(found, SCHEMA)
        assert found["stopped"] == "interrupted"
        assert found["curve"][0]["requests"]["completed"] > 0


def test_an_endpoint_that_is_not_ready(
    project: Path, workspace: tuple[Path, StubClient], capsys: pytest.CaptureFixture[str]
) -> None:
    client = workspace[1]
    client.ok("PUT", "/stub/endpoints/later/settle", {"rule": "manual"})
    client.ok("POST", "/api/2.0/serving-endpoints", {"name": "later", "config": {"served_entities": [bands()]}})
    assert bench("later") == 2
    assert "later: not ready; wait until" in capsys.readouterr().err
    client.ok("DELETE", "/api/2.0/serving-endpoints/later")


def test_a_proxy_is_not_measured(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert bench("--url", "https://api.example.com/v1", "--model", "m", "--yes-real-endpoint") == 2
    assert "api.example.com in NO_PROXY" in capsys.readouterr().err


def test_prices_say_what_the_time_costs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = 'version: 1\ncurrency: USD\nprices:\n- {model: "system.ai.llama*", per_hour: 6, tokens_per_second: 980}\n'
    (project / "prices.yaml").write_text(prices, encoding="utf-8")
    shared = ["--prices", "prices.yaml", "--parallel", "1", "--most-requests", "4", "--out", "p.json"]
    bench("support-chat", *SHORT, *shared)
    # 980 to 1,960 tokens/s at 6 an hour for 980, for half an hour: 3 to 6
    assert "3.00 to 6.00 USD for the endpoint in that time" in capsys.readouterr().err
    assert bench("vectors", *shared) == 2
    assert "prices.yaml: no price for system.ai.bge_large_en_v1_5" in capsys.readouterr().err


def test_compare_fails_past_a_limit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bandplan.bench.document import write_document

    write_document(project / "a.json", curve({2: 1.0}))
    write_document(project / "b.json", curve({2: 1.2}))
    assert bench("compare", "a.json", "b.json") == 0
    assert "p95_ttft" in capsys.readouterr().out
    assert bench("compare", "a.json", "b.json", "--fail-if", "p95_ttft > 5%") == 1
    assert "2 in flight: p95_ttft changed by +20.0%; the limit is p95_ttft > 5%" in capsys.readouterr().err
    assert bench("compare", "a.json", "b.json", "--fail-if", "p95_ttft > 25%") == 0
    failing = json.loads((project / "b.json").read_text(encoding="utf-8"))
    ttft = failing["curve"][0]["ttft_seconds"]
    ttft["p95"], ttft["histogram"]["infinite"] = None, ttft["samples"]
    (project / "b.json").write_text(json.dumps(failing), encoding="utf-8")
    capsys.readouterr()
    assert bench("compare", "a.json", "b.json", "--fail-if", "p95_ttft > 25%", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, json.loads((SCHEMAS / "output.schema.json").read_text(encoding="utf-8")))
    assert [(one["metric"], one["change"]) for one in said["pastLimits"]] == [("p95_ttft", None)]
