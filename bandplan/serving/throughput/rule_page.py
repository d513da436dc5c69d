"""The page of docs that lists every rule, generated from the rules themselves."""

from __future__ import annotations

from bandplan.serving.spec import rules as file_rules
from bandplan.serving.spec.problem import Rule
from bandplan.serving.throughput import refusals, rules

_HEAD = """# Rules

Generated from `bandplan/serving/spec/rules.py` and `bandplan/serving/throughput/rules.py` by `make
format`; `make check` reports when it is out of date.

Errors stop a deployment before anything is created. A warning can be waived by its id, until a date, in the entry's
`waivers`; a waiver past its date is an error. S-numbers in ids and texts are the project's list of platform facts.

At most 1,000 problems of a file are listed, errors first; a last one (`more-problems`) counts the rest. The first 50
unknown names get a suggestion.
"""

_REFUSALS = """## What the platform refuses

Where each refusal of a request that a deployment makes is caught: by `validate` (and by `preview` and `up`, which make
the same checks), by `preview`, or only by `up`, and why it cannot be caught earlier. From
`bandplan/serving/throughput/refusals.py`.
"""

_TAIL = """## Not a rule

- An Instruct or chat model of `system.ai` for `llm/v1/completions`: the platform's own sample logs Llama 3.3 70B
  Instruct with that task ("Provisioned throughput Foundation Model APIs", docs.databricks.com).
- A custom model for `llm/v1/embeddings`: it may have any name, and some embedding models are made from Llama and
  Mistral. If the platform reports the type `llama`, `embeddings-unlikely` warns.
- An increment of model units if the optimization info gives none, and a minimum number: none is published.
"""


def markdown() -> str:
    """Render the whole page."""
    parts = [
        *(_HEAD, "## The file\n", _table(file_rules.ALL), "## Models and capacity\n", _table(rules.ALL)),
        *(_REFUSALS, refusals.table(), _TAIL),
    ]
    return "\n".join(parts)


def _table(listed: tuple[Rule, ...]) -> str:
    rows = [f"| `{rule.id}` | {rule.severity} | {rule.text} | {rule.origin} |" for rule in listed]
    return "\n".join(["| id | severity | rule | source |", "|---|---|---|---|", *rows, ""])
