import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.checkpoint import read_checkpoint, require_stack, stack_table
from bandplan.cli.errors import CommandError


def entry(name: str) -> dict[str, object]:
    return {"urn": f"urn:pulumi:local::bandplan::toy:a:B::{name}", "type": "toy:a:B", "custom": True}


def write(state: Path, name: str, checkpoint: object) -> Path:
    path = state / ".pulumi" / "stacks" / "bandplan" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": checkpoint}))
    return path


def test_stacks_are_listed_with_last_change_and_number_of_resources(tmp_path: Path) -> None:
    latest = {"manifest": {"time": "2026-11-21T20:56:57.648021533Z"}, "resources": [entry("a"), entry("b")]}
    write(tmp_path, "local", {"stack": "local", "latest": latest})
    write(tmp_path, "fresh", {"stack": "fresh"})
    assert stack_table(tmp_path, "bandplan") == [
        ("NAME", "LAST UPDATE", "RESOURCE COUNT"),
        ("fresh", "n/a", "n/a"),
        ("local", "2026-11-21 20:56:57", "2"),
    ]


def test_damaged_stack_is_listed_as_such_beside_the_others(tmp_path: Path) -> None:
    write(tmp_path, "fresh", {"stack": "fresh"})
    write(tmp_path, "broken", {}).write_text('{"checkpoint": {"latest": []')
    assert stack_table(tmp_path, "bandplan")[1:] == [
        ("broken", "n/a", "damaged"),
        ("fresh", "n/a", "n/a"),
    ]


def test_no_stack_yet_is_an_empty_list(tmp_path: Path) -> None:
    assert stack_table(tmp_path, "bandplan") == [("NAME", "LAST UPDATE", "RESOURCE COUNT")]


def test_unknown_stack_is_refused_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, "local", {"stack": "local"})
    with pytest.raises(CommandError, match=r"no stack dev .*existing stacks: local"):
        require_stack(tmp_path, "bandplan", "dev")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"checkpoint": 1}',
        '{"checkpoint": {"latest": []}, "x": NaN}',
        "[" * 5000,
        '{"a": 1, "a": 1}',
    ],
)
def test_damaged_state_names_its_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "local", {})
    path.write_text(text)
    with pytest.raises(CommandError, match=r"local\.json: the stack's state cannot be read"):
        read_checkpoint(tmp_path, "bandplan", "local")


def test_damaged_state_leads_to_its_copy(tmp_path: Path) -> None:
    path = write(tmp_path, "local", {})
    for text in ("{", json.dumps({"version": 3, "checkpoint": {"stack": "local", "latest": 1}})):
        path.write_text(text)
        with pytest.raises(CommandError, match="there is no copy of it; restore one, or remove the file"):
            read_checkpoint(tmp_path, "bandplan", "local")
    path.with_name("local.json.bak").write_text("{}")
    with pytest.raises(CommandError, match=r"a copy of the state before the last update is .*, in local\.json\.bak"):
        read_checkpoint(tmp_path, "bandplan", "local")


@pytest.mark.parametrize("version", [5, 2, None, "3", True])
def test_state_of_a_version_that_is_not_read_is_refused_as_the_engine_refuses_it(tmp_path: Path, version: Any) -> None:
    path = write(tmp_path, "local", {"stack": "local"})
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": version}))
    with pytest.raises(CommandError, match=r"local\.json: .*it has (no )?checkpoint version.*reads version 3"):
        read_checkpoint(tmp_path, "bandplan", "local")
