"""Registrations that do not go through the SDK's messages come to the same as those that do."""

import contextlib
import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest
from pulumi import resource as sdk_resource
from pulumi.runtime import resource as sdk_runtime

from bandplan.embedded import program
from bandplan.embedded.direct_registration import Registering
from tests.embedded.conftest import HERE, ToyProject, thing


def ran(folder: Path, monkeypatch: pytest.MonkeyPatch, is_direct: bool) -> tuple[Any, ...]:
    """Steps of a preview, an update and a second preview; the state; what the program saw of its outputs."""
    project = ToyProject(folder, monkeypatch)
    shutil.copy(HERE / "values_program.py", folder / "stacks" / "__main__.py")
    monkeypatch.setenv("TOY_SEEN", str(folder / "seen"))
    steps = []
    with monkeypatch.context() as patch:
        if not is_direct:
            patch.setattr(program, "direct_registrations", lambda *arguments: contextlib.nullcontext())
        for run in (project.preview, project.up, project.preview):
            outcome = run()
            assert outcome.ok, project.messages()
            steps.append(sorted(stable(outcome.digest["steps"]), key=lambda step: step["urn"]))
    return steps, stable(project.resources()), sorted((folder / "seen").read_text().splitlines())


def stable(value: Any) -> Any:
    """Without what differs from run to run: times, and the random id of a provider."""
    if isinstance(value, dict):
        return {
            key: stable(item) for key, item in value.items() if key not in ("created", "modified", "provider", "id")
        }
    return [stable(item) for item in value] if isinstance(value, list) else value


def test_plan_state_and_outputs_are_those_of_the_sdks_own_registrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, resources, seen = ran(tmp_path / "direct", monkeypatch, is_direct=True)
    sdk_steps, sdk_resources, sdk_seen = ran(tmp_path / "sdk", monkeypatch, is_direct=False)

    assert seen == sdk_seen
    assert resources == sdk_resources
    assert steps == sdk_steps
    assert len(seen) == 3 * 13


@pytest.mark.parametrize("name", ["register_resource", "register_resource_outputs"])
def test_function_that_is_taken_over_still_has_the_parameters_that_it_had(name: str) -> None:
    ours = {"register_resource": Registering.register, "register_resource_outputs": Registering.register_outputs}[name]
    theirs = getattr(sdk_runtime, name)

    assert vars(sdk_resource)[name] is theirs
    assert list(inspect.signature(ours).parameters)[1:] == list(inspect.signature(theirs).parameters)


def test_sdk_has_its_own_functions_back_after_a_run_that_failed(project: ToyProject) -> None:
    project.declare({"name": "x", "fail": "no"})

    assert not project.up().ok
    assert vars(sdk_resource)["register_resource"] is sdk_runtime.register_resource


def test_failure_of_one_resource_reaches_those_that_use_its_outputs_and_no_more_is_said_of_them(
    project: ToyProject,
) -> None:
    project.declare(thing("a", trouble="create"), thing("b", of={"from": "a.made"}), thing("c", of=["x"]))

    assert not project.up().ok
    assert "b" not in project.resources()
    assert "the factory is closed" in project.messages()
    assert "Traceback" not in project.messages()
