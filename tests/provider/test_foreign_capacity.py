"""Capacity of another kind that somebody gave an endpoint by hand: what the preview says about it."""

from typing import Any

import pytest

from bandplan.plugin.errors import ProviderError
from bandplan.serving.endpoint.config_body import config_body
from bandplan.serving.endpoint.declared import Declared
from tests.endpoint.builders import declaration
from tests.provider.workbench import ROOT, Workbench

EXTERNAL = {
    "name": "gpt",
    "external_model": {
        "name": "gpt-4o",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key_plaintext": "not-a-key"},
    },
}


def changed_by_hand(bench: Workbench, entity: dict[str, Any], name: str = "u") -> None:
    route = {"served_entity_name": name, "traffic_percentage": 100}
    body = {"served_entities": [{**entity, "name": name}], "traffic_config": {"routes": [route]}}
    bench.client.put(f"{ROOT}/{bench.name}/config", body)
    while bench.live().is_updating:
        pass


def test_endpoint_that_became_one_of_an_external_model_is_refused_at_the_preview(bench: Workbench) -> None:
    bench.make_endpoint()
    before = bench.create(bench.inputs())
    bench.client.delete(f"{ROOT}/{bench.name}")
    bench.client.post(ROOT, {"name": bench.name, "config": {"served_entities": [EXTERNAL]}})

    with pytest.raises(ProviderError, match=r"serves an external model.*Nothing was changed.*`bandplan up --refresh`"):
        bench.diff(before, bench.inputs())


def test_compute_in_place_of_throughput_is_told_with_the_up_that_replaces_it(bench: Workbench) -> None:
    bench.make_endpoint()
    before = bench.create(bench.inputs())
    model = {"entity_name": "system.ai.mpt_7b_instruct", "entity_version": "1"}
    changed_by_hand(bench, {**model, "workload_type": "GPU_LARGE", "workload_size": "Small"})

    bench.diff(before, bench.inputs())

    said = [text for text in bench.warnings if "with compute" in text]
    assert len(said) == 1
    assert "(entities/u/workload_type, entities/u/workload_size)" in said[0]
    assert "Run `up` without `--refresh`" in said[0]
    bench.update(before, bench.inputs())
    assert bench.live().config is not None
    bench.warnings.clear()
    bench.diff(before, bench.inputs())
    assert not any("with compute" in text for text in bench.warnings)


def test_throughput_changed_by_hand_is_not_called_compute(bench: Workbench) -> None:
    bench.make_endpoint()
    before = bench.create(bench.inputs())
    (entity,) = config_body(Declared.from_inputs(declaration()), None)["served_entities"]
    changed_by_hand(bench, {**entity, "max_provisioned_throughput": 2940}, entity.get("name", "u"))

    bench.diff(before, bench.inputs())

    assert not any("with compute" in text for text in bench.warnings)
