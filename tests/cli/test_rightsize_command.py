"""`bandplan rightsize`: from rows and minutes to a decision, a patch, measured use and a trail; refusals in one line."""

import csv
import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache
from bandplan.usage.scrape import Scrape
from bandplan.usage.store import UseStore
from tests.cli.test_size_command import curve
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply

LLAMA, OSS = "system.ai.llama_v3_3_70b_instruct", "system.ai.gpt-oss-120b"
MODELS = f"""\
# The fleet.
version: 1
models:
  - name: chat   # the first
    task: llm/v1/chat
    model: {LLAMA}
    version: "2"
    throughput: {{bands: {{min: 1, max: 2}}}}  # a guess
    demand: {{requests_per_second: 9, input_tokens: 10, output_tokens: 10}}
  - {{name: tokens, task: llm/v1/chat, model: {LLAMA}, version: "1",
     throughput: {{tokens_per_second: {{min: 980, max: 3920}}}}}}
  - {{name: units, task: llm/v1/chat, model: {OSS}, version: "1", throughput: {{model_units: {{want: 200, accept: 150}}}}}}
  - {{name: auto, task: llm/v1/chat, model: {LLAMA}, version: "1", throughput: auto,
     demand: {{requests_per_second: 1, input_tokens: 10, output_tokens: 10}}}}
overrides:
  dev:
    tokens: {{throughput: {{tokens_per_second: {{max: 1960}}}}}}
"""
DAY = 24 * 60


@pytest.fixture(autouse=True)
def _standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute ends within a test: what is asserted of rows and ages is exact."""
    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at)
    for date in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(date, f"@{int(at)} +0000")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "stacks").mkdir()
    for stack in ("local", "dev"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    known = {
        ModelVersion(LLAMA, "1"): OptimizationInfo(True, "llama", 980),
        ModelVersion(LLAMA, "2"): OptimizationInfo(True, "llama", 98),
        ModelVersion(OSS, "1"): OptimizationInfo(True, "gpt_oss", None, 50),
    }
    Cache(tmp_path / ".bandplan" / "optimization-info").record("https://example.com", known)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    try:
        status = main(["rightsize", *argv])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2
    return capsys.readouterr().err


def now() -> int:
    return int(time.time() // 60)


def write(path: Path, days: float = 8, status: Callable[[int], int] = lambda _: 200, **tokens: int) -> Path:
    """So many tokens a minute for each endpoint named, in requests of 2,000, three quarters of them in the prompt."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        columns = ("request_time", "endpoint_name", "served_entity_name", "status_code")
        out.writerow((*columns, "input_token_count", "output_token_count", "request_streaming"))
        for minute in range(now() - round(days * DAY), now()):
            at = datetime.fromtimestamp(minute * 60 + 30.5, UTC).isoformat()
            for name, total in tokens.items():
                code = status(minute)
                counts = (1500, 500) if code == 200 else ("", "")
                out.writerows([(at, name, f"{name}-1", code, *counts, "true")] * (total // 2000))
    return path


def answer(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert main(["rightsize", *argv, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    return {one["endpoint"]: one for one in document["endpoints"]} | {"": document}


def codes(verdict: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in verdict["reasons"]]


def test_each_entry_is_judged_in_its_own_unit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", chat=20_000, tokens=6_000, units=6_000, auto=6_000)
    found = answer(capsys, "--usage", str(usage))
    # chat: 20,000 / 60 = 333 tokens/s; x 1.2 / 98 = 4.1 chunks
    assert (found["chat"]["decision"], found["chat"]["suggested"]["max"]) == ("up", 5)
    assert found["chat"]["target"]["tokens_per_second"] == pytest.approx(20_000 / 60, abs=0.001)
    # tokens: 100 tokens/s is one chunk; from four, 30% are one: 4 x 0.7 = 2.8
    assert (found["tokens"]["decision"], found["tokens"]["suggested"]) == ("down", {"min": 1, "max": 3})
    # units: one step of 50 is enough; from four steps of 50 to three
    assert (found["units"]["now"], found["units"]["suggested"]) == ({"model_units": 200}, {"model_units": 150})
    assert (found["auto"]["decision"], codes(found["auto"])) == ("abstain", ["not-sized-here"])
    assert found["auto"]["target"]["band"] == {"min": 1, "max": 1}
    # three requests of 2,000 tokens in 60 s
    observed = "`demand: {requests_per_second: 0.05, input_tokens: 1500, output_tokens: 500}`"
    assert observed in found["auto"]["reasons"][0]["text"]
    assert found[""]["usage"][0]["rows"] == (10 + 3 * 3) * 8 * DAY


def test_patch_keeps_the_file_s_layout_carries_the_evidence_and_is_taken_by_git(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = write(project / "use.csv", chat=20_000, tokens=6_000, units=6_000)
    assert main(["rightsize", "--usage", str(usage), "--patch", "r.patch"]) == 0
    patch = Path("r.patch").read_text()
    assert "Subject: [PATCH] Right-size chat, tokens, units of local from observed use\n" in patch
    assert "the ceiling is below the 333 tokens/s of percentile 99 of the minutes" in patch
    assert "(step-limit)" in patch
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "models.yaml"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    subprocess.run([*git, "am", "--quiet", "r.patch"], check=True)
    message = subprocess.run([*git, "log", "-1", "--format=%B"], capture_output=True, text=True, check=True).stdout
    assert message.startswith("Right-size chat, tokens, units of local from observed use\n\nObserved use suggests")
    text = Path("models.yaml").read_text()
    # The demand of the chat follows, as the band is all that the use argues for: ten requests in 60 s.
    assert "throughput: {bands: {min: 5, max: 5}}  # a guess" in text
    assert "demand: {requests_per_second: 0.167, input_tokens: 1500, output_tokens: 500}" in text
    assert "tokens_per_second: {min: 980, max: 2940}" in text
    assert "model_units: {want: 150, accept: 100}" in text
    assert "  dev:\n    tokens: {throughput: {tokens_per_second: {max: 1960}}}\n" in text
    capsys.readouterr()
    # The change is in Git: it is not undone, nor made again, before it is seven days old.
    again = answer(capsys, "--usage", str(usage))
    assert [codes(again[name])[0] for name in ("tokens", "units")] == ["recently-changed", "recently-changed"]


def test_bands_of_a_stack_are_changed_where_the_stack_has_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = write(project / "use.csv", tokens=6_000)
    assert main(["rightsize", "tokens", "--stack", "dev", "--usage", str(usage), "--patch", "r.patch"]) == 0
    changed = [line for line in Path("r.patch").read_text().splitlines() if line.startswith(("-    ", "+    "))]
    assert changed == [
        "-    tokens: {throughput: {tokens_per_second: {max: 1960}}}",
        "+    tokens: {throughput: {tokens_per_second: {max: 980}}}",
    ]


def test_entry_that_cannot_be_edited_is_told_with_its_band_and_nothing_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = write(project / "use.csv", chat=20_000, tokens=6_000)
    band = "throughput: {tokens_per_second: {min: 980, max: 3920}}"
    text = Path("models.yaml").read_text().replace(band, "throughput: *t", 1)
    Path("models.yaml").write_text(
        text.replace("models:\n", f"x-t: &t {band.removeprefix('throughput: ')}\nmodels:\n", 1)
    )
    assert main(["rightsize", "--usage", str(usage), "--patch", "r.patch"]) == 2
    assert "no patch was written: write the band of 1 to 3 there by hand" in capsys.readouterr().err
    assert not Path("r.patch").exists()
    assert main(["rightsize", "chat", "--usage", str(usage), "--patch", "r.patch"]) == 0


def test_slow_answers_of_the_gateway_hold_a_band(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["event_time,endpoint_name,status_code,input_tokens,output_tokens,latency_ms,time_to_first_byte_ms"]
    for minute in range(now() - 8 * DAY, now()):
        # One in ten takes 70 s, so that p95 does.
        lines.append(f"{minute * 60_000 + 7_000},tokens,200,1500,500,{70_000 if minute % 10 == 0 else 20_000},900")
    Path("gateway.csv").write_text("\n".join(lines) + "\n")
    text = Path("models.yaml").read_text()
    demand = "demand: {requests_per_second: 9, input_tokens: 10, output_tokens: 10, latency_seconds: 60}"
    Path("models.yaml").write_text(text.replace("max: 3920}}}", f"max: 3920}}}}, {demand}}}", 1))
    assert main(["rightsize", "tokens", "--usage", "gateway.csv"]) == 0
    out = capsys.readouterr().out
    assert "the observed latency is 70.00 s at p95, 60 s is wanted (slow)" in out
    assert "latency  70.00 s at p95, to the first byte 0.90 s" in out
    assert "rows of system.ai_gateway.usage" in out


@pytest.mark.parametrize(("every", "decision"), [(19, "hold"), (20, "down")])
def test_failed_requests_hold_a_band(
    project: Path, capsys: pytest.CaptureFixture[str], every: int, decision: str
) -> None:
    usage = write(project / "use.csv", status=lambda minute: 500 if minute % every == 0 else 200, tokens=6_000)
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert (found["decision"], "failures" in codes(found)) == (decision, decision == "hold")


def test_nothing_to_change_is_an_empty_patch(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", days=2, chat=6_000)
    assert main(["rightsize", "chat", "--usage", str(usage), "--patch", "r.patch"]) == 0
    assert Path("r.patch").read_text() == ""
    assert "2.0 of the 7 days required (short-window)" in capsys.readouterr().out


def test_thresholds_are_those_of_the_stack_s_policy(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", days=2, tokens=6_000)
    (project / "stacks" / "policies.local.json").write_text('{"observed-use": {"minimum_days": 2}}')
    # Two days are evidence now, but not the seven that a step down needs.
    assert codes(answer(capsys, "tokens", "--usage", str(usage))["tokens"]) == ["not-long-enough", "above-use"]


def test_measured_use_is_read_by_the_policy_and_by_rollouts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bandplan.policies.document import read_document
    from bandplan.policies.measurement import read_measurements
    from bandplan.serving.throughput.measured_use import read_measured_use

    usage = write(project / "use.csv", status=lambda minute: 503 if minute % 10 == 0 else 200, tokens=6_000)
    old = {"version": 1, "measurements": [{"endpoint": "x", "percentile": 99, "tokens_per_second": 1, "samples": 1,
                                           "from": "2026-01-01", "to": "2026-01-02"}]}  # fmt: skip
    Path("m.json").write_text(json.dumps(old))
    assert main(["rightsize", "--usage", str(usage), "--measurements", "m.json"]) == 0
    measured, problem = read_measurements(read_document(project, "m.json"))
    assert problem == ""
    assert measured.keys() == {"tokens", "x"}
    assert (measured["tokens"].tokens_per_second, measured["tokens"].samples) == (
        100,
        8 * DAY,
    )
    assert measured["tokens"].source == "system.serving.endpoint_usage, minutes"
    served = read_measured_use(Path("m.json").read_text(), "m.json")["tokens"]["tokens-1"]
    assert (served.requests, served.errors, served.ttft_seconds) == (180, 18, None)


def test_first_commit_holds_a_band_up_and_hides_no_refusals(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # An adopted fleet: its endpoints ran before, with the bands that were committed today.
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "models.yaml"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "adopt"], check=True)
    found = answer(capsys, "--usage", str(write(project / "use.csv", tokens=6_000)))["tokens"]
    assert (found["decision"], codes(found)) == ("hold", ["recently-changed", "above-use"])
    refused = write(project / "use.csv", status=lambda minute: 429 if minute == now() - DAY else 200, tokens=6_000)
    found = answer(capsys, "--usage", str(refused))["tokens"]
    assert (found["decision"], codes(found)) == ("up", ["refusals"])


def test_refusals_raise_the_band_once_and_not_again_after_it_was_raised(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = write(project / "use.csv", status=lambda minute: 429 if minute % 1000 == 0 else 200, tokens=6_000)
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert (found["decision"], codes(found), found["suggested"]) == ("up", ["refusals"], {"min": 1, "max": 5})
    # Taken by hand, outside of Git: the trail says when it was suggested.
    text = Path("models.yaml").read_text()
    Path("models.yaml").write_text(text.replace("max: 3920", "max: 4900"))
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert (found["decision"], codes(found)) == ("hold", ["recently-changed", "above-use"])


def test_trail_has_every_decision_of_every_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", chat=20_000)
    for _ in range(2):
        answer(capsys, "--usage", str(usage))
    lines = [json.loads(line) for line in Path(".bandplan/rightsize/local.jsonl").read_text().splitlines()]
    assert [(line["endpoint"], line["decision"]) for line in lines] == 2 * [
        ("chat", "up"), ("tokens", "abstain"), ("units", "abstain"), ("auto", "abstain")
    ]  # fmt: skip
    assert lines[0]["reasons"] == ["ceiling-below-use", "floor-below-use"]
    assert Path(".bandplan/rightsize/local.jsonl").stat().st_mode & 0o077 == 0


def test_export_tells_gaps_and_missing_rows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", tokens=6_000)
    store = UseStore(project / ".bandplan" / "use.db")
    for minute in range(now() - 200, now()):
        store.add("local", minute, {"tokens": Scrape(6)})
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert (found["decision"], codes(found)) == ("abstain", ["rows-missing"])
    assert found["window"]["coverage_percent"] == pytest.approx(50, abs=1)


def test_exports_that_overlap_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", tokens=6_000)
    head, *rows = usage.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("first.csv", rows[: len(rows) // 2]), ("second.csv", rows[len(rows) // 2 :])):
        (project / name).write_text(head + "".join(part), encoding="utf-8")
    whole = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert answer(capsys, "tokens", "--usage", "first.csv", "--usage", "second.csv")["tokens"] == whole
    said = refused(capsys, "--usage", "second.csv", "--usage", str(usage))
    assert "use.csv: has rows of another --usage file again: each request would count twice; leave one out" in said


def test_waiver_and_least_ceiling_hold_a_band(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", tokens=6_000, chat=2_000)
    text = Path("models.yaml").read_text()
    waiver = "waivers: [{policy: observed-use, reason: fair, owner: ana@example.com, expires: 2099-01-01}]"
    text = text.replace("max: 3920}}}", "max: 3920}}, never_below: {tokens_per_second: 3920}}")
    Path("models.yaml").write_text(text.replace("  # a guess", f"\n    {waiver}"))
    found = answer(capsys, "tokens", "chat", "--usage", str(usage))
    assert codes(found["tokens"]) == ["never-below", "above-use"]
    assert codes(found["chat"]) == ["waiver", "above-use"]
    assert found["chat"]["reasons"][0]["text"] == "observed-use is waived until 2099-01-01 by ana@example.com: fair"


def test_target_that_no_band_keeps_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", chat=2000)
    text = Path("models.yaml").read_text().replace("output_tokens: 10}}\n  - {", "output_tokens: 10}}\n  - {")
    Path("models.yaml").write_text(text.replace("output_tokens: 10}\n", "output_tokens: 10, latency_seconds: 2}\n", 1))
    found = answer(capsys, "chat", "--usage", str(usage))["chat"]
    assert (found["decision"], codes(found)) == ("abstain", ["no-capacity"])
    assert "no capacity fixes this" in found["reasons"][0]["text"]


def test_demand_with_a_latency_target_gets_all_that_the_planner_needs(project: Path) -> None:
    usage = write(project / "use.csv", tokens=6_000)
    text = Path("models.yaml").read_text()
    demand = "demand: {requests_per_second: 9, input_tokens: 10, output_tokens: 10, latency_seconds: 60}"
    Path("models.yaml").write_text(text.replace("max: 3920}}}", f"max: 1960}}}}, {demand}}}", 1))
    assert main(["rightsize", "tokens", "--usage", str(usage), "--patch", "r.patch"]) == 0
    changed = "".join(line for line in Path("r.patch").read_text().splitlines() if line.startswith("+    "))
    # Three requests in each minute: on average 0.05 in a second, and no more at the peak; all in one second, a burst.
    assert "max: 980}" in changed
    assert "requests_per_second: 0.05, input_tokens: 1500, output_tokens: 500, latency_seconds: 60" in changed
    assert changed.endswith("peak_factor: 1, spread_percent: 0, arrivals: bursty}}")


def test_floor_of_a_declared_demand_is_left_to_the_policy_until_the_demand_is_replaced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = write(project / "use.csv", tokens=6_000)
    (project / "policies").mkdir()
    (project / "policies" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    text = Path("models.yaml").read_text()
    # 2 x 1,470 = 2,940 tokens/s, of which a floor has to hold half: 1.5, so two chunks.
    demand = "demand: {requests_per_second: 2, input_tokens: 1000, output_tokens: 470}"
    Path("models.yaml").write_text(text.replace("min: 980, max: 3920}}}", f"min: 1960, max: 3920}}}}, {demand}}}", 1))
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    assert codes(found) == ["above-use", "declared-demand", "step-limit"]
    assert found["suggested"] == {"min": 2, "max": 3}


def test_measured_curve_takes_the_place_of_published_figures(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", days=1, tokens=60_000)
    Path("curve.json").write_text(json.dumps(curve((1500, 500))))
    found = answer(capsys, "tokens", "--usage", str(usage))["tokens"]
    # 60,000 / 60 = 1,000 tokens/s: x 1.2 / 980 = 1.2 chunks.
    assert (found["source"], found["target"]["band"]["max"]) == ("published", 2)
    measured = ("--curve", "tokens=curve.json", "--curve-capacity", "tokens=4")
    found = answer(capsys, "tokens", "--usage", str(usage), *measured)["tokens"]
    # The curve: 16 / (0.028 + 0.003 x 16 / 4) = 400 output tokens/s of four chunks; 1,000 x 500 / 2,000 = 250 take 2.5.
    assert (found["source"], found["target"]["band"]["max"]) == ("curve", 3)
    assert main(["rightsize", "tokens", "--usage", str(usage), *measured]) == 0
    assert "  from     measured curve, with the law fitted to it" in capsys.readouterr().out
    Path("curve.json").write_text(json.dumps(curve((2048, 256))))
    found = answer(capsys, "tokens", "--usage", str(usage), *measured)["tokens"]
    assert codes(found)[0] == "not-sized-here"
    assert "one shape says nothing about 1500/500" in found["reasons"][0]["text"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--patch", "models.yaml"), "--patch models.yaml: is the models file too"),
        (("--measurements", "use.csv"), "--measurements use.csv: is --usage too"),
        (("--patch", "a", "--trail", "./a"), "--trail a: is --patch too"),
    ],
)
def test_file_that_is_read_is_not_written(
    project: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    usage = write(project / "use.csv", days=0.01)
    before = (Path("models.yaml").read_bytes(), usage.read_bytes())
    assert main(["rightsize", "--usage", "use.csv", *options]) == 2
    assert told in capsys.readouterr().err
    assert (Path("models.yaml").read_bytes(), usage.read_bytes()) == before


def test_query_names_the_entries(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rightsize", "--sql", "--days", "30"]) == 0
    out = capsys.readouterr().out
    assert "IN ('chat', 'tokens', 'units', 'auto')" in out
    assert "INTERVAL 31 DAYS" in out
    assert "workspace_id =" not in out
    assert main(["rightsize", "chat", "--sql", "gateway"]) == 0
    assert "system.ai_gateway.usage" in capsys.readouterr().out
    for table, column in (("endpoint", "u.workspace_id"), ("gateway", "workspace_id")):
        assert main(["rightsize", "--sql", table, "--workspace-id", "123"]) == 0
        assert f"\n  AND {column} = '123'" in capsys.readouterr().out
    assert refused(capsys, "--sql", "--workspace-id", "1' OR '1'='1").count("must be digits alone") == 1


def test_rows_of_several_workspaces_are_not_mixed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", days=1, tokens=6_000)
    header, *rows = usage.read_text().splitlines()
    lines = [f"{header},workspace_id", *(f"{row},{111 + index % 2}" for index, row in enumerate(rows))]
    usage.write_text("\n".join(lines) + "\n")
    told = refused(capsys, "--usage", "use.csv")
    assert "--usage: tokens has rows of the workspaces 111, 112\n" in told
    assert "add --workspace-id ID" in told
    found = answer(capsys, "tokens", "--usage", "use.csv", "--workspace-id", "112")["tokens"]
    # Of three requests in each of 1,440 minutes, every second one.
    assert found["window"]["requests"] == 3 * 1440 // 2
    plain = write(project / "plain.csv", days=0.1, tokens=6_000)
    assert "do not say of which workspace they are" in refused(capsys, "--usage", str(plain), "--workspace-id", "111")


def test_text_names_rows_of_other_endpoints(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", days=0.01, other=2000)
    assert main(["rightsize", "--usage", str(usage)]) == 0
    out = capsys.readouterr().out
    assert "rows of other endpoints: other (14)" in out
    assert "chat: abstain: the usage file has no request of it (no-data)" in out


def test_file_without_rows_asks_the_obvious(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rightsize", "--usage", str(write(project / "use.csv"))]) == 0
    assert "no rows of system.serving.endpoint_usage; check that usage tracking is on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("chatt",), "models.yaml: has no entry chatt; did you mean chat?"),
        (("xyz",), "models.yaml: has no entry xyz; name one of these: chat, tokens, units, auto"),
        (("--usage", "none.csv"), "none.csv: cannot be read: No such file or directory"),
        (("--usage", "models.yaml"), "models.yaml:1: the columns are # The fleet.; a usage file has those of"),
        (("--usage", "a.csv", "--usage", "b.csv"), "the same requests may be in both; give one table"),
        (("--usage", "bad.csv"), "bad.csv:2: input_token_count: '-5' is not a number of tokens"),
        (("--measurements", "bad.csv"), "bad.csv: cannot be added to: it is not JSON; name another file"),
        (("--patch", "none/r.patch"), "--patch none/r.patch: cannot be written"),
        (("--trail", "none/t.jsonl"), "none/t.jsonl: cannot be written"),
        (("--curve", "curve.json"), "--curve curve.json: must be ENTRY=FILE; write such as --curve chat=FILE"),
        (("--curve", "chatt=x", "--curve-capacity", "chat=0"), "--curve chatt: no such entry; did you mean chat?"),
        (("--curve", "chat=x"), "--curve chat: add --curve-capacity chat=N, the chunks or model units that ran"),
        (
            ("--curve-capacity", "chat=2"),
            "--curve-capacity chat: says how much a curve measured; add --curve chat=FILE",
        ),
        (("--curve", "chat=none.json", "--curve-capacity", "chat=2"), "none.json: cannot be read"),
        (("--percentile", "101"), "must be a number from 50, up to 100"),
        (("--days", "0"), "must be an integer from 1 to 60"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], told: str
) -> None:
    write(project / "a.csv", days=0.01, chat=2000)
    (project / "b.csv").write_text("event_time,endpoint_name,status_code,input_tokens,output_tokens\n")
    header = (project / "a.csv").read_text().splitlines()[0]
    (project / "bad.csv").write_text(f"{header}\n2026-01-01T00:00:00Z,chat,c,200,-5,1,\n")
    before = {path.name for path in project.iterdir()}
    try:
        status = main(["rightsize", *argv])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2
    assert told in capsys.readouterr().err
    assert {path.name for path in project.iterdir()} == before


@pytest.mark.parametrize(
    "argv",
    [
        ("--patch", "r.patch", "--measurements", "none/m.json"),
        ("--patch", "r.patch", "--measurements", "stacks"),
        ("--patch", "r.patch", "--measurements", "other.json"),
        ("--patch", "r.patch", "--measurements", "m.json", "--trail", "none/t.jsonl"),
    ],
)
def test_file_that_cannot_be_written_leaves_no_other_one_and_no_line_in_the_trail(
    project: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    usage = write(project / "use.csv", chat=20_000)
    Path("r.patch").write_text("the last one\n")
    Path("other.json").write_text("[]")
    before = {path.name for path in project.iterdir()}
    assert main(["rightsize", "chat", "--usage", str(usage), *argv]) == 2
    assert "; name a" in capsys.readouterr().err
    assert Path("r.patch").read_text() == "the last one\n"
    assert {path.name for path in project.iterdir()} == before
    assert not Path(".bandplan/rightsize/local.jsonl").exists()


def test_files_keep_their_permissions_and_links(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", chat=20_000)
    Path("real.patch").write_text("")
    Path("real.patch").chmod(0o640)
    Path("r.patch").symlink_to("real.patch")
    assert main(["rightsize", "chat", "--usage", str(usage), "--patch", "r.patch", "--trail", "t.jsonl"]) == 0
    assert "written: r.patch, t.jsonl" in capsys.readouterr().err
    assert Path("r.patch").is_symlink() and "Right-size chat" in Path("real.patch").read_text()
    assert Path("real.patch").stat().st_mode & 0o777 == 0o640


def test_markdown_has_a_table_and_texts_of_others_as_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = write(project / "use.csv", chat=2_000)
    text = Path("models.yaml").read_text()
    waiver = 'waivers: [{policy: observed-use, reason: "``` <b>fair</b>", owner: a, expires: 2099-01-01}]'
    Path("models.yaml").write_text(text.replace("  # a guess", f"\n    {waiver}"))
    assert main(["rightsize", "chat", "--usage", str(usage), "--markdown"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("**local**: no band changes, 1 endpoint looked at.\n\n| endpoint | now |")
    assert "| chat | 1 to 2 | 1 to 1 | 1 to 1 | 1 to 1 | hold |" in out
    # The fence of the evidence is the only one.
    assert out.count("```") == 2
    assert out.index("```text") < out.index("<b>fair</b>") < out.rindex("```")


def test_rows_of_a_volume_are_read_through_the_workspace(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = write(project / "use.csv", days=0.01, chat=2_000).read_bytes()
    workspace = FakeWorkspace()
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    found = {
        "/api/2.0/fs/files/Volumes/a/b/c/use.csv": Reply(body=content),
        "/api/2.0/fs/directories/Volumes/a/b/d": Reply(),
    }
    missing = Reply(404, {"error_code": "NOT_FOUND", "message": "no such path"})
    workspace.answer = lambda seen: found.get(seen.path, missing)
    try:
        shown = answer(capsys, "chat", "--stack", "dev", "--usage", "/Volumes/a/b/c/use.csv")
        assert shown[""]["usage"][0]["rows"] == 14
        for path, told in (
            ("/Volumes/a/b/d", "/Volumes/a/b/d: has no .csv file; write the rows there as CSV with a header"),
            ("/Volumes/a/b/none", "/Volumes/a/b/none: the workspace has no such file or folder"),
            ("/Volumes/a/b/c/use.parquet", "only CSV is read from a volume"),
        ):
            assert main(["rightsize", "chat", "--stack", "dev", "--usage", path]) == 2
            assert told in capsys.readouterr().err
    finally:
        workspace.close()


SPLIT = f"""\
version: 1
models:
  - name: split
    task: llm/v1/chat
    demand: {{requests_per_second: 9, input_tokens: 10, output_tokens: 10}}
    entities:
      - {{name: now, model: {LLAMA}, version: "1", throughput: {{bands: {{min: 1, max: 1}}}}, traffic_percent: 75}}  # main
      - {{name: next, model: {LLAMA}, version: "1", throughput: {{bands: {{min: 1, max: 2}}}}, traffic_percent: 25}}
"""


def served(path: Path, **per_minute: int) -> Path:
    """Eight days of requests of 2,000 tokens, so many a minute for each served entity of `split`."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        columns = ("request_time", "endpoint_name", "served_entity_name", "status_code")
        out.writerow((*columns, "input_token_count", "output_token_count"))
        for minute in range(now() - 8 * DAY, now()):
            for name, requests in per_minute.items():
                out.writerows([(60 * minute + 30.5, "split", name, 200, 1500, 500)] * requests)
    return path


def test_entities_of_an_endpoint_are_judged_by_their_own_rows(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models.yaml").write_text(SPLIT)
    usage = served(project / "use.csv", now=60, next=1)
    found = answer(capsys, "--usage", str(usage), "--patch", "r.patch", "--measurements", "m.json")
    assert found["split"]["decision"] == "abstain"
    # 60 x 2,000 / 60 s = 2,000 tokens/s, x 1.2 / 980 = 2.4 chunks.
    assert found["split/now"]["target"]["band"]["max"] == 3
    assert found["split/now"]["decision"] == "up"
    # 33 tokens/s are one chunk.
    assert found["split/next"]["suggested"] == {"min": 1, "max": 1}
    patch = Path("r.patch").read_text()
    assert "max: 3}}, traffic_percent: 75}  # main" in patch
    assert "+      - {name: next" in patch
    assert "demand" not in "".join(line for line in patch.splitlines() if line.startswith("+"))
    measured = json.loads(Path("m.json").read_text())["endpoints"]
    assert list(measured) == ["split"]
    assert sorted(measured["split"]["entities"]) == ["next", "now"]
    assert measured["split"]["use"]["tokens_per_second"] == pytest.approx(61 * 2000 / 60, rel=0.001)


def test_rows_without_served_names_say_nothing_about_entities(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models.yaml").write_text(SPLIT)
    found = answer(capsys, "--usage", str(served(project / "use.csv", now=1)))
    assert found["split/next"]["reasons"][0]["text"] == "the rows name other served entities: now"
    usage = write(project / "plain.csv", split=2000)
    usage.write_text(usage.read_text().replace(",split-1,", ",,"))
    found = answer(capsys, "--usage", str(usage))
    assert found["split/now"]["reasons"][0]["text"].startswith("no row has served_entity_name")
