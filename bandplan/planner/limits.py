"""Loads that the platform or the model does not take, whatever the capacity."""

import re
from dataclasses import dataclass

from bandplan.planner.load import Load

WORKSPACE_REQUESTS_PER_SECOND = 200
"""Queries per second and workspace of provisioned throughput (docs.databricks.com, limits, read 2026-11)."""

HOSTED = "docs.databricks.com, hosted foundation models"
CONFIG = "max_position_embeddings of its config.json on huggingface.co"
CATALOG = "MLflow's model catalog, 3.17"
SECOND_HAND = "second-hand: 8,192 to 25,000 by model"
REFUSED = "a workspace refused more for a Llama, databricks-sdk-go issue 1183"


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens of prompt and output together, and of output alone, each with its source, all read 2026-11."""

    context: int | None
    context_source: str
    output: int = 25_000
    output_source: str = SECOND_HAND


_UNKNOWN = Limits(None, "")

# By the last part of a model's name, in lower case with `-` for `_` and `.`; the first that fits counts.
_BY_NAME = (
    (r"deepseek-r1-distill", Limits(131_072, CONFIG, 8_192, REFUSED)),  # served as the Llama it is
    (r"llama-?v?4", Limits(128_000, HOSTED, 8_192, REFUSED)),
    (r"llama-?v?3-2", Limits(131_072, CONFIG, 8_192, REFUSED)),
    (r"llama-?v?3-[13](?!\d*b)", Limits(128_000, HOSTED, 8_192, REFUSED)),
    (r"llama-?v?3", Limits(8_192, CONFIG, 8_192, CONFIG)),
    (r"llama-?v?2", Limits(4_096, CATALOG, 4_096, CATALOG)),
    (r"gpt-oss", Limits(131_072, CATALOG)),
    (r"gemma-3", Limits(128_000, CATALOG)),
    (r"qwen3-embedding", Limits(32_768, CATALOG)),
    (r"gte-(base|large)-en-v1-5", Limits(8_192, HOSTED)),
    (r"bge-(small|base|large)-en-v1-5", Limits(512, HOSTED)),
    (r"dbrx", Limits(32_768, HOSTED, 4_096, HOSTED)),
    (r"mixtral|mistral", Limits(32_768, CONFIG)),
    (r"(?<![a-z])mpt(?![a-z])", Limits(8_192, CATALOG, 8_192, CATALOG)),
)


def limits_of(model: str) -> Limits:
    """Return what is known of the model by its name; a user's own model may have any name, and then nothing is."""
    name = re.sub(r"[_.]", "-", model.rsplit(".", 1)[-1].lower())
    return next((limits for pattern, limits in _BY_NAME if re.search(pattern, name)), _UNKNOWN)


def broken_limits(model: str, load: Load, peak_factor: float, other_requests_per_second: float = 0.0) -> list[str]:
    """Return every limit that the load breaks, with its source and what to do.

    `other_requests_per_second` are those of the rest of the workspace, at their peaks.
    """
    broken = []
    limits = limits_of(model)
    shapes = (load.shape,) if load.trace is None else load.trace.shapes
    shape, most_output = max(shapes, key=lambda one: one.total), max(one.output_tokens for one in shapes)
    peak = (load.requests_per_second or 0) * peak_factor
    if peak and peak + other_requests_per_second > WORKSPACE_REQUESTS_PER_SECOND:
        broken.append(too_many_requests(peak, other_requests_per_second))
    if most_output > limits.output:
        broken.append(
            f"{most_output:,g} output tokens: an answer has at most {limits.output:,} "
            f"({limits.output_source}); ask for shorter answers, or use another model"
        )
    if limits.context is not None and shape.total > limits.context:
        broken.append(
            f"{shape.input_tokens:,g} input and {shape.output_tokens:,g} output tokens: {model} has a context of "
            f"{limits.context:,} ({limits.context_source}); shorten the prompt, or use a model with a longer context"
        )
    return broken


def too_many_requests(peak: float, others: float = 0.0) -> str:
    """Return what is wrong with a rate above that of a workspace."""
    beside = f" and {others:g} of the other entries" if others else ""
    return (
        f"{peak:g} requests/s{beside}: a workspace takes at most {WORKSPACE_REQUESTS_PER_SECOND} for provisioned "
        "throughput; spread the load over several workspaces, or have the limit raised"
    )
