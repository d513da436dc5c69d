"""The files of a team's repository, from its answers alone."""

import json
import re
from typing import Any

import pytest
import yaml

from bandplan.cli.workflow_files import Tagged
from bandplan.starter.answers import CI_SYSTEMS, Answers, Ci, Model, NotAnswers, Stack, read_answers
from bandplan.starter.files import File, Release, first_files, generated_files
from bandplan.starter.formats import FORMATS, changed

DEV, PROD = Stack("dev", "https://dev.cloud.databricks.com"), Stack("prod")
RELEASE = Release("0.2.0", ("sha256:aa", "sha256:bb"), "1.0.0", "{}\n")
CHAT = Model("chat", "system.ai.llama_v3_3_70b_instruct", "llm/v1/chat", "bands")
UNITS = Model("units", "system.ai.gpt-oss-20b", "llm/v1/chat", "model_units")


def answers(ci: Ci = "github", stacks: tuple[Stack, ...] = (DEV, PROD), **more: Any) -> Answers:
    return Answers(**{"project": "fleet", "team": "ml", "cloud": "aws", "ci": ci, "stacks": stacks, **more})


def every_file(given: Answers, *models: Model) -> dict[str, File]:
    return {**generated_files(given, RELEASE), **first_files(given, models or (CHAT,))}


@pytest.mark.parametrize("ci", CI_SYSTEMS)
def test_no_place_of_a_template_is_left_open(ci: Ci) -> None:
    for given in (answers(ci), answers(ci, ()), answers(ci, (PROD,), cloud="azure"), answers(ci, cloud="gcp")):
        for path, file in every_file(given).items():
            assert not re.search(r"<<\w+>>", file.text), path
            assert file.text.endswith("\n") and not file.text.endswith("\n\n"), path


@pytest.mark.parametrize("ci", CI_SYSTEMS)
def test_what_machines_read_is_well_formed(ci: Ci) -> None:
    for path, file in every_file(answers(ci), CHAT, UNITS).items():
        if path.endswith((".yaml", ".yml")):
            assert isinstance(yaml.load(file.text, Tagged), dict), path
        elif path.endswith(".json"):
            json.loads(file.text)
        elif path.endswith(".py"):
            compile(file.text, path, "exec")


def test_pulumi_is_not_left_to_choose_a_toolchain() -> None:
    """It would take uv if a folder above has a uv.lock, such as that of a monorepo, and fail without it."""
    files = every_file(answers())
    for path in ("Pulumi.yaml", "policies/PulumiPolicy.yaml"):
        assert yaml.safe_load(files[path].text)["runtime"] == {"name": "python", "options": {"toolchain": "pip"}}, path


def test_each_ci_system_has_its_own_files() -> None:
    on_github = {path for path in every_file(answers("github")) if path.startswith(".git")}
    names = {f".github/workflows/{name}.yml" for name in ("check", "preview", "deploy", "drift", "rightsize")}
    assert on_github == {*names, ".gitignore"}
    assert {path for path in every_file(answers("gitlab")) if path.startswith(".git")} == {
        ".gitlab-ci.yml",
        ".gitignore",
    }
    assert {path for path in every_file(answers("none")) if path.startswith(".git")} == {".gitignore"}


def test_stacks_are_deployed_in_order() -> None:
    text = generated_files(answers("gitlab", (DEV, Stack("test"), PROD)), RELEASE)[".gitlab-ci.yml"].text
    document = yaml.load(text, Tagged)
    assert document["deploy-dev"] == {"extends": ".deploy", "variables": {"STACK": "dev"}}
    assert document["deploy-test"]["needs"] == ["deploy-dev"] and document["deploy-prod"]["needs"] == ["deploy-test"]
    assert document[".stacks"]["parallel"]["matrix"] == [{"STACK": ["dev", "test", "prod"]}]
    github = generated_files(answers(), RELEASE)[".github/workflows/deploy.yml"].text
    assert """vars.BANDPLAN_STACKS || '["dev", "prod"]'""" in github


def test_workspace_of_a_stack_is_in_its_file_if_it_is_known() -> None:
    files = first_files(answers(), [CHAT])
    assert yaml.safe_load(files["stacks/Pulumi.dev.yaml"].text)["config"]["databricks:host"] == DEV.host
    assert "databricks:host" not in yaml.safe_load(files["stacks/Pulumi.prod.yaml"].text)["config"]


def test_policies_stop_production_and_advise_elsewhere() -> None:
    files = first_files(answers(), [CHAT])
    levels = {
        stack: json.loads(files[f"stacks/policies.{stack}.json"].text)["all"] for stack in ("local", "dev", "prod")
    }
    assert levels == {"local": "advisory", "dev": "advisory", "prod": "mandatory"}


def test_requirements_pin_bandplan_and_everything_below_it_with_hashes() -> None:
    text = generated_files(answers(), RELEASE)["requirements.txt"].text
    assert text.splitlines()[1:4] == ["bandplan==0.2.0 \\", "    --hash=sha256:aa \\", "    --hash=sha256:bb"]
    packages = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
    assert {"pulumi", "pydantic", "pip"} <= set(packages) and "mlflow" not in packages
    for block in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in block


def test_requirements_that_register_contain_the_extra() -> None:
    text = generated_files(answers(registers=True), RELEASE)["requirements.txt"].text
    assert "\nbandplan[register]==0.2.0" in text and "\nmlflow==" in text


def test_requirements_have_hashes_everywhere_or_nowhere() -> None:
    """pip refuses a file in which only some requirements have one."""
    text = generated_files(answers(), Release("0.2.0", (), "1.0.0", "{}\n"))["requirements.txt"].text
    assert "--hash" not in text and "\\" not in text
    assert re.search(r"^bandplan==0\.2\.0\nannotated-types==\S+\n", text, re.MULTILINE)


def test_only_the_provider_is_executable_and_only_the_teams_own_files_are_not_generated() -> None:
    files = every_file(answers())
    assert [path for path, file in files.items() if file.is_executable] == ["provider/pulumi-resource-bandplan"]
    own = {path for path, file in files.items() if not file.is_generated}
    assert {"models.yaml", "stacks/Pulumi.dev.yaml", "policies/own/floor_too_high.py"} <= own
    assert not own & {"Pulumi.yaml", "requirements.txt", "README.md", ".github/workflows/preview.yml"}


def test_nothing_of_this_repositorys_sample_is_in_them() -> None:
    for path, file in every_file(answers()).items():
        if path != "schemas/models.schema.json":
            assert not re.search(r"drafting-chat|triage-chat|ml-platform|\bmake [a-z]+-", file.text), path


def test_text_of_a_team_is_data_in_models_yaml() -> None:
    text = first_files(answers(team='a: {b}, "c"'), [CHAT])["models.yaml"].text
    assert yaml.safe_load(text)["defaults"]["tags"]["team"] == "a: {b}, c"


def test_no_first_models_is_an_empty_list() -> None:
    assert yaml.safe_load(first_files(answers(), [])["models.yaml"].text)["models"] == []


def test_answers_are_read_as_they_were_recorded() -> None:
    for ci in CI_SYSTEMS:
        given = answers(ci, registers=True)
        assert read_answers(json.loads(json.dumps(given.as_json()))) == given


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ci": "jenkins"}, "answers.ci: must be one of: github, gitlab, none"),
        ({"stacks": "dev"}, "answers.stacks: must be a list"),
        ({"stacks": [{"name": 1}]}, "answers.name: must be a text"),
        ({"team": None}, "answers.team: must be a text"),
    ],
)
def test_record_of_another_form_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(NotAnswers, match=re.escape(message)):
        read_answers({**json.loads(json.dumps(answers().as_json())), **change})


def test_changed_formats_are_named() -> None:
    assert changed(FORMATS, FORMATS) == []
    assert changed({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "d": 1}) == [
        "b: format 1 becomes 2",
        "d: new, format 1",
        "c: no longer written",
    ]
