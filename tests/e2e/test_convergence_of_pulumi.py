"""Under the Pulumi CLI: after `up`, after `adopt`, after a hand edit and `up --refresh`, nothing is left to do.

A part of the table of `test_convergence`, whose every field takes the CLI half an hour. All of it passed on 2026-11-29
with Pulumi v3.260.0.
"""

import json
import shutil
from typing import Any

import pytest

from tests.e2e.conftest import FleetProject, by_name
from tests.e2e.test_convergence import BASES, EDITS, EMPTY, GATEWAY, LLAMA, MAVERICK, legacy, make, serving

pytestmark = [
    pytest.mark.pulumi_cli,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH"),
    pytest.mark.timeout(600),
]

ENGINE = ("--engine", "pulumi")
CASES = {
    "ceiling": "bands",
    "no-floor": "bands",
    "one-more": "bands",
    "telemetry": "bands",
    "model-units": "units",
    "shares": "split",
    "size": "legacy",
    "gateway-gone": "rich",
    "limit-more": "rich",
    "right-given": "rich",
    "tag-gone": "rich",
    "mail-gone": "rich",
    "deleted": "bands",
}
"""Edit -> base, of the tables of `test_convergence`."""


def left_to_do(fleet: FleetProject) -> dict[str, Any]:
    """What a preview would do, with --refresh and without, and what drift finds."""
    looks = {"preview": (), "preview --refresh": ("--refresh",)}
    found: dict[str, Any] = {
        look: {
            name: op
            for name, op in by_name(json.loads(fleet.bandplan("preview", *ENGINE, "--json", *options))).items()
            if op != "refresh"
        }
        for look, options in looks.items()
    }
    drift = json.loads(fleet.run("drift", *ENGINE, "--json").stdout)
    found["drift"] = [one["name"] for one in drift["endpoints"] if one["drift"]]
    return {look: changes for look, changes in found.items() if changes}


def test_after_up_and_after_hand_edits_and_up_with_refresh_nothing_is_left_to_do(fleet: FleetProject) -> None:
    entries = [{"name": f"{base}-{edit}", **BASES[base]} for edit, base in CASES.items()]
    fleet.write_models(json.dumps({"version": 1, "models": entries}))
    fleet.bandplan("up", *ENGINE, "--no-query")
    assert left_to_do(fleet) == {}

    for edit, base in CASES.items():
        EDITS[edit][0](fleet, f"{base}-{edit}")

    drift = json.loads(fleet.run("drift", *ENGINE, "--json").stdout)
    seen = {f"{base}-{edit}" for edit, base in CASES.items() if EDITS[edit][2] == "drift"}
    assert {one["name"] for one in drift["endpoints"] if one["drift"]} == seen
    fleet.bandplan("up", *ENGINE, "--no-query", "--refresh")
    assert left_to_do(fleet) == {}


def test_after_an_adoption_nothing_is_left_to_do(fleet: FleetProject) -> None:
    fleet.write_models(EMPTY)
    fleet.bandplan("stub", "start")
    make(
        fleet,
        {
            "plain": serving(LLAMA),
            "to-zero": serving({**LLAMA, "scale_to_zero_enabled": True}),
            "gateway": serving(LLAMA, ai_gateway=GATEWAY, description="Answers", tags=[{"key": "a"}]),
            "pt-units": serving(MAVERICK),
            "legacy": legacy(),
        },
    )
    before = {name: fleet.endpoint(name) for name in fleet.endpoint_names()}

    fleet.bandplan("adopt", "--all", "--write", *ENGINE)

    assert left_to_do(fleet) == {}
    fleet.bandplan("up", *ENGINE, "--no-query", "--refresh")
    assert {name: fleet.endpoint(name) for name in before} == before
