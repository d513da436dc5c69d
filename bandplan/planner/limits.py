"""Loads that the platform or the model does not take, whatever the capacity."""

import re

from bandplan.planner.load import Load

WORKSPACE_REQUESTS_PER_SECOND = 200
"""Queries per second and workspace of provisioned throughput (docs.databricks.com, limits, read 2026-11)."""

MOST_OUTPUT_TOKENS = 25_000
"""The largest cap on the output of one request; by model it is from 8,192 on (second-hand, read 2026-11)."""

CONTEXT_TOKENS = (
    (r"llama-?v?4", 1_048_576),
    (r"llama-?v?3-[123]", 131_072),
    (r"llama-?v?3", 8_192),
    (r"llama-?v?2", 4_096),
    (r"deepseek-r1", 131_072),
    (r"gpt-oss", 131_072),
    (r"gemma-3", 131_072),
    (r"qwen3-embedding", 32_768),
    (r"gte-(base|large)", 8_192),
    (r"bge-(small|base|large)", 512),
    (r"mixtral|mistral|dbrx", 32_768),
)
"""Tokens of context by the name of the model, from the model cards on huggingface.co; the first that fits counts."""


def context_of(model: str) -> int | None:
    """Return the tokens of prompt and output together that the model takes; None if it is not known."""
    name = re.sub(r"[_.]", "-", model.rsplit(".", 1)[-1].lower())
    return next((tokens for pattern, tokens in CONTEXT_TOKENS if re.search(pattern, name)), None)


def broken_limits(model: str, load: Load, peak_factor: float) -> list[str]:
    """Return every limit that the load breaks, with what to do."""
    broken = []
    shape = load.shape
    peak = (load.requests_per_second or 0) * peak_factor
    if peak > WORKSPACE_REQUESTS_PER_SECOND:
        broken.append(
            f"{peak:g} requests/s: a workspace takes at most {WORKSPACE_REQUESTS_PER_SECOND} for provisioned "
            "throughput; spread the load over several workspaces, or have the limit raised"
        )
    if shape.output_tokens > MOST_OUTPUT_TOKENS:
        broken.append(
            f"{shape.output_tokens:,g} output tokens: one answer has at most {MOST_OUTPUT_TOKENS:,}, and fewer with "
            "some models; ask for shorter answers"
        )
    context = context_of(model)
    if context is not None and shape.total > context:
        broken.append(
            f"{shape.input_tokens:,g} input and {shape.output_tokens:,g} output tokens: {model} has a context of "
            f"{context:,}; shorten the prompt, or take a model with a longer context"
        )
    return broken
