"""Whatever `validate` takes, the local workspace takes as well: random entries, sent as the request that creates them."""

import json
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bandplan.components.request import endpoint_request
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fields import keys_of
from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.throughput.sizing import EndpointSizing, size
from bandplan.stub.api.endpoints.configuration import read_classic, read_provisioned
from bandplan.stub.api.endpoints.permissions import read_permissions
from bandplan.stub.api.endpoints.serving_endpoints import read_settings, read_tags
from bandplan.stub.state.access import LEVELS
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.rules import check_configuration, check_endpoint_name
from bandplan.wire.names import to_api
from tests.spec.test_schema import PROPERTY, values_of

CHUNK = 980
ANSWERS = {"bands": OptimizationInfo(True, "llama", CHUNK), "model_units": OptimizationInfo(True, "llama4", None)}
FACTS = {
    "bands": Facts("llm/v1/chat", "bands", "llama", CHUNK),
    "model_units": Facts("llm/v1/chat", "model_units", "llama4"),
    "workload": Facts("llm/v1/completions", "none"),
}


def send(sizing: EndpointSizing) -> None:
    """Judge the endpoint's create and its permissions as the local workspace does; raises its refusal."""
    request = endpoint_request(sizing)
    body: dict[str, Any] = to_api(request.endpoint)
    mails = {"on_update_failures": "on_update_failure", "on_update_successes": "on_update_success"}
    notified = {mails[kind]: list(who) for kind, who in body.pop("email_notifications", {}).items()}
    check_endpoint_name(body["name"])
    read_settings({**body, "email_notifications": notified})
    read_tags(body, "tags")
    config = read_provisioned(body["config"]) if request.api == "pt" else read_classic(body["config"])
    check_configuration(config, {entity.name: FACTS[sizing.family] for entity in config.entities}, 15)
    for one in read_permissions({"access_control_list": to_api(list(request.access_controls))}):
        assert one.level in LEVELS["serving-endpoints"]


CAPACITIES = {
    "bands": {"throughput": {"bands": {"min": 1, "max": 2}}},
    "model_units": {"throughput": {"model_units": 50}},
    "workload": {
        "workload": {"size": "Small", "parameters_billion": 7},
        "allow_legacy": True,
        "task": "llm/v1/completions",
    },
}
SETTINGS = ("ai_gateway", "rate_limits", "permissions", "notifications", "tags", "description", "budget_policy_id")
FIELDS = {key: values_of(info.annotation, info.metadata) for key, info in keys_of(Entry).items()}


@st.composite
def entries(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """(kind of capacity, an entry whose names and settings are whatever their shapes take)."""
    kind = draw(st.sampled_from(sorted(CAPACITIES)))
    # The gateway every other time: it has the most rules.
    chosen = {*draw(st.lists(st.sampled_from(SETTINGS), max_size=3)), *draw(st.sampled_from([(), ("ai_gateway",)]))}
    served = {"task": "llm/v1/chat", "model": draw(FIELDS["model"]), "version": "1", **CAPACITIES[kind]}
    return kind, {"name": draw(FIELDS["name"]), **served, **{key: draw(FIELDS[key]) for key in sorted(chosen)}}


@settings(PROPERTY, max_examples=120)
@given(entries())
def test_entry_that_validate_takes_is_refused_by_no_rule_of_the_workspace(drawn: tuple[str, dict[str, Any]]) -> None:
    kind, entry = drawn
    loaded = load_text(json.dumps({"version": 1, "models": [entry]}, ensure_ascii=False), "models.yaml", None)
    if loaded.fleet is None:
        event("refused by validate")
        return
    answer = ANSWERS.get(kind, ANSWERS["bands"])
    sized = size(loaded.fleet, dict.fromkeys(model_versions(loaded.fleet), answer), loaded.source)
    if all(one.severity == "warning" for one in sized.problems):
        event(kind)
        (endpoint,) = sized.endpoints
        send(endpoint)
