"""Which changes a report calls repaired: those that only the workspace made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.report.load import Given, load_reports
from bandplan.report.threshold import Thresholds
from bandplan.stub import process
from tests.e2e.in_process import ROOT, FleetInProcess

ENTRY: dict[str, Any] = {
    "name": "chat",
    "task": "llm/v1/chat",
    "model": "system.ai.llama_v3_3_70b_instruct",
    "version": "1",
    "throughput": {"bands": {"min": 1, "max": 2}},
    "notifications": {"on_update_failure": ["a@example.com"]},
}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetInProcess]:
    workspace = process.start(tmp_path / "workspace", settle="at-once")
    yield FleetInProcess(tmp_path / "fleet", workspace, monkeypatch)
    process.stop(tmp_path / "workspace")


def told(fleet: FleetInProcess, *options: str) -> list[tuple[str, tuple[str, ...]]]:
    """(rollout, what else changes) of each row."""
    preview = Given("preview.json", fleet.ok("preview", "--json", *options))
    (report,) = load_reports([preview], environ={}, thresholds=Thresholds())
    return [(change.rollout.title, change.also) for change in report.endpoints]


def test_a_change_of_notifications_alone_is_no_repair(fleet: FleetInProcess) -> None:
    fleet.declare(ENTRY)
    fleet.up()
    fleet.declare({**ENTRY, "notifications": {"on_update_failure": ["b@example.com"]}})
    for options in ((), ("--refresh",)):
        assert told(fleet, *options) == [("in place", ("email notifications",))]
    fleet.declare(ENTRY)
    by_hand = {"email_notifications": {"on_update_failure": ["c@example.com"]}}
    fleet.request("PATCH", f"{ROOT}/chat/notifications", by_hand)
    for options in ((), ("--refresh",)):
        assert told(fleet, *options) == [("repaired", ())]
    assert json.loads(fleet.ok("preview", "--json"))["changeSummary"]["update"] == 1
