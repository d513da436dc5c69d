import json
from typing import Any

import pytest

from bandplan.cli.commands.explain import rules_of_the_file
from bandplan.cli.deployment_document import deployment_document
from bandplan.cli.engines.engine import Result
from bandplan.cli.problem_lines import read_problem
from bandplan.cli.query import QueryResult
from bandplan.cli.seen_endpoints import NOTHING_SEEN, SeenEndpoints
from bandplan.serving.spec.problem import Problem
from bandplan.wire.redaction import redactor
from tests.output_schema import require_shape

RULES = {name: rule.text for name, rule in rules_of_the_file().items()}
STACK = "urn:pulumi:local::team::pulumi:pulumi:Stack::team-local"
CHAT = "urn:pulumi:local::team::databricks:index:ModelServing::chat"
SECRET = "dapi" + "0" * 32


def document(found: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The document of a deployment, which has the shape of the schema."""
    seen = more.pop("seen", NOTHING_SEEN)
    result = Result(more.pop("ok", True), more.pop("outputs", {}), found, **more)
    made = deployment_document(result, seen, RULES, redactor([]))
    head = {"version": 1, "command": "up", "stack": "local", "engine": "embedded", "workspace": None}
    require_shape({**head, **made, "exitStatus": 0}, "up")
    return made


@pytest.mark.parametrize("severity", ["error", "warning"])
@pytest.mark.parametrize("rule", rules_of_the_file().values(), ids=rules_of_the_file())
def test_problem_is_read_back_from_its_line(rule: Any, severity: Any) -> None:
    problem = Problem("models.yaml", 3, 5, "models/a/b", "a: b; c", rule.text, "write d; or e", rule.id, severity)
    assert read_problem(problem.render(), "error", RULES) == problem
    assert read_problem(problem.render(with_severity=False), severity, RULES) == problem


def test_problem_of_the_whole_file_and_lines_of_others() -> None:
    whole = Problem("models.yaml", 1, 1, "", "is empty", "", "", "more-problems")
    assert read_problem(whole.render(), "error", {}) == whole
    for line in ("nothing was deployed:", "http://127.0.0.1:80/x: refused", "models.yaml: has no entries", ""):
        assert read_problem(line, "error", RULES) is None


def test_refused_deployment_has_its_problems_once_and_no_other_message() -> None:
    problem = Problem("models.yaml", 3, 5, "models/a", "finding", RULES["unknown-key"], "step", "unknown-key")
    text = f"error: nothing was deployed:\n{problem.render()}\n"
    ends = "error: an unhandled error occurred: program exited with non-zero exit code: 1\n"
    diagnostics = [{"severity": "error", "message": message} for message in (text, text, ends)]
    made = document({"diagnostics": diagnostics}, ok=False)
    assert [one["id"] for one in made["problems"]] == ["unknown-key"]
    assert made["problems"][0]["nextStep"] == "step"
    assert made["messages"] == []
    assert made["failure"] == "nothing was deployed: 1 error in the models file"


def test_end_of_an_engine_is_kept_if_it_gives_no_other_reason() -> None:
    made = document({"diagnostics": [{"severity": "error", "message": "error: preview failed\n"}]}, ok=False)
    assert [one["text"] for one in made["messages"]] == ["preview failed"]
    assert made["failure"] == "preview failed"


def test_steps_are_changes_without_values_and_say_which_failed() -> None:
    made = document(
        {
            "steps": [
                {"op": "update", "urn": STACK, "detailedDiff": None},
                {"op": "same", "urn": CHAT, "detailedDiff": None},
                *(
                    {
                        "op": "update",
                        "urn": CHAT,
                        "newState": {"inputs": {"token": SECRET}},
                        "detailedDiff": {"config.servedEntities[0].maxProvisionedThroughput": {"kind": "update"}},
                    }
                    for _ in range(2)
                ),
            ],
            "diagnostics": [{"severity": "error", "urn": CHAT, "message": f"error: token {SECRET} was refused\n"}],
            "changeSummary": {"update": 1},
        },
        ok=False,
        is_applied=True,
    )
    (step,) = made["steps"]
    assert (step["op"], step["name"], step["hasFailed"]) == ("update", "chat", True)
    assert step["changed"] == ["config.servedEntities[0].maxProvisionedThroughput"]
    assert made["isApplied"] is True
    assert SECRET not in json.dumps(made)


def test_mandatory_policy_is_the_failure_and_an_advisory_one_is_not() -> None:
    event = {"policyName": "stack-budget", "resourceUrn": "", "message": "too much", "policyPackName": "p"}
    ends = [{"severity": "error", "message": "error: preview failed\n"}]
    made = document({"policyEvents": [{**event, "enforcementLevel": "mandatory"}], "diagnostics": ends}, ok=False)
    assert made["messages"] == []
    assert made["failure"] == "nothing was deployed: mandatory policies are violated: stack-budget"
    made = document({"policyEvents": [{**event, "enforcementLevel": "advisory"}]})
    assert (made["failure"], made["policies"][0]["text"]) == (None, "too much")


def test_endpoints_have_their_figures_states_and_answers() -> None:
    output = {
        "name": "chat",
        "task": "llm/v1/chat",
        "family": "bands",
        "models": [{"model": "system.ai.x", "version": None, "traffic_percent": 100}],
        "floor_tokens_per_second": 980,
        "ceiling_tokens_per_second": 1960,
        "model_units": None,
        "url": "http://127.0.0.1:1/serving-endpoints/chat/invocations",
    }
    answers = [QueryResult("chat", False, "no answer", 0.5)]
    seen = SeenEndpoints({"chat": "READY"}, {"chat": "simulated"}, answers, "no answer from chat")
    made = document({}, outputs={"endpoints": [output]}, seen=seen)
    (endpoint,) = made["endpoints"]
    assert (endpoint["floorTokensPerSecond"], endpoint["ceilingTokensPerSecond"]) == (980, 1960)
    assert (endpoint["state"], endpoint["engine"], endpoint["answer"]["isOk"]) == ("READY", "simulated", False)
    assert made["failure"] == "no answer from chat"
