"""Nothing that was made is lost when a step fails, the program fails, or the process is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bandplan.embedded.checkpoint import StackFile
from bandplan.embedded.errors import StackLocked
from bandplan.embedded.lock import hold
from tests.embedded.conftest import ROOT, ToyProject, plan_of, thing


def test_failed_create_leaves_the_others_in_the_state(project: ToyProject) -> None:
    project.declare(thing("good"), {**thing("bad", trouble="create"), "after": ["good"]})

    outcome = project.up()

    assert not outcome.ok
    assert "the factory is closed" in project.messages()
    assert "good" in project.resources() and "bad" not in project.resources()


def test_after_a_failure_the_next_up_goes_on(project: ToyProject) -> None:
    project.declare(thing("good"), {**thing("bad", trouble="create"), "after": ["good"]})
    project.up()
    project.declare(thing("good"), {**thing("bad"), "after": ["good"]})

    assert project.up().changes == {"same": 2, "create": 1}


def test_failed_update_keeps_the_old_state(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare(thing("a", size=2, trouble="update"))

    assert not project.up().ok
    assert project.resources()["a"]["outputs"]["size"] == 1


def test_resource_that_is_made_but_not_ready_is_kept_and_updated_next_time(project: ToyProject) -> None:
    project.declare(thing("a", trouble="init"))

    assert not project.up().ok
    assert project.resources()["a"]["initErrors"] == ["the paint is wet"]

    assert plan_of(project.preview().digest) == {"a": "update"}
    assert project.up().ok
    assert "initErrors" not in project.resources()["a"]
    assert project.toys.effects() == ["create a.plain", "update a.plain"]


def test_failed_delete_keeps_the_resource(project: ToyProject) -> None:
    project.declare(thing("a", trouble="delete"))
    project.up()
    project.declare()

    assert not project.up().ok
    assert "a" in project.resources()


def test_failed_replacement_after_delete_is_made_again_without_a_second_delete(project: ToyProject) -> None:
    project.declare({"name": "a", "props": {"name": "one"}})
    project.up()
    project.declare({"name": "a", "props": {"name": "two", "trouble": "create"}})
    assert not project.up().ok
    assert project.resources()["a"]["pendingReplacement"] is True
    project.declare({"name": "a", "props": {"name": "two"}})

    assert project.up().ok

    assert project.toys.effects() == ["create one.plain", "delete one.plain", "create two.plain"]
    assert "pendingReplacement" not in project.resources()["a"]


def test_refused_inputs_name_the_property_and_stop_before_anything_is_made(project: ToyProject) -> None:
    project.declare(thing("a", trouble="check"))

    assert not project.up().ok
    assert "a: trouble: toys must not be troublesome" in project.messages()
    assert project.toys.effects() == []


def test_two_resources_with_one_urn_are_refused(project: ToyProject) -> None:
    project.declare(thing("a"), thing("a", size=2))

    assert not project.up().ok
    assert "duplicate resource URN" in project.messages()


def test_program_error_is_told_without_a_traceback_and_deletes_nothing(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    project.declare({"name": "x", "fail": "models.yaml:3:1: no such model"})

    assert not project.up().ok
    assert "models.yaml:3:1: no such model" in project.messages()
    assert "Traceback" not in project.messages()
    assert "a" in project.resources() and "a.plain" in project.toys.things()


@pytest.mark.parametrize(
    ("options", "feature"),
    [
        ({"additional_secret_outputs": ["made"]}, "additional secret outputs"),
        ({"plugin_download_url": "https://example.invalid"}, "a plugin download URL"),
    ],
)
def test_unsupported_option_is_refused_by_name(project: ToyProject, options: dict[str, object], feature: str) -> None:
    project.declare({**thing("a"), "options": options})

    assert not project.up().ok
    assert feature in project.messages() and "--engine pulumi" in project.messages()
    assert project.toys.effects() == []


def test_killed_update_loses_no_resource(project: ToyProject, tmp_path: Path) -> None:
    project.declare(*[thing(f"t{number}", seconds=0.05 * number) for number in range(60)])
    script = (
        "import sys; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys;"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Toys(Path({str(project.toys.world)!r}))}}, lambda event: None, parallel=4).up()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    deadline = time.monotonic() + 60
    while len(project.toys.things()) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made = set(project.toys.things())
    assert len(made) >= 10

    recovered = {
        entry["id"]
        for entry in project.engine().export()["deployment"]["resources"]
        if entry["type"] == "toy:index/thing:Thing"
    }

    # At most the acts under way at the moment of the kill (4 in parallel) may be uncertain, and those are named.
    pending = {
        operation["resource"]["urn"].rsplit("::", 1)[-1]
        for operation in project.engine().export()["deployment"].get("pending_operations", [])
    }
    assert made - recovered <= {f"{name}.plain" for name in pending}
    assert recovered <= made
    assert not list((project.state_dir / ".pulumi/journals").rglob("*.jsonl"))


def test_stack_that_is_being_updated_is_not_updated_by_another(project: ToyProject) -> None:
    project.declare(thing("a"))
    file = StackFile(project.state_dir, "toys", "local")
    other = file.lock_dir / "other.json"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({"pid": 1, "username": "ann", "hostname": "elsewhere", "timestamp": "t"}))

    assert not project.up().ok
    assert "ann@elsewhere" in project.messages()
    assert project.toys.effects() == []


@pytest.mark.parametrize(
    "is_waited_for",
    [
        True,
        # As in a container whose first process does not reap: it has ended, and its number stays.
        pytest.param(False, marks=pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")),
    ],
)
def test_lock_of_a_process_that_is_gone_is_removed(project: ToyProject, is_waited_for: bool) -> None:
    import socket

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait() if is_waited_for else os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    file = StackFile(project.state_dir, "toys", "local")
    file.lock_dir.mkdir(parents=True)
    lock = {"pid": dead.pid, "username": "ann", "hostname": socket.gethostname(), "timestamp": "t"}
    (file.lock_dir / "other.json").write_text(json.dumps(lock))
    (file.lock_dir / "other.json.attrs").write_text("{}")  # as the CLI's file backend leaves it

    with hold(file, "now"):
        assert "other" not in " ".join(path.name for path in file.lock_dir.iterdir())
        with pytest.raises(StackLocked), hold(file, "now"):
            pass
    dead.wait()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}'])
def test_lock_that_says_nothing_of_its_holder_holds_and_names_the_file(project: ToyProject, content: str) -> None:
    project.declare(thing("a"))
    file = StackFile(project.state_dir, "toys", "local")
    file.lock_dir.mkdir(parents=True)
    (file.lock_dir / "other.json").write_text(content)

    assert not project.up().ok
    assert str(file.lock_dir / "other.json") in project.messages()


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 3, "chec',
        "[" * 100_000,
        '{"version": 3, "checkpoint": []}',
        '{"version": 3}',
        '{"version": 3, "checkpoint": {"latest": ["a"]}}',
        '{"version": 3, "checkpoint": {"latest": {"resources": {"a": 1}}}}',
    ],
    ids=["cut short", "deep", "a list", "nothing", "latest is a list", "resources are an object"],
)
def test_broken_checkpoint_is_refused_with_the_way_out(project: ToyProject, text: str) -> None:
    project.declare(thing("a"))
    project.up()
    project.declare(thing("a"), thing("b"))
    project.up()
    (project.state_dir / ".pulumi/stacks/toys/local.json").write_text(text)

    assert not project.up().ok
    assert "local.json.bak" in project.messages()
    assert len(project.toys.effects()) == 2


def test_copy_of_a_broken_checkpoint_is_named_only_when_there_is_one(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    (project.state_dir / ".pulumi/stacks/toys/local.json").write_text("")

    assert not project.up().ok
    assert "there is no copy of it" in project.messages()


def test_entry_of_a_checkpoint_that_is_no_object_is_refused(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    text = '{"version": 3, "checkpoint": {"latest": {"resources": ["x"]}}}'
    (project.state_dir / ".pulumi/stacks/toys/local.json").write_text(text)

    assert not project.up().ok
    assert "resources[0]: must be an object, not a string" in project.messages()


def test_update_that_is_made_but_not_ready_is_found_again_by_the_next_run(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare(thing("a", size=2, trouble="unready"))

    assert not project.up().ok
    entry = project.resources()["a"]
    # As Pulumi has it: the old inputs beside what the world holds now.
    assert entry["inputs"]["size"] == 1 and entry["outputs"]["size"] == 2
    assert entry["initErrors"] == ["the paint is wet again"]

    project.declare(thing("a", size=2))
    assert project.up().ok
    assert project.resources()["a"]["inputs"]["size"] == 2


def test_secret_in_the_state_is_refused_by_name(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    signed = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    project.edit_state(lambda entries: entries["a"]["outputs"].update(password=signed))

    assert not project.up().ok
    assert "a secret" in project.messages() and "--engine pulumi" in project.messages()


def test_replacement_in_a_chain_that_fails_is_carried_on(project: ToyProject) -> None:
    def chain(number: int, **trouble: str) -> list[dict[str, object]]:
        return [
            {"name": "a", "props": {"name": f"fixed-{number}"}},
            {"name": "b", "props": {"name": "fixed-b", "of": {"from": "a.id"}, **trouble}},
            {"name": "c", "props": {"name": "c", "of": {"from": "b.id"}}},
        ]

    project.declare(*chain(1))
    project.up()
    project.declare(*chain(2, trouble="create"))
    assert not project.up().ok
    assert {name: entry.get("pendingReplacement") for name, entry in project.resources().items() if name in "abc"} == {
        "a": None,
        "b": True,
        "c": True,
    }
    project.declare(*chain(2))

    assert project.up().changes == {"replace": 2, "same": 2}
    assert sorted(project.toys.things()) == ["c.plain", "fixed-2.plain", "fixed-b.plain"]
    assert project.toys.effects().count("delete fixed-b.plain") == 1
