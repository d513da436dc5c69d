"""The state changed without a deployment: under the lock, whole, with the one before kept."""

import json
import os
import socket
from typing import Any

import pytest

from bandplan.embedded.errors import StackLocked
from tests.embedded.conftest import ToyProject, thing


def renamed(deployment: dict[str, Any]) -> dict[str, Any]:
    for resource in deployment["resources"]:
        resource["modified"] = "2026-11-22T00:00:00Z"
    return deployment


def test_state_becomes_what_is_made_of_it_and_the_one_before_is_kept(project: ToyProject) -> None:
    project.declare(thing("a"))
    assert project.up().ok
    before = project.checkpoint()

    project.engine().change_state(renamed)

    assert {one["modified"] for one in project.resources().values()} == {"2026-11-22T00:00:00Z"}
    backup = project.state_dir / ".pulumi/stacks/toys/local.json.bak"
    assert json.loads(backup.read_text()) == before
    assert not project.preview().has_changes


def test_change_that_fails_leaves_the_state_and_no_lock(project: ToyProject) -> None:
    project.declare(thing("a"))
    assert project.up().ok
    before = project.checkpoint()

    def refuse(deployment: dict[str, Any]) -> dict[str, Any]:
        deployment["resources"].clear()
        raise LookupError("not this one")

    with pytest.raises(LookupError):
        project.engine().change_state(refuse)

    assert project.checkpoint() == before
    assert list((project.state_dir / ".pulumi/locks").rglob("*.json")) == []


def test_stack_that_is_being_updated_is_not_changed(project: ToyProject) -> None:
    project.declare(thing("a"))
    assert project.up().ok
    lock = project.state_dir / ".pulumi/locks/organization/toys/local/other.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": os.getpid(), "hostname": socket.gethostname(), "username": "ana"}))

    with pytest.raises(StackLocked, match="ana"):
        project.engine().change_state(renamed)


def test_stack_without_a_state_gets_one(project: ToyProject) -> None:
    stack = {
        "urn": "urn:pulumi:local::toys::pulumi:pulumi:Stack::toys-local",
        "custom": False,
        "type": "pulumi:pulumi:Stack",
    }
    project.engine().change_state(lambda deployment: {**deployment, "resources": [stack]})
    assert list(project.resources()) == ["toys-local"]
