"""What the file of the local stack says of an endpoint's capacity holds after `up`, and the endpoint gives that much."""

import pytest

from tests.e2e.conftest import ENGINES, FleetProject

FILE = "stacks/Pulumi.local.yaml"


@pytest.mark.parametrize("engine", ENGINES)
def test_up_holds_endpoints_to_their_band_with_the_settings_of_the_stack(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(
        "version: 1\nmodels:\n- name: chat\n  task: llm/v1/chat\n  model: system.ai.llama_v3_3_70b_instruct\n"
        '  version: "1"\n  throughput: {bands: {min: 1, max: 2}}\n'
    )
    file = fleet.root / FILE
    text = file.read_text()
    engines = "  bandplan:engines:\n    chat: {capacity: {startup_seconds: 7, solo_speedup: 2.0}}\n"
    file.write_text(text.replace("config:\n", "config:\n" + engines, 1))
    out = fleet.bandplan("up", "--yes", "--engine", engine)
    assert "Simulated answer" in out
    shown = fleet.request("GET", "/stub/endpoints/chat")["capacity"]
    (entity,) = shown["entities"].values()
    assert (shown["unlimited"], entity["chunks_min"], entity["chunks_max"]) == (False, 1, 2)
    assert fleet.request("GET", "/stub/endpoints/chat/capacity")["own"] == {"startup_seconds": 7, "solo_speedup": 2.0}
    (query,) = fleet.request("GET", "/stub/requests")["requests"]
    assert query["last_token_ms"] - query["admitted_ms"] >= 900 * query["work"] / (980 / 4 * 2)

    file.write_text(text.replace("config:\n", "config:\n" + engines.replace("chat:", "chatt:"), 1))
    refused = fleet.run("up", "--yes", "--engine", engine)
    assert refused.returncode == 2
    assert (
        f"{FILE}: bandplan:engines/chatt: the models file has no endpoint of this name; did you mean chat?"
        in refused.stderr
    )
