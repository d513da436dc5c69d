"""`bandplan policy`: models.yaml alone, judged; and the list of rules."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache

ROOT = Path(__file__).parent.parent.parent
MODELS = """\
version: 1
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 2, max: 6}}
    demand: {requests_per_second: 1, input_tokens: 2048, output_tokens: 256}
overrides:
  dev:
    support-chat: {throughput: {bands: {min: 1, max: 3}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "stacks").mkdir()
    for stack in ("local", "dev"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
        configuration = {"all": "disabled", "over-provisioned": "mandatory"}
        (tmp_path / "stacks" / f"policies.{stack}.json").write_text(json.dumps(configuration))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(project: Path) -> None:
    answers = {ModelVersion("system.ai.llama_v3_3_70b_instruct", "1"): OptimizationInfo(True, "llama", 980)}
    Cache(project / ".bandplan" / "optimization-info").record("https://example.com", answers)


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return list(json.loads(capsys.readouterr().out)["policyEvents"])


def test_stack_without_policies_of_its_own_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(project)
    (project / "stacks" / "policies.dev.json").unlink()
    main(["policy", "test", "--stack", "dev"])
    assert (
        "stacks/policies.dev.json does not exist, so every rule has the policy pack's default level"
        in capsys.readouterr().err
    )
    main(["policy", "test"])
    assert capsys.readouterr().err == ""


def test_stack_that_is_not_there_is_judged_by_no_defaults(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(project)
    assert main(["policy", "test", "--stack", "dve"]) == 2
    told = capsys.readouterr()
    assert "--stack dve: no such stack (stacks: dev, local); did you mean dev?" in told.err
    assert told.out == ""


def test_models_file_is_judged_with_what_is_recorded(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(project)
    assert main(["policy", "test"]) == 1
    shown = capsys.readouterr().out
    assert "❌ bandplan-policies@v" in shown
    assert "in chunks of 980: 3 bands (2,940); write bands: {min: 2, max: 3}" in shown
    assert main(["policy", "test", "--json"]) == 1
    (event,) = events(capsys)
    assert event["resourceUrn"].startswith("urn:pulumi:local::fleet::bandplan:index:Fleet$bandplan:index:Endpoint::")


def test_stack_has_its_own_overrides_and_levels(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(project)
    assert main(["policy", "test", "--stack", "dev"]) == 0
    assert "✅" in capsys.readouterr().out


def test_size_that_is_not_recorded_makes_the_rule_wait_and_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "test", "--json"]) == 0
    told = capsys.readouterr()
    assert (
        "not sized because its optimization info is not recorded on this machine: system.ai.llama_v3_3_70b_instruct version 1"
        in told.err
    )
    (event,) = json.loads(told.out)["policyEvents"]
    assert event["enforcementLevel"] == "advisory" and "\nwaits: " in event["message"]


def test_models_file_that_is_wrong_is_no_matter_for_policies(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text(MODELS.replace("min: 2", "min: -2"))
    assert main(["policy", "test"]) == 2
    problem, judged = capsys.readouterr().out.splitlines()
    assert problem.startswith("models.yaml:7:") and judged == "nothing was judged: models.yaml has errors"
    assert main(["policy", "test", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["policyEvents"] == []
    assert "models.yaml:7:" in document["diagnostics"][0]["message"]


def test_file_without_endpoints_is_not_approved_of(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text("version: 1\nmodels: []\n")
    assert main(["policy", "test"]) == 0
    told = capsys.readouterr().out
    assert "✅" not in told and "nothing was checked" in told


def test_configuration_that_is_wrong_is_told_with_its_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks" / "policies.local.json").write_text('{"over-provisoned": "mandatory"}')
    for command in (["policy", "test"], ["policy", "list"]):
        assert main(command) == 2
        assert "stacks/policies.local.json: over-provisoned: no such rule" in capsys.readouterr().err


def test_list_has_each_rule_with_its_level_in_each_stack(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "list"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["RULE", "DEV", "LOCAL"]
    assert rows[0].split()[:3] == ["over-provisioned", "mandatory", "mandatory"]
    assert len(rows) == 19


def test_project_without_a_pack_is_judged_by_the_rules_that_are_shipped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(project)
    with_pack = main(["policy", "test"]), capsys.readouterr().out
    (project / "policies").unlink()
    without = main(["policy", "test"]), capsys.readouterr().out
    shipped = "(shipped with bandplan: the project has no policies/)"
    assert without == (1, with_pack[1].replace("(local: policies)", shipped)) and with_pack[0] == 1


OWN = """\
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule


def check(endpoint, settings):
    yield Finding(f"{endpoint.name} has {len(endpoint.tags)} tags")


RULE = EndpointRule("counted", "Tags are counted.", "disabled", check)
"""


@pytest.mark.parametrize("kind", ["none", "copy", "entry"])
def test_own_rules_are_judged_beside_the_others(project: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """Whether the project has no pack, a copy of bandplan's, or the short entry that `bandplan init` writes."""
    record(project)
    policies = project / "policies"
    policies.unlink()
    if kind == "copy":
        shutil.copytree(ROOT / "policies", policies)
    if kind == "entry":
        policies.mkdir()
        (policies / "PulumiPolicy.yaml").write_text("runtime: python\n")
        (policies / "__main__.py").write_text("from bandplan.policies.server import serve\n")
    (policies / "own").mkdir(parents=True)
    (policies / "own" / "counted.py").write_text(OWN)
    (project / "stacks" / "policies.local.json").write_text('{"all": "disabled", "counted": "mandatory"}')
    assert main(["policy", "test"]) == 1
    told = capsys.readouterr()
    assert "support-chat has 0 tags" in told.out and "warning" not in told.err
    assert main(["policy", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["counted", "disabled", "mandatory"]
    (project / "policies" / "own" / "counted.py").write_text("import nothing_such\n")
    assert main(["policy", "test"]) == 2
    assert "policies/own/counted.py:1: cannot be imported: ModuleNotFoundError" in capsys.readouterr().err


def test_edited_copy_of_a_shipped_rule_is_named_because_it_is_not_used(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "policies").unlink()
    shutil.copytree(ROOT / "policies", project / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "policies/rules/own_rule.py").write_text(OWN)
    main(["policy", "test"])
    assert (
        "policies/rules/own_rule.py: not used, because the rules are those of the installed" in capsys.readouterr().err
    )


def test_pack_that_is_not_bandplans_own_is_left_to_pulumi(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "policies").unlink()
    (project / "policies").mkdir()
    (project / "policies" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    assert main(["policy", "test"]) == 2
    assert "add --engine pulumi" in capsys.readouterr().err
