"""Findings as annotations of a GitHub Actions job and as SARIF, from the commands that judge a models file."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.cli.annotations.annotation import Annotation, in_repository, repository_of
from bandplan.cli.annotations.github import left_out, workflow_commands
from bandplan.cli.annotations.sarif import sarif
from bandplan.cli.main import main
from bandplan.embedded.terminal import Door, tell_runner
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache
from tests.unhurried import UNHURRIED

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text())
MODELS = """\
version: 1
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 2, max: 6}}
    demand: {requests_per_second: 1, input_tokens: 2048, output_tokens: 256}
"""
WRONG = MODELS.replace("min: 2, max: 6", "min: 3, max: 2")
FINDING = Annotation("error", "S8-order", "models.yaml", 7, 39, "models/support-chat", "max 2 is less than min 3")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, whose stack local forbids over-provisioning."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / ".git").mkdir()
    root = tmp_path / "fleet"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (root / "models.yaml").write_text(MODELS)
    configuration = {"all": "disabled", "over-provisioned": "mandatory"}
    (root / "stacks" / "policies.local.json").write_text(json.dumps(configuration))
    answers = {ModelVersion("system.ai.llama_v3_3_70b_instruct", "1"): OptimizationInfo(True, "llama", 980)}
    Cache(root / ".bandplan" / "optimization-info").record("https://example.com", answers)
    monkeypatch.chdir(root)
    return root


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def results(document: dict[str, Any]) -> list[dict[str, Any]]:
    jsonschema.Draft4Validator(SCHEMA).validate(document)
    (run,) = document["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return list(run["results"])


def test_problem_is_annotated_at_its_line_after_the_text(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(WRONG)
    assert main(["validate", "--offline", "--format", "github"]) == 2
    text, summary, command = capsys.readouterr().out.splitlines()
    assert text.startswith("models.yaml:7:") and "1 error" in summary
    assert re.match(
        r"::error file=fleet/models\.yaml,line=7,col=\d+,title=bandplan S8-order::models/support-chat", command
    )


def test_policies_are_annotated_at_the_entry_of_their_endpoint(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "test", "--format", "github"]) == 1
    (command,) = commands(capsys.readouterr().out)
    assert command.startswith(
        "::error file=fleet/models.yaml,line=3,col=5,title=bandplan over-provisioned::support-chat"
    )
    assert "%0A" in command and "write bands: {min: 2, max: 3}" in command


def test_check_annotates_what_several_stacks_share_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(WRONG)
    for stack in ("dev", "prod"):
        (project / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    assert main(["check", "--format", "github"]) == 1
    told = capsys.readouterr().out
    assert told.count("error S8-order") == 1 and told.count("as above") == 2
    assert len(commands(told)) == 1


@UNHURRIED
@given(st.text(), st.text(), st.text())
def test_texts_of_others_stay_inside_their_command(subject: str, message: str, file: str) -> None:
    """The runner reads `::error PROPERTIES::DATA` line by line; what it reads back is what was meant."""
    (command,) = workflow_commands([Annotation("error", "S8-order", file, 7, 39, subject, message)])
    assert "\n" not in command and "\r" not in command and len(command.splitlines()) == 1
    found = re.fullmatch(r"::error file=([^:,]*),line=7,col=39,title=bandplan S8-order::(.*)", command)
    assert found
    if (subject + message + file).isprintable():
        assert unquote(found[1]) == file
        assert found[2].replace("%0A", "\n").replace("%25", "%") == (f"{subject}: {message}" if subject else message)


def test_only_commands_of_our_own_pass_the_door(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(sys, "stdout", Door(sys.stdout))
    hostile = "x\n::error::owned\n##[error]owned"
    print(hostile)
    for command in workflow_commands([Annotation("warning", "yaml", "models.yaml", 1, 1, hostile, hostile)]):
        tell_runner(command)
    told = capsys.readouterr().out
    assert len(commands(told)) == 1 and "##[" not in told
    with pytest.raises(ValueError, match="not one command"):
        tell_runner("::error::x\n::error::y")


def test_models_file_cannot_inject_a_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    key = '    "::warning file=x::owned\\n::error::owned": 3\n'
    (project / "models.yaml").write_text(MODELS + key)
    assert main(["validate", "--offline", "--format", "github"]) == 2
    (command,) = commands(capsys.readouterr().out)
    assert command.startswith("::error file=fleet/models.yaml,line=9,col=5,title=bandplan unknown-key::")


def test_more_than_github_shows_is_said() -> None:
    many = [FINDING] * 12 + [Annotation("warning", "floor-zero", "models.yaml", 1, 1, "", "x")] * 11
    shown = list(workflow_commands(many))
    assert [sum(command.startswith(f"::{level}") for command in shown) for level in ("error", "warning")] == [10, 10]
    assert left_out(many) == (
        "GitHub shows 10 annotations of each level in a step: 2 more errors and 1 more warning are in this log only"
    )
    assert left_out(many[:10]) == ""


def test_sarif_has_rule_place_and_message(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(WRONG)
    assert main(["validate", "--offline", "--format", "sarif"]) == 2
    told = capsys.readouterr()
    document = json.loads(told.out)
    (result,) = results(document)
    assert "models.yaml:7:" in told.err
    assert (result["ruleId"], result["level"]) == ("S8-order", "error")
    assert result["message"]["text"].startswith("models/support-chat/throughput/bands/max: max 2 is less than min 3")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "fleet/models.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 7
    assert document["runs"][0]["automationDetails"]["id"] == "bandplan/validate/local/"
    (rule,) = document["runs"][0]["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == "max is at least min, and more than 0"
    assert "`bandplan explain S8-order`" in rule["help"]["text"]


def test_sarif_beside_the_text_and_of_policies(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", "--sarif", "found.sarif"]) == 1
    assert "over-provisioned" in capsys.readouterr().out
    (result,) = results(json.loads((project / "found.sarif").read_text()))
    assert (result["ruleId"], result["level"]) == ("over-provisioned", "error")
    assert sorted(path.name for path in project.iterdir() if "sarif" in path.name) == ["found.sarif"]


def test_sarif_that_cannot_be_written_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--sarif", "missing/found.sarif"]) == 1
    assert "error: --sarif missing/found.sarif: cannot be written" in capsys.readouterr().err


def test_unreachable_workspace_is_no_clean_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    (project / "models.yaml").write_text(MODELS.replace('version: "1"', 'version: "2"'))
    (project / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    assert main(["validate", "--stack", "dev", "--format", "sarif"]) != 0
    document = json.loads(capsys.readouterr().out)
    (invocation,) = document["runs"][0]["invocations"]
    assert results(document) == [] and invocation["executionSuccessful"] is False
    assert "throughput was not checked" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_fingerprint_stays_while_lines_and_figures_change_and_tells_findings_apart() -> None:
    moved = Annotation("error", "S8-order", "models.yaml", 90, 1, "models/support-chat", "max 3 is less than min 9")
    other = Annotation("error", "S8-order", "models.yaml", 7, 39, "models/other", "max 2 is less than min 3")

    def fingerprints(*found: Annotation) -> list[str]:
        document = sarif(found, {}, "validate/local", "1.2.3")
        return [next(iter(one["partialFingerprints"].values())) for one in results(document)]

    assert fingerprints(FINDING) == fingerprints(moved)
    assert len(set(fingerprints(FINDING, moved, other))) == 3


def test_text_of_others_is_no_link() -> None:
    link = Annotation("error", "yaml", "models.yaml", 1, 1, "", "[click](https://example.com)")
    (result,) = results(sarif([link], {}, "check", "1.2.3"))
    assert result["message"]["text"] == "[click] (https://example.com)"


def test_paths_are_those_of_the_repository(tmp_path: Path) -> None:
    project = tmp_path / "a b" / "fleet"
    project.mkdir(parents=True)
    assert repository_of(project, {}) == project
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert in_repository(project / "models.yaml", project, {}) == "a b/fleet/models.yaml"
    checkout = {"GITHUB_WORKSPACE": str(tmp_path / "a b")}
    assert in_repository(project / "models.yaml", project, checkout) == "fleet/models.yaml"
    found = Annotation("error", "yaml", "a b/fleet/models.yaml", 1, 1, "", "x")
    (result,) = results(sarif([found], {}, "check", "1.2.3"))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/fleet/models.yaml"
