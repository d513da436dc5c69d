"""The text of a team's first models.yaml."""

import re
from collections.abc import Sequence
from typing import Final

from bandplan.starter.answers import Answers, Model
from bandplan.starter.template import filled

CHAT: Final = "{requests_per_second: 0.5, input_tokens: 1200, output_tokens: 250}"
"""A demand of 725 tokens/s: one chunk of most models with 20% of headroom."""

EMBEDDINGS: Final = "{requests_per_second: 2, input_tokens: 350, output_tokens: 0}"


def models_text(answers: Answers, models: Sequence[Model]) -> str:
    """Return models.yaml with these entries, or with an empty list."""
    entries = "".join(_entry(model) for model in models).rstrip("\n")
    return filled("models.yaml", team=in_flow(answers.team), models=entries or " []").rstrip("\n") + "\n"


def _entry(model: Model) -> str:
    demand = EMBEDDINGS if model.task.endswith("embeddings") else CHAT
    template = "entry_bands.yaml" if model.kind == "bands" else "entry_units.yaml"
    values = {"name": model.name, "task": model.task, "model": model.model, "version": model.version}
    return filled(template, **values, demand=demand) if model.kind == "bands" else filled(template, **values)


def in_flow(text: str) -> str:
    """Return a text as a scalar in a YAML flow mapping, quoted unless it is a plain word."""
    return (
        text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", text) else '"' + text.replace("\\", "").replace('"', "") + '"'
    )
