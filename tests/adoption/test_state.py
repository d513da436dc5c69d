import itertools
from typing import Any

import pytest

from bandplan.adoption.state import UNKNOWN, Existing, NotTakenOver, Planned, taken_over

HEAD = "urn:pulumi:dev::bandplan::"
STACK = f"{HEAD}pulumi:pulumi:Stack::bandplan-dev"
FLEET = f"{HEAD}bandplan:index:Fleet::fleet"
PROVIDER = f"{HEAD}pulumi:providers:databricks::default_1_118_0"
CHAT = Existing("chat", "e" * 32, 4)
SUMMARY = {"chat": {"name": "chat", "floor_tokens_per_second": 980}}


def component(name: str = "chat") -> str:
    return f"{HEAD}bandplan:index:Fleet$bandplan:index:Endpoint::{name}"


def child(kind: str, name: str, of: str = "chat") -> str:
    return f"{component(of).rsplit('::', 1)[0]}${kind}::{name}"


SERVING = child("databricks:index/modelServing:ModelServing", "chat")


def step(urn: str, op: str = "create", **state: Any) -> dict[str, Any]:
    kind = urn.split("::")[2].rsplit("$", 1)[-1]
    new = {"urn": urn, "type": kind, "inputs": {}, "sourcePosition": "project:///x", **state}
    return {"op": op, "urn": urn, "newState": new}


def steps() -> list[dict[str, Any]]:
    provider = f"{PROVIDER}::{UNKNOWN}"
    own = {"custom": True, "parent": component()}
    return [
        step(STACK, custom=False),
        step(FLEET, custom=False, parent=STACK, inputs={"endpointCount": 1}),
        step(component(), custom=False, parent=FLEET, inputs={"name": "chat"}),
        step(
            child("databricks:index/permissions:Permissions", "chat-permissions"),
            provider=provider,
            dependencies=[SERVING],
            inputs={"servingEndpointId": UNKNOWN},
            **own,
        ),
        step(SERVING, provider=provider, inputs={"name": "chat"}, customTimeouts={"create": 14400}, **own),
    ]


def deployment(**changes: Any) -> dict[str, Any]:
    numbers = itertools.count(1)
    planned = Planned(changes.pop("steps", steps()), {"databricks:retryTimeoutSeconds": "30", "bandplan:models": "m"})
    before = changes.pop("before", {})
    return taken_over(before, planned, [CHAT], SUMMARY, "2026-11-22T00:00:00Z", lambda: f"id-{next(numbers)}")


def by_urn(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["urn"]: one for one in found["resources"]}


def test_each_resource_has_the_id_and_the_outputs_of_what_exists() -> None:
    found = by_urn(deployment())

    assert found[SERVING]["id"] == "chat"
    assert found[SERVING]["outputs"] == {"name": "chat", "servingEndpointId": CHAT.id}
    assert found[SERVING]["customTimeouts"] == {"create": 14400}
    permissions = found[child("databricks:index/permissions:Permissions", "chat-permissions")]
    assert permissions["id"] == f"/serving-endpoints/{CHAT.id}"
    assert permissions["inputs"] == {"servingEndpointId": CHAT.id}
    assert UNKNOWN not in str(deployment())


def test_resources_come_after_what_they_need() -> None:
    order = list(by_urn(deployment()))
    assert order.index(STACK) < order.index(FLEET) < order.index(component()) < order.index(SERVING)
    assert order.index(PROVIDER) < order.index(SERVING)
    assert order.index(SERVING) < order.index(child("databricks:index/permissions:Permissions", "chat-permissions"))


def test_default_provider_is_made_with_the_stacks_configuration_or_the_one_that_is_there_is_used() -> None:
    found = by_urn(deployment())
    assert found[PROVIDER]["outputs"] == {"retryTimeoutSeconds": "30", "version": "1.118.0"}
    assert found[SERVING]["provider"] == f"{PROVIDER}::{found[PROVIDER]['id']}"

    there = {"urn": PROVIDER, "custom": True, "id": "known", "type": "pulumi:providers:databricks"}
    assert by_urn(deployment(before={"resources": [there]}))[SERVING]["provider"] == f"{PROVIDER}::known"


def test_what_the_stack_has_stays_as_it_is_and_what_waits_is_not_taken() -> None:
    other = child("databricks:index/modelServing:ModelServing", "ours", of="ours")
    stack = {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"endpoints": [{"name": "ours"}]}}
    fleet = {"urn": FLEET, "type": "bandplan:index:Fleet", "custom": False, "inputs": {"endpointCount": 1}}
    ours = {"urn": other, "type": "databricks:index/modelServing:ModelServing", "custom": True, "inputs": {"old": 1}}
    before = {"manifest": {"version": "x"}, "resources": [stack, fleet, ours]}
    waiting = [
        step(FLEET, "update", custom=False, inputs={"endpointCount": 3}),
        step(other, "update", inputs={"new": 1}),
    ]
    waiting.append(step(component("later"), custom=False, parent=FLEET))

    after = deployment(before=before, steps=[*steps()[2:], *waiting])

    found = by_urn(after)
    assert found[other] == ours and found[FLEET] == fleet
    assert component("later") not in found
    assert after["manifest"] == {"version": "x"}
    assert [one["name"] for one in found[STACK]["outputs"]["endpoints"]] == ["chat", "ours"]
    assert before["resources"][0]["outputs"] == {"endpoints": [{"name": "ours"}]}  # the one given is not touched


def test_sums_of_the_fleet_are_brought_up_to_date_when_nothing_else_waits() -> None:
    fleet = {"urn": FLEET, "type": "bandplan:index:Fleet", "custom": False, "inputs": {"endpointCount": 0}}
    changed = [steps()[0], step(FLEET, "update", custom=False, inputs={"endpointCount": 1}), *steps()[2:]]
    found = by_urn(deployment(before={"resources": [fleet]}, steps=changed))
    assert found[FLEET]["inputs"] == {"endpointCount": 1}


def test_endpoint_whose_version_is_yet_to_be_registered_is_refused() -> None:
    unknown = step(SERVING, custom=True, parent=component(), provider=PROVIDER, inputs={"config": {"version": UNKNOWN}})
    with pytest.raises(NotTakenOver, match="register"):
        deployment(steps=[*steps()[:3], unknown])


def test_plan_that_does_not_create_the_endpoint_is_refused() -> None:
    with pytest.raises(NotTakenOver, match="chat"):
        deployment(steps=steps()[:2])
    with pytest.raises(NotTakenOver, match="update"):
        deployment(steps=[*steps()[:4], {**steps()[4], "op": "update"}])
