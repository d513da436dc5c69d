"""What a reviewer sees of an edit of models.yaml: preview, then report, with both engines."""

import json

from tests.e2e.conftest import SMALL, FleetProject

BAND = "bands: {min: 2, max: 4}"


def report(fleet: FleetProject, engine: str, *arguments: str) -> str:
    """The Markdown on a preview of models.yaml as it is now, whether the preview succeeds or not."""
    preview = fleet.run("preview", "--engine", engine, "--json")
    (fleet.root / "preview.json").write_text(preview.stdout)
    return fleet.bandplan("report", "preview.json", *arguments)


def test_an_edit_is_told_in_one_sentence_nothing_in_one_line_and_errors_as_they_are(
    fleet: FleetProject, engine: str
) -> None:
    """Chunks of support-chat's model are 980: 6 instead of 4 of them are 1,960 tokens/s more at the ceiling."""
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", "embedded", "--no-query")

    nothing = report(fleet, engine)
    assert nothing.startswith("Nothing changes in **<code>local</code>** (3 endpoints, ")
    assert nothing.count("\n") == 1

    fleet.edit(BAND, "bands: {min: 2, max: 6}")
    raised = report(fleet, engine, "--json", "report.json")
    assert raised.startswith("**<code>local</code>** changes 1 of 3 endpoints: floor ")
    (endpoint,) = json.loads((fleet.root / "report.json").read_text())["stacks"][0]["endpoints"]
    assert endpoint["name"] == "support-chat"
    assert (endpoint["before"]["bands"], endpoint["after"]["bands"]) == ({"min": 2, "max": 4}, {"min": 2, "max": 6})
    assert endpoint["after"]["ceilingTokensPerSecond"] - endpoint["before"]["ceilingTokensPerSecond"] == 1960

    fleet.write_models(SMALL.replace(BAND, "bands: {min: 4, max: 2}"))
    wrong = report(fleet, engine)
    assert wrong.startswith("**<code>local</code>**: the preview failed")
    assert "S8-order" in wrong


def test_report_after_a_failed_update_begins_from_what_runs(fleet: FleetProject, engine: str) -> None:
    fleet.write_models(
        "version: 1\nmodels:\n"
        "  - {name: chat, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: '1',"
        " throughput: {bands: {min: 1, max: 2}}}\n"
    )
    fleet.bandplan("up", "--engine", engine, "--no-query")
    fault = {"endpoint": "chat", "reason": "a broken image", "operation": "update"}
    fleet.request("POST", "/stub/faults", fault)
    fleet.edit("max: 2", "max: 4")
    assert fleet.run("up", "--engine", engine, "--no-query").returncode != 0

    # Two chunks of 980 run; four are wanted.
    assert "ceiling 1,960 → 3,920 tokens/s" in report(fleet, engine)
