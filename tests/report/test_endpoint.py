"""Which endpoints change, and what of them."""

from typing import Any

import pytest

from bandplan.report.endpoint import EndpointChange
from tests.report.previews import (
    GUARD,
    MODEL,
    PERMISSIONS,
    PT,
    SERVING,
    changed,
    child_urn,
    component_urn,
    document,
    entity,
    inputs,
    report_on,
    step,
    summary_entry,
    units_entity,
)


def only_change(*steps: dict[str, Any], **kwargs: Any) -> EndpointChange:
    (change,) = report_on(document(*steps, **kwargs)).endpoints
    return change


def serving_inputs(low: int, high: int) -> dict[str, Any]:
    served = {
        "name": "main",
        "entityName": MODEL,
        "entityVersion": "1",
        "minProvisionedThroughput": low,
        "maxProvisionedThroughput": high,
    }
    routes = [{"servedEntityName": "main", "trafficPercentage": 100}]
    return {"name": "chat", "config": {"servedEntities": [served], "trafficConfig": {"routes": routes}}}


def test_capacity_before_and_after_comes_from_the_component() -> None:
    change = only_change(*changed(before=inputs(), after=inputs("chat", entity(2, 6))))
    assert change.before is not None and change.after is not None
    assert (change.before.bands, change.after.bands) == ((2, 4), (2, 6))
    assert change.after.ceiling_tokens_per_second == 5880  # 6 x 980
    assert change.after.chunk_tokens_per_second == 980


def test_a_new_endpoint_has_nothing_before_and_a_deleted_one_nothing_after() -> None:
    new = only_change(*changed(after=inputs()))
    assert (new.before, new.rollout.kind) == (None, "new")
    gone = only_change(*changed(before=inputs()))
    assert (gone.after, gone.rollout.kind) == (None, "deleted")


def test_an_endpoint_whose_component_does_not_change_is_known_from_its_own_inputs() -> None:
    resource = step(
        "replace",
        child_urn("chat", SERVING),
        serving_inputs(1960, 3920),
        serving_inputs(1960, 3920),
        parent=component_urn("chat"),
        reasons=("routeOptimized",),
        replace_reasons=("routeOptimized",),
    )
    change = only_change(resource)
    assert change.name == "chat"
    assert change.after is not None
    assert change.after.floor_tokens_per_second == 1960
    assert change.rollout.kind == "replaced"
    assert change.rollout.because == ("routeOptimized",)
    assert change.also == ()  # said already


def test_an_endpoint_of_which_only_permissions_change_is_known_from_the_stacks_outputs() -> None:
    permissions = step("update", child_urn("chat", PERMISSIONS, "-permissions"), {}, {}, parent=component_urn("chat"))
    change = only_change(permissions, endpoints=[summary_entry("chat", 1960, 3920)])
    assert change.before == change.after
    assert change.after is not None and change.after.ceiling_tokens_per_second == 3920
    assert change.also == ("permissions",)
    assert change.rollout.consequence == "keeps serving, no new capacity"


def after_a_failed_deployment(ran: int, declared: int, wanted: int, **child: bool) -> list[dict[str, Any]]:
    """The component was declared with `declared` bands at most by a deployment that failed; `ran` is what still runs."""
    component, _ = changed(before=inputs("chat", entity(2, declared)), after=inputs("chat", entity(2, wanted)))
    old, new = serving_inputs(1960, ran * 980), serving_inputs(1960, wanted * 980)
    resource = step("update", child_urn("chat", SERVING), old, new, parent=component_urn("chat"), reasons=("config",))
    return [component, *([resource] if child.get("differs", True) else [])]


def test_what_a_failed_deployment_declared_is_not_what_was_before() -> None:
    change = only_change(*after_a_failed_deployment(ran=4, declared=6, wanted=5))
    assert change.before is not None and change.after is not None
    assert (change.before.bands, change.after.bands) == ((2, 4), (2, 5))
    assert change.before.ceiling_tokens_per_second == 3920  # 4 x 980


def test_taking_a_failed_change_back_changes_nothing() -> None:
    change = only_change(*after_a_failed_deployment(ran=4, declared=6, wanted=4, differs=False))
    assert change.before is not None and change.after is not None
    assert (change.before.bands, change.after.bands) == ((2, 4), (2, 4))


def test_a_guard_alone_means_that_the_workspace_runs_something_else() -> None:
    guard = step("update", child_urn("chat", GUARD, "-ready"), {}, {}, parent=component_urn("chat"))
    change = only_change(guard, endpoints=[summary_entry("chat")])
    assert change.rollout.kind == "guard"


def notified(*addresses: str) -> dict[str, Any]:
    return {"declared": {"emailNotifications": {"onUpdateFailures": list(addresses)}}}


def guard_step(op: str, old: Any, new: Any, **differing: bool) -> dict[str, Any]:
    found = step(op, child_urn("chat", GUARD, "-ready"), old, new, parent=component_urn("chat"))
    paths = {name.replace("__", "."): {"kind": "update", "inputDiff": is_input} for name, is_input in differing.items()}
    return {**found, "detailedDiff": paths or None}


NOTIFICATIONS = "declared__emailNotifications__onUpdateFailures"
MINE, THEIRS, NEW = notified("a@example.com"), notified("b@example.com"), notified("c@example.com")


@pytest.mark.parametrize(
    ("steps", "kind", "also"),
    [
        ([guard_step("update", MINE, NEW, **{NOTIFICATIONS: True})], "same_capacity", ("email notifications",)),
        ([guard_step("update", MINE, MINE, **{NOTIFICATIONS: False})], "guard", ()),
        # The guard calls it a difference of the inputs, from which Pulumi shows its values; the program changes nothing.
        ([guard_step("update", MINE, MINE, **{NOTIFICATIONS: True})], "guard", ()),
        (
            [guard_step("update", MINE, NEW, **{NOTIFICATIONS: True, "ready": False})],
            "guard",
            ("email notifications",),
        ),
        # With --refresh the old state is what the workspace has, so that each difference looks like the program's.
        (
            [
                guard_step("refresh", MINE, THEIRS),
                guard_step("update", THEIRS, MINE, **{NOTIFICATIONS: True}),
            ],
            "guard",
            (),
        ),
        (
            [guard_step("refresh", MINE, MINE), guard_step("update", MINE, NEW, **{NOTIFICATIONS: True})],
            "same_capacity",
            ("email notifications",),
        ),
        (
            [guard_step("refresh", MINE, THEIRS), guard_step("update", THEIRS, NEW, **{NOTIFICATIONS: True})],
            "guard",
            ("email notifications",),
        ),
    ],
    ids=[
        "the program",
        "by hand",
        "by hand, as an input",
        "both",
        "by hand, refreshed",
        "the program, refreshed",
        "both, refreshed",
    ],
)
def test_only_what_the_workspace_runs_differently_is_repaired(
    steps: list[dict[str, Any]], kind: str, also: tuple[str, ...]
) -> None:
    change = only_change(*steps, endpoints=[summary_entry("chat")])
    assert (change.rollout.kind, change.also) == (kind, also)


def test_going_to_the_other_api_makes_the_endpoint_anew() -> None:
    """Bands and model units of /pt are two types of resource: one is created, the other deleted."""
    component = step("update", component_urn("chat"), inputs("chat", units_entity(50)), inputs("chat", entity()))
    created = step("create", child_urn("chat", SERVING), None, {}, parent=component_urn("chat"))
    deleted = step("delete", child_urn("chat", PT), {}, None, parent=component_urn("chat"))
    change = only_change(component, created, deleted)
    assert change.rollout.kind == "replaced"
    assert change.before is not None and change.before.model_units == 50
    assert change.after is not None and change.after.model_units is None


def test_an_adopted_endpoint_runs_already() -> None:
    change = only_change(*changed(after=inputs(), op="import"))
    assert change.rollout.kind == "adopted"
    assert not change.rollout.stops_serving


def test_a_serving_resource_outside_of_a_fleet_is_an_endpoint_too() -> None:
    urn = f"urn:pulumi:prod::fleet::{SERVING}::chat"
    report = report_on(document(step("update", urn, serving_inputs(1960, 3920), serving_inputs(1960, 5880))))
    (change,) = report.endpoints
    assert change.name == "chat"
    assert report.summary.change.ceiling_tokens_per_second == 1960
    assert report.summary.before is None  # it is in no sum that the preview states


def test_other_resources_are_counted_and_never_taken_for_an_endpoint() -> None:
    other = step("create", "urn:pulumi:prod::fleet::databricks:index/grants:Grants::readers", None, {})
    report = report_on(document(other))
    assert report.endpoints == ()
    assert report.others == {"create": 1}
    assert report.summary.status == "changed"


def test_what_else_changes_is_named_in_plain_words() -> None:
    change = only_change(
        *changed(before=inputs(), after=inputs(tags={"a": "b"}), reasons=("config", "emailNotifications", "aiGateway"))
    )
    assert change.also == ("email notifications", "AI gateway")


@pytest.mark.parametrize("op", ["update", "create", "delete"])
def test_a_version_alone_is_no_change_of_an_endpoint(op: str) -> None:
    urn = child_urn("chat", "bandplan:index:ModelVersion", "-version")
    state = {"name": "ml.search.gte", "source": "runs:/1/model"}
    old, new = (None if op == "create" else state), (None if op == "delete" else state)
    report = report_on(document(step(op, urn, old, new, parent=component_urn("chat")), endpoints=[summary_entry()]))
    assert report.endpoints == ()
    assert len(report.models) == (0 if op == "update" else 1)
