"""What each task of provisioned throughput asks of a model, and an input that fits it.

Tasks: "Provisioned throughput Foundation Model APIs", docs.databricks.com. Shapes: the signatures that MLflow gives to
these tasks (mlflow/types/llm.py and mlflow/transformers/llm_inference_utils.py, 3.17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Task = Literal["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"]


@dataclass(frozen=True, slots=True)
class TaskShape:
    """`pipeline` is the task's name in transformers, which MLflow records beside it."""

    pipeline: str
    input_example: Mapping[str, Any]
    embeds: bool = False


SHAPES: Mapping[str, TaskShape] = {
    "llm/v1/chat": TaskShape(
        "text-generation",
        {"messages": [{"role": "user", "content": "What is provisioned throughput?"}], "max_tokens": 100},
    ),
    "llm/v1/completions": TaskShape("text-generation", {"prompt": "Provisioned throughput is", "max_tokens": 100}),
    "llm/v1/embeddings": TaskShape(
        "feature-extraction", {"input": ["Provisioned throughput is sold in chunks."]}, embeds=True
    ),
}

TASKS = ", ".join(SHAPES)
