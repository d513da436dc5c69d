"""The policy pack as its user meets it: previews of both engines, the report on them, waivers, updates."""

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import SMALL, FleetProject

STRICT = {
    "all": "disabled",
    "over-provisioned": {"enforcementLevel": "mandatory", "headroom_percent": 20},
    "open-to-all": "advisory",
    "stack-budget": {"enforcementLevel": "mandatory", "tokens_per_second": 6000},
    "change-too-large": {"enforcementLevel": "advisory", "baseline": ".bandplan/deployed/local.json", "percent": 10},
}
DEMAND = "    demand: {requests_per_second: 1, input_tokens: 2048, output_tokens: 256}\n"


def with_policies(fleet: FleetProject, configuration: dict[str, Any] | None = None) -> None:
    """The project has the pack, and the local stack this configuration of it instead of its own."""
    fleet.use_policies()
    if configuration is not None:
        (fleet.root / "stacks" / "policies.local.json").write_text(json.dumps(configuration))


def over_provisioned(waivers: str = "") -> str:
    """support-chat with 6 chunks of 980 for a demand of 2304, which 3 chunks cover with 20 percent: 2764.8."""
    return SMALL.replace(
        "    throughput: {bands: {min: 2, max: 4}}\n",
        f"    throughput: {{bands: {{min: 2, max: 6}}}}\n{DEMAND}{waivers}",
    ).replace("group_name: support-apps", "group_name: users")


def preview(fleet: FleetProject, engine: str) -> tuple[int, dict[str, Any]]:
    done = fleet.run("preview", "--engine", engine, "--json")
    return done.returncode, json.loads(done.stdout)


def found(document: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (one["enforcementLevel"], one["policyName"], one["resourceUrn"].rsplit("::", 1)[-1], one["message"])
        for one in document.get("policyEvents", [])
    ]


def test_over_provisioned_fleet_is_blocked_with_the_arithmetic_until_a_waiver_lets_it_through(
    fleet: FleetProject, engine: str, tmp_path: Path
) -> None:
    with_policies(fleet, STRICT)
    fleet.write_models(over_provisioned())
    status, document = preview(fleet, engine)
    assert status != 0
    mandatory = [one for one in found(document) if one[0] == "mandatory"]
    # Ceilings of the fleet: 5880 + 2720 tokens/s, over a budget of 6000.
    assert [one[1:3] for one in mandatory] == [("over-provisioned", "support-chat"), ("stack-budget", "fleet")]
    assert mandatory[0][3] == (
        "The ceiling is no more than the demand and its headroom, in whole chunks.\nceiling 5,880 tokens/s "
        "is 2.55 times the demand of 2,304 tokens/s; allowed is 1.2 times = 2,764.8, in chunks of 980: 3 bands (2,940); "
        "write bands: {min: 2, max: 3}\n"
    )
    assert "8,600 tokens/s are 2,600 over the budget of 6,000 tokens/s" in mandatory[1][3]
    assert [one[1:3] for one in found(document) if one[0] == "advisory"] == [("open-to-all", "support-chat")]

    (tmp_path / "preview.json").write_text(json.dumps(document))
    report = fleet.bandplan("report", str(tmp_path / "preview.json"), "--json", str(tmp_path / "report.json"))
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["status"] == "blocked"
    assert "2.55 times the demand of 2,304 tokens/s" in report

    reason = "reason: a trade fair, owner: ana@example.com"
    top = f"waivers:\n  - {{policy: stack-budget, {reason}, expires: 2099-12-31}}\nmodels:\n"
    entry = f"    waivers:\n      - {{policy: over-provisioned, {reason}, expires: 2099-12-31}}\n"
    fleet.write_models(over_provisioned(entry).replace("models:\n", top, 1))
    status, document = preview(fleet, engine)
    assert status == 0
    assert {one[0] for one in found(document)} == {"advisory"}
    waived = [one[3] for one in found(document) if one[1] in ("over-provisioned", "stack-budget")]
    assert len(waived) == 2
    assert all(one.endswith("; waived until 2099-12-31 by ana@example.com: a trade fair\n") for one in waived)
    (tmp_path / "preview.json").write_text(json.dumps(document))
    assert "2099-12-31" in fleet.bandplan("report", str(tmp_path / "preview.json"))

    fleet.write_models(over_provisioned(entry.replace("2099-12-31", "2026-01-31")).replace("models:\n", top, 1))
    done = fleet.run("preview", "--engine", engine, "--json")
    assert done.returncode != 0
    assert "the waiver of over-provisioned expired on 2026-01-31" in done.stdout


def test_update_is_stopped_before_anything_is_made(fleet: FleetProject, engine: str) -> None:
    with_policies(fleet, STRICT)
    fleet.write_models(over_provisioned())
    done = fleet.run("up", "--engine", engine)
    assert done.returncode != 0
    assert "allowed is 1.2 times = 2,764.8" in done.stdout
    assert fleet.endpoint_names() == set()


def test_both_engines_tell_the_same_of_the_sample_and_let_it_through(fleet: FleetProject, engine: str) -> None:
    """Whatever the engine, the same list: the one that `policy test` tells without any engine."""
    with_policies(fleet)
    status, document = preview(fleet, engine)
    assert status == 0
    judged = json.loads(fleet.bandplan("policy", "test", "--json"))
    assert document.get("policyEvents", []) == judged["policyEvents"]


def test_change_is_measured_against_what_is_deployed(fleet: FleetProject, engine: str) -> None:
    calm = {**STRICT, "stack-budget": "disabled", "over-provisioned": "disabled", "open-to-all": "disabled"}
    with_policies(fleet, calm)
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    # Deployed: 3920 + 2720 = 6640 tokens/s; 8 chunks more of 980 are 7840.
    fleet.write_models(SMALL.replace("{min: 2, max: 4}", "{min: 2, max: 12}"))
    status, document = preview(fleet, engine)
    assert status == 0
    ((level, policy, _, message),) = found(document)
    assert (level, policy) == ("advisory", "change-too-large")
    assert "7,840 tokens/s of ceilings change, 118.1% of the 6,640 deployed" in message


def test_configuration_that_cannot_be_used_stops_a_preview(fleet: FleetProject, engine: str) -> None:
    with_policies(fleet, {"over-provisoned": "mandatory"})
    done = fleet.run("preview", "--engine", engine)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "did you mean over-provisioned?" in done.stderr + done.stdout


OWN = """\
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule


def check(endpoint, settings):
    if endpoint.name == settings["name"]:
        yield Finding("is the one")


PROPERTIES = {"name": {"type": "string", "default": ""}}
RULE = EndpointRule("the-one", "Somebody looks for it.", "disabled", check, properties=PROPERTIES)
"""


def test_project_without_a_pack_is_judged_by_the_shipped_rules_and_its_own(fleet: FleetProject, engine: str) -> None:
    configuration = {"all": "disabled", "the-one": {"enforcementLevel": "mandatory", "name": "support-chat"}}
    configuration |= {"open-to-all": "advisory"}
    (fleet.root / "stacks" / "policies.local.json").write_text(json.dumps(configuration))
    own = fleet.root / "policies" / "own" / "the_one.py"
    own.parent.mkdir(parents=True)
    own.write_text(OWN)
    fleet.write_models(over_provisioned())
    status, document = preview(fleet, engine)
    assert status != 0
    assert sorted(one[:3] for one in found(document)) == [
        ("advisory", "open-to-all", "support-chat"),
        ("mandatory", "the-one", "support-chat"),
    ]
    own.write_text(OWN.replace("bandplan.policies.rule", "bandplan.policies.rules"))
    done = fleet.run("preview", "--engine", engine)
    assert done.returncode == 2 and "policies/own/the_one.py:2: cannot be imported: ImportError" in done.stderr
