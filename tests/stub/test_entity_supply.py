"""What a served entity has to give, by its configuration and what is known of its model."""

from typing import Any

import pytest

from bandplan.stub.api.queries.admissions import supply_of
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import BANDS_REFERENCE, Shape
from bandplan.stub.state.registry.catalogue import Facts, load
from bandplan.stub.state.registry.eligibility import assess
from bandplan.stub.state.registry.mlmodel import MlModel
from bandplan.stub.state.serving.configuration import ServedEntity

LLAMA = Facts("llm/v1/chat", "bands", model_type="llama", chunk_tokens_per_second=980)
MAVERICK = Facts("llm/v1/chat", "model_units", model_type="llama4")
BAND = {"min_provisioned_throughput": 1960, "max_provisioned_throughput": 2940}


def entity(**settings: Any) -> ServedEntity:
    return ServedEntity("e", "system.ai.m", "1", settings)


def test_band_is_whole_chunks_of_the_version() -> None:
    supply = supply_of(entity(**BAND), LLAMA, Settings())
    assert supply is not None
    assert (supply.kind.rate, supply.kind.slots, supply.lowest, supply.highest) == (980, 4, 2, 3)
    assert supply.work.of(BANDS_REFERENCE) == pytest.approx(2304)


@pytest.mark.parametrize(
    ("stated", "bursts"),
    [({}, True), ({"burst_scaling_enabled": True}, True), ({"burst_scaling_enabled": False}, False)],
)
def test_units_burst_unless_told_not_to(stated: dict[str, bool], bursts: bool) -> None:
    supply = supply_of(entity(provisioned_model_units=50, **stated), MAVERICK, Settings())
    assert supply is not None
    assert supply.kind.rate == 3250
    assert (supply.burst is not None) == bursts


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"workload_size": "Small"}, LLAMA),
        ({"external_model": {"name": "g"}}, None),
        ({"foundation_model": {"name": "g"}}, LLAMA),
        (BAND, None),  # its version was deleted: its chunk is not known any more
        ({}, None),
    ],
)
def test_other_compute_is_held_to_nothing(settings: dict[str, Any], facts: Facts | None) -> None:
    assert supply_of(entity(**settings), facts, Settings()) is None


def test_embeddings_count_their_tokens_whatever_the_basis() -> None:
    facts = Facts("llm/v1/embeddings", "bands", model_type="gte", chunk_tokens_per_second=980)
    supply = supply_of(entity(**BAND), facts, Settings(basis="output"))
    assert supply is not None
    assert supply.work.of(Shape(700, 0)) == 700


CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
}
"""config.json of Llama 2 7B: four times the keys and values of Llama 3.1 8B, so that context costs more."""


@pytest.mark.parametrize("config", [CONFIG, {"model_type": "llama", "text_config": CONFIG}])
def test_users_model_weighs_as_its_own_configuration_says(config: dict[str, Any]) -> None:
    judged = assess(MlModel(), config)
    facts = load().user_model("llama", "llm/v1/chat", None, None, judged.sizes)
    own, usual = supply_of(entity(**BAND), facts, Settings()), supply_of(entity(**BAND), LLAMA, Settings())
    assert own is not None
    assert usual is not None
    assert own.work.context / own.work.prompt > 4 * usual.work.context / usual.work.prompt
    assert own.work.of(BANDS_REFERENCE) == pytest.approx(2304)


@pytest.mark.parametrize(
    "config", [None, {}, {"hidden_size": "x"}, {"hidden_size": 10**400}, {"text_config": [1]}, {"hidden_size": 0}]
)
def test_configuration_that_says_nothing_leaves_the_family_to_say(config: dict[str, Any] | None) -> None:
    judged = assess(MlModel(), config)
    facts = load().user_model("llama", "llm/v1/chat", None, None, judged.sizes)
    own, usual = supply_of(entity(**BAND), facts, Settings()), supply_of(entity(**BAND), LLAMA, Settings())
    assert own is not None
    assert own == usual
