"""`bandplan validate` as a user calls it, with recorded optimization info: no workspace is needed."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import main
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

ENTRY = """\
version: 1
models:
  - name: triage-chat
    task: llm/v1/chat
    model: system.ai.meta_llama_v3_1_8b_instruct
    version: "2"
    throughput: {tokens_per_second: {min: 970, max: MAX}}
overrides:
  dev: {triage-chat: {throughput: {tokens_per_second: {min: 0, max: 970}}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project where chunk size 970 is recorded for the model of ENTRY."""
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    info = OptimizationInfo(optimizable=True, model_type="llama", throughput_chunk_size=970)
    version = ModelVersion("system.ai.meta_llama_v3_1_8b_instruct", "2")
    Cache(tmp_path / ".bandplan" / "optimization-info").record("http://127.0.0.1:1", {version: info})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, text: str) -> None:
    (project / "models.yaml").write_text(text)


def test_good_file_is_exit_status_0_with_a_summary(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, ENTRY.replace("MAX", "1940"))
    assert main(["validate", "--offline"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "models.yaml (stack local): 1 endpoint, 0 errors, 0 warnings\n"
    assert shown.err == ""


def test_s8_band_that_is_not_whole_chunks_is_exit_status_2_with_its_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1500"))
    assert main(["validate", "--offline"]) == 2
    line, summary = capsys.readouterr().out.splitlines()
    assert summary == "models.yaml (stack local): 1 endpoint, 1 error, 0 warnings"
    # 1500 / 970 = 1.5...: one chunk is 970, two are 1940
    assert line.startswith("models.yaml:7:")
    assert "1500" in line
    assert "1940" in line


def test_errors_of_the_file_and_of_the_platform_come_in_one_go(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = "  - {name: other, task: llm/v1/chatt, model: system.ai.m, version: '1', throughput: {bands: {min: 1, max: 1}}}\n"
    write(project, ENTRY.replace("MAX", "1500").replace("overrides:", second + "overrides:"))
    assert main(["validate", "--offline"]) == 2
    shown = capsys.readouterr()
    assert "llm/v1/chatt" in shown.out
    assert "1500" in shown.out
    assert "Traceback" not in shown.err


def test_override_of_the_stack_is_what_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, ENTRY.replace("MAX", "1940"))
    assert main(["validate", "--offline", "--show", "--stack", "dev"]) == 0
    shown = capsys.readouterr().out
    assert "max: 970" in shown
    assert "1940" not in shown


def test_model_that_was_never_asked_about_is_an_error_offline(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1940").replace('version: "2"', 'version: "9"'))
    assert main(["validate", "--offline"]) == 2
    assert "without --offline" in capsys.readouterr().out


def test_missing_file_is_a_problem_and_no_traceback(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--offline"]) == 2
    assert "models.yaml" in capsys.readouterr().out


def test_other_stack_without_a_workspace_still_gets_the_problems_of_the_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    write(project, ENTRY.replace("MAX", "1940") + "  prod: {triage: {description: no such entry}}\n")
    assert main(["validate", "--stack", "prod"]) == 2
    shown = capsys.readouterr()
    assert "triage" in shown.out
    assert "DATABRICKS_HOST" in shown.err


def test_unknown_stack_is_refused_with_the_name_that_was_meant(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1940"))
    (project / "stacks").mkdir()
    (project / "stacks" / "Pulumi.production.yaml").write_text("config: {}\n")

    assert main(["validate", "--offline", "--stack", "producton"]) == 2

    assert "--stack producton: no such stack" in capsys.readouterr().err


def test_waiver_takes_a_warning_away_until_its_date(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zero_floor = ENTRY.replace("{min: 970, max: MAX}", "{min: 0, max: 970}").split("overrides:")[0]
    waiver = "    waivers: [{policy: floor-zero, reason: nights are idle, owner: ann@example.com, expires: DATE}]\n"

    write(project, zero_floor)
    assert main(["validate", "--offline"]) == 0
    assert "warning floor-zero" in capsys.readouterr().out
    write(project, zero_floor + waiver.replace("DATE", "2999-01-01"))
    assert main(["validate", "--offline"]) == 0
    assert capsys.readouterr().out == (
        "models.yaml:7:5: waived floor-zero models/triage-chat/throughput: the band starts at 0; "
        "waived until 2999-01-01 by ann@example.com: nights are idle\n"
        "models.yaml (stack local): 1 endpoint, 0 errors, 0 warnings, 1 waived\n"
    )
    write(project, zero_floor + waiver.replace("DATE", "2020-01-01"))
    assert main(["validate", "--offline"]) == 2
    assert "error waiver-expired" in capsys.readouterr().out


def test_pipe_in_place_of_the_file_is_a_problem_and_is_not_waited_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(project / "pipe")
    assert main(["validate", "--offline", "--models", str(project / "pipe")]) == 2
    assert "is a pipe or a device, not a regular file" in capsys.readouterr().out


def test_very_many_problems_are_counted_and_a_thousand_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = "".join(f"    key{number}: 1\n" for number in range(3000))
    write(project, ENTRY.replace("MAX", "1940").replace("overrides:", keys + "overrides:"))
    assert main(["validate", "--offline"]) == 2
    *shown, last, summary = capsys.readouterr().out.splitlines()
    # 1,000 are listed, and one line stands for the other 2,000 of each of: the entry, and the entry as dev has it,
    # which are the same problems
    assert len(shown) == 1000
    assert "2,000 more problems are not listed (2,000 errors, 0 warnings)" in last
    assert "1 endpoint" not in summary and "3,000 errors, 0 warnings" in summary


def test_large_file_that_is_sound_is_sound_to_the_schema_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = ENTRY.split("models:\n")[1].split("overrides:")[0].replace("MAX", "1940")
    entries = "".join(entry.replace("triage-chat", f"chat-{number}") for number in range(2000))
    write(project, "version: 1\nmodels:\n" + entries)
    assert main(["validate", "--offline"]) == 0
    assert capsys.readouterr().out == "models.yaml (stack local): 2,000 endpoints, 0 errors, 0 warnings\n"


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkspace]:
    """The workspace of the environment, for stacks other than the local one."""
    fake = FakeWorkspace()
    monkeypatch.setenv("DATABRICKS_HOST", fake.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    yield fake
    fake.close()


OTHER = '  - {name: other, task: llm/v1/chat, model: ml.x.other, version: "1", throughput: {bands: {min: 1, max: 2}}}\n'


def test_s5_refusal_for_one_model_leaves_the_others_judged_and_shows_no_token(
    project: Path, workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1500").replace("overrides:", f"{OTHER}overrides:"))
    good = Reply(body={"optimizable": True, "model_type": "llama", "throughput_chunk_size": 970})
    workspace.answer = lambda seen: Reply(403, {"message": f"not with {TOKEN}"}) if "other" in seen.path else good
    assert main(["validate", "--stack", "dev", "--refresh"]) == 2
    of_other, of_triage, _ = capsys.readouterr().out.splitlines()
    assert "warning floor-zero models/triage-chat" in of_triage
    assert of_other.startswith("models.yaml:8:") and "error S5-info models/other/model" in of_other
    assert "not with [redacted]" in of_other and TOKEN not in of_other


def test_record_that_cannot_be_written_is_a_warning_and_one_to_commit_is_an_error(
    project: Path, workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1940"))
    workspace.in_turn(Reply(body={"optimizable": True, "model_type": "llama", "throughput_chunk_size": 970}))
    shutil.rmtree(project / ".bandplan")
    (project / ".bandplan").write_text("a file where the folder should be")
    assert main(["validate", "--stack", "dev"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("warning: optimization info is not recorded in ") and "1 endpoint" in shown.out
    (project / "stacks").write_text("a file where the folder should be")
    assert main(["validate", "--stack", "dev", "--record"]) == 1
    assert "optimization-info.json cannot be written: Not a directory" in capsys.readouterr().err


FOLLOWING = """\
version: 1
models:
  - {name: a, task: llm/v1/chat, model: ml.x.tuned, version: {alias: champion}, throughput: {bands: {min: 1, max: 2}}}
  - {name: b, task: llm/v1/chat, model: ml.x.tuned, version: {alias: rival}, throughput: {bands: {min: 1, max: 2}}}
"""


def test_s4_aliases_are_recorded_to_be_committed_and_read_offline(
    project: Path, workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, FOLLOWING)
    (project / "stacks").mkdir()
    (project / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    numbers = {"champion": 7, "rival": 9}
    chunk = {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}

    def answer(seen: Seen) -> Reply:
        alias = seen.path.rsplit("/", 1)[-1]
        if "/aliases/" in seen.path:
            known = alias in numbers
            return Reply(body={"version": numbers[alias]}) if known else Reply(404, {"message": "no such alias"})
        return Reply(body={"userName": "ann@example.com"} if seen.path.endswith("/Me") else chunk)

    workspace.answer = answer
    assert main(["validate", "--stack", "dev", "--record"]) == 0
    record = json.loads((project / "stacks" / "optimization-info.json").read_text())
    assert record["workspace"] == ""
    assert record["aliases"] == [
        {"model": "ml.x.tuned", "alias": "champion", "version": "7"},
        {"model": "ml.x.tuned", "alias": "rival", "version": "9"},
    ]
    assert ("ml.x.tuned", "7") in [(one["model"], one["version"]) for one in record["answers"]]
    shutil.rmtree(project / ".bandplan")  # as in a fresh clone
    asked = len(workspace.seen)
    capsys.readouterr()
    assert main(["validate", "--stack", "dev", "--offline"]) == 0
    assert capsys.readouterr().err == ""
    assert len(workspace.seen) == asked

    del numbers["rival"]
    assert main(["validate", "--stack", "dev", "--record"]) == 2
    record = json.loads((project / "stacks" / "optimization-info.json").read_text())
    assert [one["alias"] for one in record["aliases"]] == ["champion"]


def test_alias_that_nobody_recorded_is_told_offline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, FOLLOWING)
    assert main(["validate", "--offline"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"not checked because its optimization info is not recorded: ml.x.tuned@{alias} (run `bandplan validate --record`)"
        for alias in ("champion", "rival")
    ]


def test_version_that_is_not_eligible_is_not_recorded_as_one_that_is(
    project: Path, workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, ENTRY.replace("MAX", "1940").replace('"2"', '"9"'))
    (project / "stacks").mkdir()
    workspace.answer = lambda seen: Reply(body={"optimizable": False})
    assert main(["validate", "--stack", "dev", "--record"]) == 2
    record = json.loads((project / "stacks" / "optimization-info.json").read_text())
    assert [one["version"] for one in record["answers"]] == ["2"]
    assert main(["validate", "--stack", "dev", "--offline"]) == 2


def test_override_of_a_mistyped_stack_which_would_do_nothing_is_warned_of_and_can_be_waived(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "stacks").mkdir()
    (project / "stacks" / "Pulumi.prod.yaml").write_text("config: {}\n")
    overrides = "  prd: {triage-chat: {description: x}}\n  feature-7: {triage-chat: {description: x}}\n"
    write(project, ENTRY.replace("MAX", "1940") + overrides)
    assert main(["validate", "--offline"]) == 0
    assert capsys.readouterr().out == (
        "models.yaml:10:3: warning override-stack overrides/prd: no stack is named prd; overrides name a stack of "
        "the project; did you mean prod? Otherwise run `bandplan stack new prd`\n"
        "models.yaml (stack local): 1 endpoint, 0 errors, 1 warning\n"
    )
    waiver = "waivers: [{policy: override-stack, reason: to come, owner: ann@example.com, expires: 2999-01-01}]\n"
    write(project, waiver + ENTRY.replace("MAX", "1940") + overrides)
    assert main(["validate", "--offline"]) == 0
    assert "waived override-stack overrides/prd" in capsys.readouterr().out


def test_planned_band_is_told_with_its_reason_and_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demand = "demand: {requests_per_second: 1, input_tokens: 700, output_tokens: 100, latency_seconds: 4}"
    text = ENTRY.replace("{tokens_per_second: {min: 970, max: MAX}}", f"auto\n    {demand}")
    write(project, text[: text.index("overrides")])
    assert main(["validate", "--offline"]) == 0
    told = capsys.readouterr().out
    assert "models/triage-chat/throughput: auto is " in told
    assert "for 4 s of latency at p95" in told
    assert "from published figures; `bandplan size triage-chat` shows the evidence" in told
    assert (project / ".bandplan" / "sizes.json").exists()
    write(project, text[: text.index("overrides")].replace("latency_seconds: 4", "latency_seconds: 1"))
    assert main(["validate", "--offline"]) == 2
    assert "S35-latency models/triage-chat/demand: no capacity fixes this: one request alone" in capsys.readouterr().out
