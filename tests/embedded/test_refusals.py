"""What the engine refuses or cannot use is named, with its place and the way out."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import resource_pb2

from bandplan.embedded.errors import ProjectError, Unsupported
from bandplan.embedded.loopback import require_loopback
from bandplan.embedded.monitor import Monitor
from bandplan.embedded.project import load
from tests.embedded.conftest import ToyProject, thing


@pytest.mark.parametrize(
    ("call", "request_", "feature"),
    [
        ("Invoke", resource_pb2.ResourceInvokeRequest(tok="toy:index:look"), "the provider function toy:index:look"),
        (
            "ReadResource",
            resource_pb2.ReadResourceRequest(type="toy:T", id="x"),
            "reading an existing resource (toy:T x)",
        ),
        ("Call", resource_pb2.ResourceCallRequest(tok="toy:index:Box/open"), "the method toy:index:Box/open"),
        ("RegisterStackTransform", None, "a stack transform"),
        ("RegisterStackInvokeTransform", None, "an invoke transform"),
        ("RegisterResourceHook", None, "a resource hook"),
        ("RegisterErrorHook", None, "an error hook"),
        ("RegisterPackage", resource_pb2.RegisterPackageRequest(name="any"), "the parameterized package any"),
    ],
)
def test_request_that_no_program_of_ours_makes_is_refused_by_name(call: str, request_: Any, feature: str) -> None:
    monitor = Monitor(None, "toys", "local", Path("/"))  # type: ignore[arg-type]

    with pytest.raises(Unsupported) as refused:
        getattr(monitor, call)(request_)

    assert feature in str(refused.value) and "--engine pulumi" in str(refused.value)


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("Pulumi.yaml", None, "Pulumi.yaml: is missing"),
        ("Pulumi.yaml", "runtime: python", "Pulumi.yaml: has no project name"),
        ("Pulumi.yaml", "name: toys\nruntime: go", "Pulumi.yaml: the runtime 'go' is not supported"),
        ("Pulumi.yaml", "- a", "Pulumi.yaml: must be a mapping"),
        ("Pulumi.yaml", "a: [", "Pulumi.yaml:2:1: is not YAML: "),
        ("stacks/Pulumi.local.yaml", "config:\n  toy:key: {secure: x}", "the secret configuration value toy:key"),
    ],
)
def test_project_that_cannot_be_used_is_told_with_its_file(
    project: ToyProject, file: str, text: str | None, finding: str
) -> None:
    if text is None:
        (project.folder / file).unlink()
    else:
        (project.folder / file).write_text(text)

    with pytest.raises((ProjectError, Unsupported)) as refused:
        load(project.folder, "local")

    assert finding in str(refused.value)


def test_configuration_of_the_project_is_a_default_for_its_stacks(project: ToyProject) -> None:
    more = "config:\n  toy:colour: blue\n  toys:size: {value: 3}\n  toys:open: {type: string}\n  plain: {default: x}\n"
    file = project.folder / "Pulumi.yaml"
    file.write_text(file.read_text() + more)

    assert load(project.folder, "local").config == {"toy:colour": "red", "toys:plain": "x", "toys:size": "3"}


@pytest.mark.parametrize(
    ("program", "finding"),
    [
        ("raise SystemExit(3)", "the program ended with exit status 3"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_program_that_ends_badly_deletes_nothing_and_says_how(project: ToyProject, program: str, finding: str) -> None:
    project.declare(thing("a"))
    project.up()
    (project.folder / "stacks" / "__main__.py").write_text(textwrap.dedent(program))

    assert not project.up().ok

    assert finding in project.messages()
    assert list(project.toys.things()) == ["a.plain"]


def test_program_that_ends_itself_without_an_error_has_ended_well(project: ToyProject) -> None:
    (project.folder / "stacks" / "__main__.py").write_text("raise SystemExit(0)")

    assert project.up().ok


def test_program_that_is_not_there_is_told(project: ToyProject) -> None:
    file = project.folder / "Pulumi.yaml"
    file.write_text(file.read_text().replace("main: stacks/", "main: elsewhere/program.py"))

    assert not project.up().ok
    assert "elsewhere: the program's folder is missing; see `main` in Pulumi.yaml" in project.messages()


def test_timeout_that_is_no_duration_is_told(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"custom_timeouts": {"create": "soon"}}})

    assert not project.up().ok
    assert "'soon' is not a duration; write, for example, 90m or 2h30m" in project.messages()


def test_package_that_the_engine_was_not_handed_is_named(project: ToyProject) -> None:
    project.declare(thing("a"))
    engine = project.engine()
    engine._providers = {}

    assert not engine.up().ok
    assert "the provider 'toy' (this engine has: none)" in project.messages()


@pytest.mark.parametrize("host", ["http://localhost:1", "http://127.8.9.1", "http://[::1]:8080"])
def test_workspace_on_this_machine_is_taken(host: str) -> None:
    require_loopback(host)


@pytest.mark.parametrize(
    "host", ["https://adb-1.azuredatabricks.net", "http://10.0.0.1", "127.0.0.1", "", "http://0.0.0.0", "https://[::1"]
)
def test_workspace_elsewhere_is_refused(host: str) -> None:
    with pytest.raises(Unsupported, match="DATABRICKS_HOST: a workspace that is not on this machine"):
        require_loopback(host)
