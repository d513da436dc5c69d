"""The tasks that an endpoint can answer, and what each means for a model and for a query.

Tasks: "Provisioned throughput Foundation Model APIs", docs.databricks.com. Queries: the signatures that MLflow gives to
these tasks (mlflow/types/llm.py and mlflow/transformers/llm_inference_utils.py, 3.17).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Task = Literal["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"]

CHAT: Final = "llm/v1/chat"
COMPLETIONS: Final = "llm/v1/completions"
EMBEDDINGS: Final = "llm/v1/embeddings"

LEGACY: Final = COMPLETIONS
"""The one task of legacy optimized serving (S25)."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """`pipeline` is the task's name in transformers; `example` a text that a model of this task makes sense of.

    `query` is the body of a query with a text, and one that does not embed takes a limit of tokens to generate, too.
    """

    pipeline: str
    example: str
    query: Callable[[str], Mapping[str, Any]]
    embeds: bool = False

    @property
    def input_example(self) -> dict[str, Any]:
        """The query that is logged with a model, which MLflow infers its signature from."""
        return self.body(self.example, 100)

    def body(self, text: str, max_tokens: int) -> dict[str, Any]:
        """Return the body of a query with `text` that is answered with at most `max_tokens` tokens."""
        return {**self.query(text), **({} if self.embeds else {"max_tokens": max_tokens})}


TASKS: Final[Mapping[str, TaskFacts]] = {
    CHAT: TaskFacts(
        "text-generation",
        "What is provisioned throughput?",
        lambda text: {"messages": [{"role": "user", "content": text}]},
    ),
    COMPLETIONS: TaskFacts("text-generation", "Provisioned throughput is", lambda text: {"prompt": text}),
    EMBEDDINGS: TaskFacts(
        "feature-extraction",
        "Provisioned throughput is sold in chunks.",
        lambda text: {"input": [text]},
        embeds=True,
    ),
}

NAMES: Final = ", ".join(TASKS)
ONE_OF: Final = f"{CHAT}, {COMPLETIONS} or {EMBEDDINGS}"
"""All tasks, as messages name them."""
