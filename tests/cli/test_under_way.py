"""The state of a stack together with what a deployment has done since it was written."""

import hashlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.running_deployment import holder, with_journal
from bandplan.embedded.form import resource_problems
from tests.damage import damaged_documents

CHECKPOINT = b"the bytes of a checkpoint"
BASE = {"base": hashlib.sha256(CHECKPOINT).hexdigest()}


def resource(name: str, size: int = 1, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::fleet::toy:index:Box::{name}"
    return {"urn": urn, "type": "toy:index:Box", "custom": True, "inputs": {"size": size}, **more}


def looked(tmp_path: Path, *lines: dict[str, Any], tail: str = "", checkpoint: bytes | None = CHECKPOINT) -> Any:
    journal = tmp_path / "dev.jsonl"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    state = {"resources": [resource("a"), resource("b")]} if checkpoint is not None else {}
    return with_journal(state, checkpoint, journal, "fleet", "dev")


def test_what_ended_replaces_what_was_and_what_only_began_is_pending(tmp_path: Path) -> None:
    found = looked(
        tmp_path,
        BASE,
        {"start": resource("a", 2), "op": "updating", "seq": 1},
        {"start": resource("b", 2), "op": "updating", "seq": 2},
        {"start": resource("c", 2), "op": "creating", "seq": 3},
        {"seq": 1, "new": resource("a", 2), "old": 0},
        {"failed": 3},
        tail='{"seq": 2, "new": {"urn": "urn::b", "inp',
    )
    assert {one["urn"][-1]: one["inputs"]["size"] for one in found["resources"]} == {"a": 2, "b": 1}
    assert found["pending_operations"] == [{"type": "updating", "resource": resource("b", 2)}]


def test_what_was_deleted_is_gone_and_what_was_marked_is_marked(tmp_path: Path) -> None:
    marked = resource("b", delete=True)
    found = looked(tmp_path, BASE, {"seq": 1, "gone": 0}, {"seq": 2, "mark": 1, "resource": marked})
    assert found["resources"] == [marked]


@pytest.mark.parametrize("first", [{"base": "0" * 64}, {"base": ""}, {"start": resource("a", 2), "op": "x", "seq": 1}])
def test_journal_over_another_checkpoint_says_nothing(tmp_path: Path, first: dict[str, Any]) -> None:
    found = looked(tmp_path, first, {"seq": 1, "new": resource("a", 2), "old": 0})
    assert [one["inputs"]["size"] for one in found["resources"]] == [1, 1]


def test_first_deployment_of_a_stack_has_no_checkpoint_yet(tmp_path: Path) -> None:
    begun = {"start": resource("a"), "op": "creating", "seq": 1}
    found = looked(tmp_path, {"base": ""}, begun, checkpoint=None)
    assert (found["resources"], len(found["pending_operations"])) == ([], 1)


def test_no_journal_is_the_state_alone(tmp_path: Path) -> None:
    assert with_journal({"resources": [1]}, CHECKPOINT, tmp_path / "none", "fleet", "dev") == {"resources": [1]}


def test_holder_is_a_process_that_lives_or_is_elsewhere(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") == ""
    here = {"hostname": socket.gethostname(), "username": "ann", "timestamp": "2026-11-29T10:00:00Z"}
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text(json.dumps({**here, "pid": 2**31 - 1}))
    assert holder(tmp_path) == ""
    (tmp_path / "c.json").write_text(json.dumps({**here, "pid": os.getpid()}))
    assert holder(tmp_path) == f"ann@{socket.gethostname()}, process {os.getpid()}, since 2026-11-29T10:00:00Z"
    (tmp_path / "b.json").write_text(json.dumps({**here, "hostname": "elsewhere", "pid": 7}))
    assert holder(tmp_path).startswith("ann@elsewhere, process 7")


def test_randomly_damaged_journal_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    lines = [
        {"start": resource("a", 2), "op": "updating", "seq": 1},
        {"seq": 1, "new": resource("a", 2), "old": 0},
        {"start": resource("b"), "op": "deleting", "seq": 2},
        {"gone": 1, "seq": 2},
        {"seq": 3, "mark": 1, "resource": resource("b", delete=True)},
    ]
    for damaged in damaged_documents(lines, seed=21, count=300):
        found = looked(tmp_path, BASE, *damaged)
        assert all(not resource_problems(one, "one", "fleet", "dev") for one in found["resources"])


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": 1, "a": 2}', '{"failed": []}', '{"seq": {}, "gone": 0}', "7"])
def test_reading_stops_at_a_line_that_no_journal_has(tmp_path: Path, line: str) -> None:
    journal = tmp_path / "dev.jsonl"
    begun = {"start": resource("a", 2), "op": "updating", "seq": 1}
    journal.write_text("".join(f"{one}\n" for one in (json.dumps(BASE), json.dumps(begun), line)))
    found = with_journal({"resources": [resource("a")]}, CHECKPOINT, journal, "fleet", "dev")
    assert (len(found["resources"]), len(found["pending_operations"])) == (1, 1)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"pid": 0}', '{"pid": -1}', '{"pid": true}', "\xff"])
def test_lock_that_names_no_process_names_no_holder(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text.replace("}", f', "hostname": "{socket.gethostname()}"}}'))
    assert holder(tmp_path) == ""
