"""What a create or a config update is refused for. Chunk of the Llama used: 980."""

from typing import Any

import pytest

from tests.stub.stub_client import BGE, ENDPOINTS, LLAMA, MAVERICK, StubClient, bands, units

EXTERNAL = {"name": "x", "external_model": {"name": "gpt-x", "provider": "openai", "task": "llm/v1/chat"}}


def config(*entities: Any, routes: Any = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"served_entities": list(entities), **fields}
    return made if routes is None else {**made, "traffic_config": {"routes": routes}}


def route(target: str, percent: Any, **fields: Any) -> dict[str, Any]:
    return {"served_entity_name": target, "traffic_percentage": percent, **fields}


A, B = bands(name="a"), bands(name="b")

SMALL = {"entity_name": BGE, "entity_version": "1", "workload_size": "Small"}

REFUSED = {
    "s8_band_not_whole_chunks_min": (
        config(bands(min_provisioned_throughput=1500)),
        "1500 is not a multiple of the throughput chunk size 980",
    ),
    "s8_band_not_whole_chunks_max": (config(bands(max_provisioned_throughput=1961)), "1961 is not a multiple"),
    "negative_minimum": (config(bands(min_provisioned_throughput=-980)), "-980 is not a multiple"),
    "minimum_above_maximum": (
        config(bands(min_provisioned_throughput=2940)),
        "2940 is above max_provisioned_throughput 1960",
    ),
    "no_maximum": (
        config(bands(max_provisioned_throughput=...)),
        "max_provisioned_throughput must be at least one chunk of 980",
    ),
    "maximum_of_zero": (
        config(bands(min_provisioned_throughput=0, max_provisioned_throughput=0)),
        "at least one chunk",
    ),
    "s1_bands_on_a_model_unit_model": (
        config(bands(entity_name=MAVERICK)),
        "not eligible for Provisioned Throughput in tokens per second",
    ),
    "s1_model_units_on_a_band_model": (
        config(units(entity_name=LLAMA)),
        "not eligible for Provisioned Throughput in model units",
    ),
    "s1_both_families_at_once": (
        config(bands(provisioned_model_units=50)),
        "a throughput band or provisioned_model_units",
    ),
    "s6_model_not_optimizable": (
        config(bands(entity_name="system.ai.whisper_large_v3")),
        "is not eligible for Provisioned Throughput.",
    ),
    "s6_units_on_a_model_not_optimizable": (
        config(units(entity_name="system.ai.whisper_large_v3")),
        "is not eligible for Provisioned Throughput.",
    ),
    "s3_base_llama_of_system_ai": (config(bands(entity_name="system.ai.meta_llama_v3_1_8b")), "only Instruct versions"),
    "s10_units_beside_the_increment": (
        config(units(entity_name="system.ai.gpt-oss-120b", provisioned_model_units=75)),
        "provisioned_model_units 75 is not a multiple of the model unit chunk size 50",
    ),
    "s10_no_model_units": (config(units(provisioned_model_units=0)), "must be at least 1"),
    "s4_no_version": (config(bands(entity_version=...)), "entity_version: is required"),
    "no_model": (config(bands(entity_name=...)), "entity_name: is required"),
    "band_that_is_text": (config(bands(max_provisioned_throughput="many")), "must be an integer"),
    "band_that_is_a_fraction": (config(bands(max_provisioned_throughput=980.5)), "must be an integer"),
    "band_that_is_true": (config(bands(max_provisioned_throughput=True)), "must be an integer"),
    "band_beyond_64_bits": (config(bands(max_provisioned_throughput=980 * 2**63)), "must be an integer"),
    "flag_that_is_text": (config(bands(scale_to_zero_enabled="yes")), "must be true or false"),
    "entity_that_is_text": ({"served_entities": ["a"]}, "must be a list of objects"),
    "no_entities": (config(), "at least one served entity is required"),
    "entities_and_models": (config(A, served_models=[A]), "either served_entities or served_models"),
    "name_used_twice": (config(A, A, routes=[route("a", 100)]), "'a' is used more than once"),
    "entity_name_with_a_space": (config(bands(name="a b")), "not a valid name"),
    "sixteen_entities": (config(*[bands(name=f"e{n}") for n in range(16)], routes=[route("e0", 100)]), "at most 15"),
    "traffic_below_100": (config(A, B, routes=[route("a", 50), route("b", 49)]), "sum to 99, not 100"),
    "traffic_above_100": (config(A, B, routes=[route("a", 60), route("b", 50)]), "sum to 110, not 100"),
    "traffic_out_of_range": (config(A, B, routes=[route("a", 150), route("b", -50)]), "has 150 percent"),
    "traffic_that_is_text": (config(A, routes=[route("a", "all")]), "must be an integer"),
    "unknown_route_target": (config(A, routes=[route("old", 100)]), "'old' is not a served entity"),
    "two_routes_to_one_entity": (config(A, routes=[route("a", 50), route("a", 50)]), "more than one route"),
    "two_entities_without_routes": (config(A, B), "routes are required"),
    "route_with_two_names_that_differ": (config(A, B, routes=[route("a", 100, served_model_name="b")]), "names both"),
    "route_without_a_name": (config(A, routes=[{"traffic_percentage": 100}]), "served_entity_name: is required"),
    "external_and_own_models": (config(A, EXTERNAL, routes=[route("a", 100)]), "cannot be mixed"),
    "external_with_bands": (
        config({**EXTERNAL, "max_provisioned_throughput": 980}),
        "provisioned throughput cannot be set",
    ),
    "external_and_a_model": (
        config({**EXTERNAL, "entity_name": BGE, "entity_version": "1"}),
        "together with entity_name",
    ),
    "external_and_a_size": (config({**EXTERNAL, "workload_size": "Small"}), "together with workload_size"),
    "external_that_scales_to_zero": (
        config({**EXTERNAL, "scale_to_zero_enabled": True}),
        "together with scale_to_zero_enabled",
    ),
    "external_without_a_task": (config({"external_model": {"name": "n", "provider": "openai"}}), "task: is required"),
    "unknown_workload_type": (
        config({**SMALL, "workload_type": "GPU_OF_TOMORROW"}),
        "'GPU_OF_TOMORROW' is not one of CPU",
    ),
    "unknown_workload_size": (config({**SMALL, "workload_size": "Gigantic"}), "'Gigantic' is not one of Small, Medium"),
    "sizes_have_their_case": (config({**SMALL, "workload_size": "small"}), "'small' is not one of Small, Medium"),
    "scale_to_zero_on_a_gpu": (
        config({**SMALL, "workload_type": "GPU_SMALL", "scale_to_zero_enabled": True}),
        "scale_to_zero_enabled is not available for workload_type GPU_SMALL",
    ),
    "legacy_scale_to_zero_on_a_gpu": (
        {
            "served_models": [
                {
                    "model_name": BGE,
                    "model_version": "1",
                    "workload_size": "Small",
                    "workload_type": "GPU_LARGE",
                    "scale_to_zero_enabled": True,
                }
            ]
        },
        "scale_to_zero_enabled is not available for workload_type GPU_LARGE",
    ),
    "bands_and_size": (config(bands(workload_size="Small")), "workload_size cannot be set together with"),
    "bands_and_type": (config(bands(workload_type="GPU_LARGE")), "workload_type cannot be set together with"),
    "bands_and_concurrency": (
        config(bands(min_provisioned_concurrency=4, max_provisioned_concurrency=8)),
        "max_provisioned_concurrency cannot be set together with",
    ),
    "units_and_size": (config(units(workload_size="Small")), "workload_size cannot be set together with"),
    "size_and_concurrency": (
        config({"entity_name": BGE, "entity_version": "1", "workload_size": "Small", "max_provisioned_concurrency": 4}),
        "either workload_size or provisioned concurrency",
    ),
}


@pytest.mark.parametrize(("wanted", "finding"), REFUSED.values(), ids=REFUSED.keys())
def test_configuration_is_refused_on_create_and_on_update(
    client: StubClient, name: str, wanted: dict[str, Any], finding: str
) -> None:
    created = client.send("POST", ENDPOINTS, {"name": name, "config": wanted})
    assert (created.status, created.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in created.message
    assert client.send("GET", f"{ENDPOINTS}/{name}").status == 404
    before = client.create(name)
    updated = client.send("PUT", f"{ENDPOINTS}/{name}/config", wanted)
    assert (updated.status, updated.error_code, updated.message) == (400, created.error_code, created.message)
    assert client.ok("GET", f"{ENDPOINTS}/{name}") == before


def test_all_findings_are_told_at_once(client: StubClient, name: str) -> None:
    wanted = config(bands(min_provisioned_throughput=1, max_provisioned_throughput=2), routes=[route("z", 7)])
    message = client.send("POST", ENDPOINTS, {"name": name, "config": wanted}).message
    for finding in ("min_provisioned_throughput 1 ", "max_provisioned_throughput 2 ", "'z' is not", "sum to 7"):
        assert finding in message


@pytest.mark.parametrize(
    "entity", [bands(entity_name="ml.no.such"), bands(entity_version="99"), units(entity_name="ml.no.such")]
)
def test_unknown_model_or_version_does_not_exist(client: StubClient, name: str, entity: dict[str, Any]) -> None:
    reply = client.send("POST", ENDPOINTS, {"name": name, "config": config(entity)})
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    "taken",
    ["", "a b", "a/b", "a.b", "-a", "_a", "ä", "a" * 64, "pt", "get-model-optimization-info", "databricks-x", "a\n"],
)
def test_endpoint_name_is_refused(client: StubClient, taken: str) -> None:
    reply = client.send("POST", ENDPOINTS, {"name": taken})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert reply.message.startswith("name: ")


@pytest.mark.parametrize("free", ["a", "A-b_9", "9", "x" * 63])
def test_endpoint_name_is_taken(client: StubClient, free: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": free})
    assert client.ok("GET", f"{ENDPOINTS}/{free}")["name"] == free


@pytest.mark.parametrize(
    ("wanted", "finding"),
    [
        (config(units(provisioned_model_units=...)), "provisioned_model_units: is required"),
        (config(units(workload_size="Small")), "workload_size: is not a field"),
        (config(bands()), "provisioned_model_units: is required"),
        (config(units(max_provisioned_throughput=980)), "max_provisioned_throughput: is not a field"),
        (config(), "at least one served entity is required"),
        (None, "at least one served entity is required"),
    ],
)
def test_pt_form_takes_model_units_only(client: StubClient, name: str, wanted: Any, finding: str) -> None:
    reply = client.send("POST", f"{ENDPOINTS}/pt", {"name": name, "config": wanted})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert finding in reply.message


@pytest.mark.parametrize(
    "entity",
    [
        bands(min_provisioned_throughput=0),
        bands(min_provisioned_throughput=...),  # the published providers drop a zero
        bands(min_provisioned_throughput=1960),
        bands(entity_version=1),  # scripts send the version as a number
        bands(entity_name=LLAMA.upper()),
        bands(workload_type="CPU"),  # the Go provider sends back what the server filled in
        bands(
            entity_name="system.ai.meta_llama_v3_1_8b_instruct",
            entity_version="2",
            min_provisioned_throughput=0,
            max_provisioned_throughput=970,
        ),
        units(),  # model units are legal on the classic path
        {"entity_name": BGE, "entity_version": "1", "workload_size": "Small", "workload_type": "GPU_SMALL"},
        {**SMALL, "workload_type": "GPU_LARGE_2", "scale_to_zero_enabled": False},
        {**SMALL, "workload_type": "CPU_LARGE", "scale_to_zero_enabled": True},
        bands(scale_to_zero_enabled=True),
        EXTERNAL,
        {**EXTERNAL, "scale_to_zero_enabled": False},
    ],
)
def test_entity_is_accepted(client: StubClient, name: str, entity: dict[str, Any]) -> None:
    assert client.create(name, entity)["state"]["ready"] == "READY"
