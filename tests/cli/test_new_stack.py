"""`bandplan stack new` in what `bandplan init` wrote."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from bandplan.cli.main import main
from bandplan.starter.answers import Answers, Stack

STAGING = "staging=https://staging.cloud.databricks.com"


DEV_AND_PROD = ("--stack", "dev=https://dev.cloud.databricks.com", "--stack", "prod")


def initialised(folder: Path, ci: str, *stacks: str) -> Path:
    """Run `bandplan init` in a folder, without looking for the package in an index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PIP_NO_INDEX", "1")
        assert main(["init", "--yes", "--project", "fleet", "--ci", ci, *stacks]) == 0
    return folder


@pytest.fixture(scope="module", params=["github", "gitlab"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return initialised(tmp_path_factory.mktemp("fleet"), request.param, *DEV_AND_PROD)


@pytest.fixture
def project(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_project_is_as_if_init_had_been_told_of_the_stack(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project / "policies" / "own"
    monkeypatch.chdir(below)
    assert main(["stack", "new", STAGING]) == 0
    ci = "github" if (project / ".github").exists() else "gitlab"
    stacks = (*DEV_AND_PROD[:2], "--stack", STAGING, *DEV_AND_PROD[2:])
    assert texts(project) == texts(initialised(tmp_path_factory.mktemp("whole"), ci, *stacks))


def test_edited_workflow_is_merged_or_its_change_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    is_github = (project / ".github").exists()
    path = project / (".github/workflows/deploy.yml" if is_github else ".gitlab-ci.yml")
    path.write_text("# ours\n" + path.read_text())
    assert main(["stack", "new", "test", "--before", "dev"]) == 0
    said = capsys.readouterr().out
    assert "order of deployment: test, dev, prod" in said and f"changed {path.relative_to(project)}" in said
    assert path.read_text().startswith("# ours\n") and "test" in path.read_text()
    path.write_text(
        path.read_text().replace('["test", "dev", "prod"]', '["prod"]').replace("[test, dev, prod]", "[prod]")
    )
    before = path.read_text()
    assert main(["stack", "new", "last", "--before", "prod"]) == 0
    said = capsys.readouterr().out
    assert f"{path.relative_to(project)}: edited here where the stack belongs, so it is kept; make this change" in said
    assert path.read_text() == before and "last" in said.partition("make this change")[2]
    record = json.loads((project / ".bandplan-init.json").read_text())
    assert [one["name"] for one in record["answers"]["stacks"]] == ["test", "dev", "last", "prod"]


def test_readme_deploys_no_stack_to_the_workspace_of_another(tmp_path: Path) -> None:
    initialised(tmp_path, "none", "--stack", "dev", "--stack", "prod=https://prod.cloud.databricks.com")
    commands = (tmp_path / "README.md").read_text().partition("export DATABRICKS_HOST=")[2]
    assert commands.startswith("https://<workspace>.") and "bandplan up --stack dev" in commands
    assert "https://prod.cloud" not in commands


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:1", "https://x.cloud.databricks.com/"])
def test_workspace_is_reached_encrypted_or_on_this_machine(project: Path, url: str) -> None:
    assert main(["stack", "new", f"x={url}"]) == 0
    configuration = yaml.safe_load((project / "stacks/Pulumi.x.yaml").read_text())["config"]
    assert configuration["databricks:host"] == url.rstrip("/")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dev"], "stacks/Pulumi.dev.yaml is there already"),
        (["local"], "stack local: every project has it"),
        (["a b"], "stack a b: write NAME or NAME=URL"),
        (["x=http:/y"], "the workspace's URL has the form https://HOST"),
        (["x=http://x.cloud.databricks.com"], "the workspace's URL has the form https://HOST"),
        (["x", "--before", "prd"], "--before prd: no such stack"),
    ],
)
def test_wrong_answers_write_nothing(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = texts(project)
    assert main(["stack", "new", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert texts(project) == before


def test_files_of_another_version_are_not_mixed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = project / ".bandplan-init.json"
    record.write_text(record.read_text().replace('"bandplan": "', '"bandplan": "0.0.'))
    before = texts(project)
    assert main(["stack", "new", "test"]) == 2
    assert "`bandplan upgrade --write` first" in capsys.readouterr().err and texts(project) == before


def test_project_that_init_did_not_write_gets_the_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    assert main(["stack", "new", STAGING]) == 0
    assert "name the stack in your workflows" in capsys.readouterr().out
    configuration = yaml.safe_load((tmp_path / "stacks/Pulumi.staging.yaml").read_text())["config"]
    assert configuration["databricks:host"] == "https://staging.cloud.databricks.com"
    assert sorted(texts(tmp_path)) == ["Pulumi.yaml", "stacks/Pulumi.staging.yaml", "stacks/policies.staging.json"]


def test_stack_is_deployed_before_production_unless_it_is_production_itself() -> None:
    answers = Answers("fleet", "ml", "aws", "none", (Stack("dev"), Stack("prod-eu"), Stack("prod-us")))

    def order(name: str, before: str | None = None) -> list[str]:
        return [one.name for one in answers.with_stack(Stack(name), before).stacks]

    assert order("test") == ["dev", "test", "prod-eu", "prod-us"]
    assert order("prod-asia") == ["dev", "prod-eu", "prod-us", "prod-asia"]
    assert order("test", "dev") == ["test", "dev", "prod-eu", "prod-us"]
