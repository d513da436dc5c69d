"""What our own `up` has begun is reported as ours, while it runs and after an interruption, not as an edit by hand."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.e2e.in_process import ROOT, STACK, FleetInProcess
from tests.e2e.test_options import BANDS

CEILING = "entities/llama_v3_3_70b_instruct-1/max_provisioned_throughput"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetInProcess]:
    running = process.start(tmp_path / "workspace", settle="at-once")
    yield FleetInProcess(tmp_path / "fleet", running, monkeypatch)
    process.stop(tmp_path / "workspace")


def chat(most: int, **more: Any) -> dict[str, Any]:
    return {"name": "chat", **BANDS, "throughput": {"bands": {"min": 1, "max": most}}, **more}


def begin(fleet: FleetInProcess, name: str) -> "subprocess.Popen[bytes]":
    """An `up` in a process of its own, once the workspace has begun what it asked for and will not end it by itself."""
    fleet.request("PUT", f"/stub/endpoints/{name}/settle", {"rule": "manual"})
    command = [sys.executable, "-m", "bandplan.cli.main", "-C", str(fleet.root), "up", "--yes", "--no-query", *STACK]
    workspace = {"DATABRICKS_HOST": fleet.workspace.host, "DATABRICKS_TOKEN": fleet.workspace.token}
    begun = subprocess.Popen(command, env=fleet.environment(**workspace), stdout=subprocess.DEVNULL)
    until(lambda: name in fleet.endpoint_names() and fleet.endpoint(name)["state"]["config_update"] == "IN_PROGRESS")
    return begun


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("did not come about")


def told(fleet: FleetInProcess, name: str = "chat") -> dict[str, Any]:
    (found,) = [one for one in fleet.drift()["endpoints"] if one["name"] == name]
    return dict(found)


def verdicts(report: dict[str, Any]) -> dict[str, tuple[str, Any, Any]]:
    return {one["field"]: (one["verdict"], one["deployed"], one["live"]) for one in report["fields"]}


@pytest.mark.parametrize("how", ["running", "killed", "stopped"])
def test_update_of_our_own_that_has_not_ended_is_told_as_ours(fleet: FleetInProcess, how: str) -> None:
    fleet.declare(chat(2))
    fleet.up()
    fleet.declare(chat(4))
    up = begin(fleet, "chat")
    if how == "killed":
        up.kill()
    if how == "stopped":
        up.send_signal(signal.SIGINT)
    if how != "running":
        up.wait()

    during = told(fleet)
    assert not during["drift"] and ("running" if how == "running" else "interrupted") in during["own_update"]
    assert verdicts(during)[CEILING] == ("own update", 1960, 3920)  # two chunks of 980, and four
    _, said, _ = fleet.command("drift")
    owner = "a running `up`" if how == "running" else "an interrupted `up`"
    assert "changed manually" not in said and f"being changed by {owner}" in said

    fleet.settled("chat")
    if how == "running":
        assert up.wait() == 0
    else:
        assert not told(fleet)["drift"]  # the platform has ended it, and the state does not know yet
        fleet.request("PUT", "/stub/endpoints/chat/settle", {"rule": None})
        fleet.up()
    assert fleet.changes() == {} and fleet.drifted() == {} and told(fleet)["own_update"] == ""


def test_hand_edit_beside_an_update_of_our_own_is_still_told(fleet: FleetInProcess) -> None:
    fleet.declare(chat(2, tags={"team": "x"}))
    fleet.up()
    fleet.declare(chat(4, tags={"team": "x"}))
    up = begin(fleet, "chat")
    fleet.request("PATCH", f"{ROOT}/chat/tags", {"add_tags": [{"key": "team", "value": "y"}]})

    report = told(fleet)

    fields = verdicts(report)
    assert fields[CEILING][0] == "own update" and fields["tags/team"] == ("real", "x", "y")
    assert report["drift"] and report["own_update"]
    fleet.settled("chat")
    up.wait()


def test_endpoint_that_is_being_made_is_ours_and_not_one_to_adopt(fleet: FleetInProcess) -> None:
    fleet.declare(chat(2))
    up = begin(fleet, "chat")

    report = told(fleet)
    _, said, _ = fleet.command("drift")

    assert (report["situation"], report["drift"]) == ("begun", False) and "running" in report["own_update"]
    assert "being changed by a running `up` of this stack" in said and "adopt" not in said
    fleet.settled("chat")
    assert up.wait() == 0


def test_update_that_only_the_guard_sends_is_ours_too_when_it_was_stopped(fleet: FleetInProcess) -> None:
    def accepting(most: int) -> dict[str, Any]:
        return chat(2, throughput={"bands": {"min": 1, "want": most, "accept": 2}})

    fleet.declare(accepting(3))
    fleet.up()
    fleet.declare(accepting(4))
    up = begin(fleet, "chat")
    up.send_signal(signal.SIGINT)
    up.wait()

    report = told(fleet)
    assert not report["drift"] and "interrupted" in report["own_update"]
    assert verdicts(report)[CEILING] == ("own update", 2940, 3920)  # three chunks of 980, and four
    fleet.settled("chat")
    fleet.request("PUT", "/stub/endpoints/chat/settle", {"rule": None})
    fleet.up()
    assert fleet.changes() == {} and fleet.drifted() == {}
