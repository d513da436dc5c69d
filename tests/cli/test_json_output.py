import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bandplan.cli.commands.schema import NAMES
from bandplan.cli.examples import EXAMPLES
from bandplan.cli.json_output import all_else_on_stderr, failures_as_documents
from bandplan.cli.main import COMMANDS, command_parser, load_command, main
from bandplan.cli.stack_fleet import WrongModels, refuse
from bandplan.serving.spec.loading import load
from tests.cli.team_project import write_team_project
from tests.output_schema import SCHEMA, require_shape

FOREIGN = ("preview", "policy test", "query", "stub status")
"""Commands whose JSON has a shape of somebody else, or may be null."""

MODELS = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 3, max: 2}}
    tagss: {}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_team_project(tmp_path, MODELS)
    (tmp_path / "stacks" / "policies.prod.json").write_text('{"stack-budget": "advisory"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    """Return the exit status and what was printed, which has a shape of the schema and is all of the output."""
    status = main(argv)
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return status, document


def has_flag(parser: argparse.ArgumentParser) -> bool:
    """Whether the parser takes --json without a value."""
    return any("--json" in action.option_strings and action.nargs == 0 for action in parser._actions)


def with_json() -> list[str]:
    """Every command, or action of one, that takes the flag --json; of `bench` that is `compare`."""
    _, parsers = command_parser()
    found = []
    for name in COMMANDS:
        load_command(name).configure(parsers[name])
        below = [one for one in parsers[name]._actions if isinstance(one, argparse._SubParsersAction) and one.required]
        leaves = {f"{name} {word}": parser for one in below for word, parser in one.choices.items()}
        found += [leaf for leaf, parser in (leaves or {name: parsers[name]}).items() if has_flag(parser)]
    return [{"bench": "bench compare"}.get(name, name) for name in found]


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_has_the_shape_of_every_command_with_json() -> None:
    assert sorted(SCHEMA["$defs"].keys() - {"problem", "failure"}) == sorted(with_json())


@pytest.mark.parametrize("name", sorted(set(SCHEMA["$defs"]) - {"problem", "failure", *FOREIGN}))
def test_shape_has_a_version_and_the_name_of_its_command(name: str) -> None:
    shape = SCHEMA["$defs"][name]
    assert shape["properties"]["command"] == {"const": name}
    assert shape["properties"]["version"] == {"const": 1}
    assert {"version", "command"} <= set(shape["required"])


@pytest.mark.parametrize("name", sorted(set(with_json()) - {"stack ls", "policy list", "version", "bench compare"}))
def test_failure_is_a_document_alone_on_stdout(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown stack for those that have stacks, an option of nobody for `stub status`."""
    monkeypatch.setenv("BANDPLAN_PROFILE", "")  # which the command sets
    words = shlex.split(EXAMPLES[name][0])[1:]
    words = [word for index, word in enumerate(words) if "--stack" not in (word, words[index - 1]) and word != "--json"]
    words += ["--nonsense"] if name == "stub status" else ["--stack", "nonsense"]
    words = [f"{word}@1" if word.startswith("system.ai.") else word for word in words if word != "--follow"]
    try:
        status = main([*words, "--json"])
    except SystemExit as ended:
        status = int(ended.code or 0)
    out = capsys.readouterr().out
    document = json.loads(out)
    if name == "preview":
        require_shape(document, "preview")
        assert "nonsense" in document["diagnostics"][0]["message"]
    else:
        require_shape(document, "failure")
        assert (document["exitStatus"], document["command"].split()[0]) == (status, name.split()[0])
        assert "nonsense" in document["failure"]
    assert status == 2


MISTAKES = {
    "an option of nobody": (["up", "--json", "--stak", "dev"], "did you mean --stack?"),
    "an engine of nobody": (["up", "--json"], "BANDPLAN_ENGINE=x: must be one of"),
    "a command without JSON": (["docs", "--json"], "bandplan docs does not take --json"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_arguments_that_cannot_be_meant_are_a_failure(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv, expected = MISTAKES[name]
    monkeypatch.setenv("BANDPLAN_ENGINE", "x" if "engine" in name else "")
    try:
        status = main(argv)
    except SystemExit as ended:
        status = int(ended.code or 0)
    document = json.loads(capsys.readouterr().out)
    require_shape(document, "failure")
    assert expected in document["failure"]
    assert (status, document["exitStatus"]) == (2, 2)


def test_failure_about_the_models_file_has_its_problems(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongModels):
        refuse("models.yaml", load(Path("models.yaml"), "local").problems)
    error = WrongModels("models.yaml has errors", load(Path("models.yaml"), "local").problems)
    with pytest.raises(WrongModels), failures_as_documents(argparse.Namespace(command="drift")):
        raise error
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert {"unknown-key", "S8-order"} <= {problem["id"] for problem in document["problems"]}
    assert (document["command"], document["exitStatus"]) == ("drift", 2)


def test_command_that_is_stopped_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), failures_as_documents(argparse.Namespace(command="up")):
        raise KeyboardInterrupt
    document = json.loads(capsys.readouterr().out)
    assert (document["failure"], document["exitStatus"]) == ("interrupted", 130)


def test_what_a_process_and_its_children_print_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with all_else_on_stderr():
        print("own")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
    print("document")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("document\n", "own\nchild\n")


def test_versions_have_a_shape(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "version", "--json")
    assert (status, document["packages"]["pulumi"] is not None) == (0, True)


def test_validate_gives_every_problem_in_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "validate", "--offline", "--json")
    assert (status, document["errors"], document["endpoints"]) == (2, len(document["problems"]), None)
    unknown = next(one for one in document["problems"] if one["id"] == "unknown-key")
    assert (unknown["file"], unknown["line"], unknown["path"]) == ("models.yaml", 8, "models/chat/tagss")
    assert unknown["nextStep"] == "did you mean tags?"


def test_validate_of_a_sound_file_counts_its_endpoints(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text("version: 1\nmodels: []\n")
    status, document = printed(capsys, "validate", "--offline", "--json")
    assert (status, document["endpoints"], document["problems"], document["failure"]) == (0, 0, [], None)


def test_problems_are_shown_in_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "--json", "--show"])
    assert "not allowed with argument" in capsys.readouterr().err


def write_state(project: Path, name: str, text: str) -> None:
    path = project / ".bandplan" / "state" / ".pulumi" / "stacks" / "team" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_stacks_are_listed_with_those_that_cannot_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_state(project, "local", '{"version": 3, "checkpoint": {"stack": "organization/team/local", "latest": null}}')
    write_state(project, "other", "{")
    status, document = printed(capsys, "stack", "ls", "--json", "--engine", "embedded")
    nothing = {"lastUpdate": None, "resourceCount": None}
    assert (status, document["stacks"]) == (0, [{"name": "local", **nothing}, {"name": "other", **nothing}])


def test_policies_are_listed_with_their_levels(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "policy", "list", "--json")
    levels = {rule["id"]: rule["levels"] for rule in document["rules"]}
    assert (status, levels["stack-budget"]) == (0, {"prod": "advisory"})


def test_doctor_has_a_shape_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "doctor", "--offline", "--json")
    assert (status, document["command"]) == (1, "doctor")


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_printed_by_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema == SCHEMA) is (name == "output")
    if name != "models":
        assert main(["schema", name, "--write"]) == 2
        assert "only for models" in capsys.readouterr().err
