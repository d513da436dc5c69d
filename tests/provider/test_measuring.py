"""What the stand-in workspace exports of the traffic of a split endpoint, read as a rollout reads it."""

from bandplan.serving.workspace.running_entities import measured_entities, running_endpoints
from tests.endpoint.builders import served
from tests.provider.workbench import Workbench

SPLIT = {
    "servedEntities": [served("llama-1"), served("llama-2", entityVersion="2")],
    "trafficConfig": {
        "routes": [
            {"servedEntityName": "llama-1", "trafficPercentage": 50},
            {"servedEntityName": "llama-2", "trafficPercentage": 50},
        ]
    },
}


def test_s36_requests_are_measured_by_the_entity_that_answered(bench: Workbench) -> None:
    bench.make_endpoint(declared=SPLIT)
    running = running_endpoints(bench.client, [bench.name, "nobody-there"])
    now = running[bench.name]
    assert now is not None and [entity.version for entity in now.entities] == ["1", "2"]
    assert now.changed_ms > 0 and running["nobody-there"] is None

    asked = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
    for _ in range(4):
        bench.client.post(f"/serving-endpoints/{bench.name}/invocations", asked)
    found = measured_entities(bench.client, [bench.name, "nobody-there"])
    of_each = [found[bench.name][name] for name in ("llama-1", "llama-2")]
    assert (sum(one.requests for one in of_each), sum(one.errors for one in of_each)) == (4, 0)
    assert found["nobody-there"] == {}
