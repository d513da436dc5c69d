"""A preview with nothing but two versions of models.yaml: no workspace, no state, no secret."""

import json
import shutil
from typing import Any

import pytest

from bandplan.stub import process
from tests.e2e.conftest import ROOT, SAMPLE, SMALL, FleetProject, by_name

NOWHERE = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "not-to-be-used"}


def offline(fleet: FleetProject, base: str, stack: str = "prod") -> dict[str, Any]:
    (fleet.root / "base.yaml").write_text(base)
    arguments = ("preview", "--stack", stack, "--offline", "--against", "base.yaml", "--json")
    document: dict[str, Any] = json.loads(fleet.bandplan(*arguments, **NOWHERE))
    return document


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_this_repository_s_own_fleet_does_not_change_against_itself(fleet: FleetProject, stack: str) -> None:
    """The versions that it registers are known on neither side; the policies let it pass."""
    models = SAMPLE.read_text()
    fleet.write_models(models)
    fleet.use_policies()
    document = offline(fleet, models, stack)
    assert by_name(document) == {}
    assert set(document["changeSummary"]) == {"same"}
    assert process.status(fleet.stub_folder) is None
    shown = fleet.bandplan("preview", "--stack", stack, "--offline", "--against", "base.yaml", **NOWHERE)
    assert "    no changes\n" in shown and " update" not in shown.split("Policies:")[0].split("\n", 1)[1]


def test_every_kind_of_change_is_told_and_nothing_is_left_behind(fleet: FleetProject) -> None:
    fleet.write_models(
        SMALL.replace("bands: {min: 2, max: 4}", "bands: {min: 2, max: 6}")
        .replace("name: passage-embeddings", "name: passages")
        .replace("{model_units: 50}", "{model_units: 50}\n    route_optimized: true")
    )
    document = offline(fleet, SMALL)
    assert document["offline"] is True
    steps = by_name(document)
    assert steps["ModelServing support-chat"] == "update"
    assert steps["ModelServing passages"] == "create"
    assert steps["ModelServing passage-embeddings"] == "delete"
    assert {op for name, op in steps.items() if name.endswith(" maverick-chat")} == {"create", "delete"}
    assert not (fleet.root / ".bandplan" / "state").exists()


def test_what_cannot_be_compared_is_told(fleet: FleetProject) -> None:
    fleet.write_models(SMALL)
    arguments = ("preview", "--stack", "prod", "--offline", "--against", "base.yaml")
    assert "--against base.yaml: no such file; write one with `git show" in fleet.run(*arguments).stderr
    (fleet.root / "base.yaml").write_text(SMALL.replace("min: 2, max: 4", "min: 4, max: 2"))
    done = fleet.run(*arguments)
    assert done.returncode == 1
    assert "cannot be compared with" in done.stderr
    assert "S8-order" in done.stderr
    assert fleet.run(*arguments[:3], "--against", "base.yaml").returncode == 2


def test_recorded_answers_are_written_to_be_committed_without_naming_the_workspace(fleet: FleetProject) -> None:
    shutil.rmtree(fleet.root / "stacks")
    shutil.copytree(ROOT / "stacks", fleet.root / "stacks", ignore=shutil.ignore_patterns("*.json", "__pycache__"))
    fleet.write_models(SMALL)
    fleet.bandplan("validate", "--record")
    record = json.loads((fleet.root / "stacks" / "optimization-info.json").read_text())
    assert record["workspace"] == ""
    chunks = {answer["model"]: answer["throughput_chunk_size"] for answer in record["answers"]}
    assert chunks == {
        "system.ai.bge_large_en_v1_5": 1360,
        "system.ai.llama-4-maverick": None,
        "system.ai.llama_v3_3_70b_instruct": 980,
    }
