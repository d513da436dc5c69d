"""What `--json` prints of deployments, with either engine: one document, alone on stdout, of one shape."""

import json
import subprocess
from typing import Any

from tests.e2e.conftest import FleetProject
from tests.output_schema import require_shape

CHAT = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: MAX}}
"""


def document(done: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(done.stdout)
    require_shape(made, name)
    assert made["exitStatus"] == done.returncode
    return made


def test_up_says_what_it_did_what_was_wrong_and_what_failed(fleet: FleetProject, engine: str) -> None:
    up = ("up", "--json", "--engine", engine)
    fleet.write_models(CHAT.replace("MAX", "2"))
    done = fleet.run(*up)
    made = document(done, "up")
    assert (made["engine"], made["isApplied"], made["failure"], made["changes"]) == (engine, True, None, {"create": 5})
    assert [step["op"] for step in made["steps"]] == ["create"] * 4
    (endpoint,) = made["endpoints"]
    assert (endpoint["ceilingTokensPerSecond"], endpoint["state"], endpoint["answer"]["isOk"]) == (1960, "READY", True)
    assert "ENDPOINT" in done.stderr and fleet.workspace.token not in done.stdout + done.stderr

    made = document(fleet.run(*up, "--no-query"), "up")
    assert (made["isApplied"], made["steps"], made["endpoints"][0]["answer"]) == (False, [], None)

    fleet.write_models(CHAT.replace("min: 1", "min: 3").replace("MAX", "2") + "    tagss: {}\n")
    made = document(fleet.run(*up), "up")
    assert (made["isApplied"], made["exitStatus"], made["messages"], made["endpoints"]) == (False, 2, [], [])
    problems = {one["id"]: one for one in made["problems"]}
    assert sorted(problems) == ["S8-order", "unknown-key"]
    assert (problems["unknown-key"]["line"], problems["unknown-key"]["nextStep"]) == (8, "did you mean tags?")

    fleet.write_models(CHAT.replace("MAX", "3"))
    fleet.request("POST", "/stub/faults", {"endpoint": "chat", "operation": "update", "reason": "no GPUs today"})
    made = document(fleet.run(*up), "up")
    assert (made["isApplied"], made["exitStatus"]) == (True, 1)
    assert any("no GPUs today" in message["text"] for message in made["messages"])
    failed = [step["type"] for step in made["steps"] if step["hasFailed"]]
    assert failed and made["failure"]


def test_adopt_says_what_it_found_and_did(fleet: FleetProject) -> None:
    adopt = ("adopt", "--engine", "embedded", "--json")
    fleet.write_models("version: 1\nmodels: []\n")
    fleet.bandplan("stub", "start")
    entity = {"entity_name": "system.ai.llama_v3_3_70b_instruct", "entity_version": "1"}
    band = {"min_provisioned_throughput": 980, "max_provisioned_throughput": 1960}
    config = {"served_entities": [{**entity, **band}]}
    fleet.request("POST", "/api/2.0/serving-endpoints", {"name": "chat", "config": config})
    fleet.settled("chat")
    made = document(fleet.run(*adopt), "adopt")
    assert [(one["name"], one["status"], one["hasEntry"]) for one in made["endpoints"]] == [
        ("chat", "adoptable", False)
    ]
    assert (made["isWritten"], made["nextPreview"], made["difference"]) == (False, None, "")

    done = fleet.run(*adopt, "caht")
    made = document(done, "failure")
    assert made["failure"] == "caht: no such endpoint in the workspace of local; did you mean chat?"
    assert done.returncode == 2

    made = document(fleet.run(*adopt, "chat", "--write"), "adopt")
    assert [(one["status"], one["hasEntry"]) for one in made["endpoints"]] == [("adopted", True)]
    assert (made["isWritten"], made["nextPreview"]) == (True, [])
    assert "+  - name: chat" in made["difference"]

    made = document(fleet.run(*adopt, "none"), "failure")
    every = "every endpoint of the workspace is in the stack local"
    assert made["failure"] == f"none: no such endpoint in the workspace of local; {every}"


def test_rollback_says_what_it_moves(fleet: FleetProject) -> None:
    fleet.write_models(CHAT.replace("MAX", "2"))
    fleet.bandplan("up", "--no-query")
    made = document(fleet.run("rollback", "chat", "--json"), "failure")
    assert "there is no version to go back to" in made["failure"]
    made = document(fleet.run("rollback", "chat", "--to", "1", "--json"), "rollback")
    assert (made["toVersion"], made["stillServes"], made["isWritten"]) == ("1", True, False)
    assert made["traffic"] == [{"version": "1", "beforePercent": 100, "afterPercent": 100}]


def test_migration_says_what_changes_and_what_it_does_not_know(fleet: FleetProject) -> None:
    text = CHAT[: CHAT.index("    throughput")].replace("llm/v1/chat", "llm/v1/completions")
    workload = (
        "    workload: {size: Small, parameters_billion: 70, gpu_access_confirmed: true}\n    allow_legacy: true\n"
    )
    fleet.write_models(text + workload)
    fleet.bandplan("stub", "start")
    done = fleet.run("migrate", "--json")
    made = json.loads(done.stdout)
    require_shape(made, "migrate" if done.returncode == 0 else "failure")
    assert done.returncode == 0, made
    assert [one["name"] for one in made["entries"]] == ["chat"]
