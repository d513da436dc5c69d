"""What a deployment did, as JSON of one shape for both engines: steps, findings and endpoints, without any values.

Made from the document of the run in the shape of `pulumi preview --json`, which has the values of every property.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from bandplan.cli.json_output import problem_fields
from bandplan.cli.problem_lines import read_problem
from bandplan.cli.seen_endpoints import SeenEndpoints
from bandplan.counted import counted
from bandplan.report.finding import ENDS, OF_THE_STUB
from bandplan.wire.capacity import FIGURES, UNITS
from bandplan.wire.names import to_property_name
from bandplan.wire.redaction import Redact
from bandplan.wire.types import STACK
from bandplan.wire.urn import parse_urn

if TYPE_CHECKING:
    from bandplan.cli.engines.engine import Result
    from bandplan.cli.stack_engine import StackEngine
    from bandplan.serving.spec.problem import Problem

HEADING: Final = "nothing was deployed:"
"""The line above the problems of a models file (`serving.planning.deployment.refusal`)."""


def deployment_of(opened: "StackEngine", result: "Result", seen: SeenEndpoints) -> dict[str, Any]:
    """Return what was done on a stack, without secrets of its environment."""
    from bandplan.cli.commands.explain import rules_of_the_file
    from bandplan.wire.redaction import redactor, secrets_of_environment

    rules = {name: rule.text for name, rule in rules_of_the_file().items()}
    return deployment_document(result, seen, rules, redactor(secrets_of_environment(opened.environ)))


def deployment_document(
    result: "Result", seen: SeenEndpoints, rules: Mapping[str, str], redact: Redact
) -> dict[str, Any]:
    """Return what was done. `rules` are the texts of the models file's rules by id; `redact` removes secrets."""
    document = result.document or {}
    problems, messages = sorted_messages(document.get("diagnostics") or (), rules, redact)
    failing = {message["resource"] for message in messages if message["severity"] == "error"} - {None}
    policies = [policy_fields(event, redact) for event in document.get("policyEvents") or ()]
    violated = [policy for policy in policies if policy["level"] == "mandatory"]
    messages = without_ends(messages, has_reason=bool(problems or violated))
    outputs = result.outputs.get("endpoints") or []
    return {
        "isApplied": result.is_applied,
        "failure": (None if result.ok else failure_of(result, problems, violated, messages)) or seen.failure or None,
        "problems": [problem_fields(problem) for problem in problems],
        "messages": messages,
        "policies": policies,
        "changes": {str(op): int(count) for op, count in (document.get("changeSummary") or {}).items()},
        "steps": list(step_fields(document.get("steps") or (), failing)),
        "endpoints": [endpoint_fields(output, seen) for output in outputs],
    }


def step_fields(steps: Iterable[Mapping[str, Any]], failing: set[str | None]) -> Iterator[dict[str, Any]]:
    """Yield every change of a resource once, with the paths of its changed properties, but not their values."""
    seen: set[tuple[str, str]] = set()
    for step in steps:
        op, urn = str(step.get("op")), str(step.get("urn"))
        parts = parse_urn(urn)
        if op == "same" or parts is None or parts.type == STACK or (op, urn) in seen:
            continue
        seen.add((op, urn))
        yield {
            "op": op,
            "type": parts.type,
            "name": parts.name,
            "urn": urn,
            "changed": sorted(step.get("detailedDiff") or step.get("diffReasons") or ()),
            "hasFailed": urn in failing,
        }


def sorted_messages(
    diagnostics: Iterable[Mapping[str, Any]], rules: Mapping[str, str], redact: Redact
) -> "tuple[list[Problem], list[dict[str, Any]]]":
    """Return the problems of the models file, each once, and all other warnings and errors."""
    problems: dict[Problem, None] = {}
    messages: list[dict[str, Any]] = []
    for diagnostic in diagnostics:
        severity: Literal["error", "warning"] = "warning" if diagnostic.get("severity") == "warning" else "error"
        if diagnostic.get("severity") not in ("warning", "error"):
            continue
        left = []
        for line in redact(str(diagnostic.get("message") or "")).strip().splitlines():
            problem = read_problem(line.removeprefix(f"{severity}: ").strip(), severity, rules)
            if problem is None:
                left.append(line)
            else:
                problems[problem] = None
        text = "\n".join(left).removeprefix(f"{severity}: ").strip()
        is_empty = text in ("", HEADING) or OF_THE_STUB.match(text)
        message = {"severity": severity, "resource": diagnostic.get("urn") or None, "text": text}
        if not is_empty and message not in messages:
            messages.append(message)
    return list(problems), messages


def without_ends(messages: Sequence[dict[str, Any]], *, has_reason: bool) -> list[dict[str, Any]]:
    """Leave out the messages that only say that a run failed, if anything else says why."""
    others = [one for one in messages if not one["text"].startswith(ENDS)]
    return others if has_reason or any(one["severity"] == "error" for one in others) else list(messages)


def policy_fields(event: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    return {
        "policy": str(event.get("policyName") or ""),
        "level": str(event.get("enforcementLevel") or ""),
        "resource": event.get("resourceUrn") or None,
        "text": redact(str(event.get("message") or "")).strip(),
    }


def failure_of(
    result: "Result",
    problems: "Sequence[Problem]",
    violated: Sequence[Mapping[str, Any]],
    messages: Sequence[Mapping[str, Any]],
) -> str:
    """Say in a line why the run failed; the document has the details."""
    so_far = "the deployment failed" if result.is_applied else "nothing was deployed"
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        return f"{so_far}: {counted(errors, 'error')} in the models file"
    if violated:
        names = dict.fromkeys(str(policy["policy"]) for policy in violated)
        return f"{so_far}: mandatory policies are violated: {', '.join(names)}"
    texts = [str(message["text"]) for message in messages if message["severity"] == "error"]
    return texts[0].splitlines()[0] if texts else "the engine failed; its messages are on standard error"


def endpoint_fields(output: Mapping[str, Any], seen: SeenEndpoints) -> dict[str, Any]:
    """Return one endpoint: what the stack states of it, and what was seen after the deployment."""
    name = str(output["name"])
    answer = next((one for one in seen.answers if one.endpoint == name), None)
    names = [*(figure.name for figure in FIGURES), *(unit.accepted for unit in UNITS)]
    return {
        "name": name,
        "task": output.get("task"),
        "family": output.get("family"),
        "models": [
            {"model": one.get("model"), "version": one.get("version"), "trafficPercent": one.get("traffic_percent")}
            for one in output.get("models") or ()
        ],
        **{to_property_name(figure): output.get(figure) for figure in names},
        "shortfall": list(output.get("shortfall") or ()),
        "url": output.get("url") or None,
        "state": seen.states.get(name),
        "engine": seen.engines.get(name),
        "answer": None
        if answer is None
        else {
            "isOk": answer.ok,
            "text": answer.text,
            "seconds": round(answer.seconds, 3),
            "promptTokens": answer.prompt_tokens,
            "completionTokens": answer.completion_tokens,
        },
    }
