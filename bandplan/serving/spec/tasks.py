"""The tasks that an endpoint can serve, and what each means for a model and for a query.

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
    """Facts of a task. `pipeline` is its name in transformers; `example` is a text that suits a model of this task.

    `query` is the body of a query with a text; unless the task embeds, the body also accepts a limit of tokens to
    generate.
    """

    pipeline: str
    example: str
    query: Callable[[str], Mapping[str, Any]]
    embeds: bool = False

    @property
    def input_example(self) -> dict[str, Any]:
        """The query to log with a model, from which MLflow infers the signature."""
        return self.body(self.example, 100)

    def body(self, text: str, max_tokens: int) -> dict[str, Any]:
        """Return the body of a query with `text` and an answer of at most `max_tokens` tokens."""
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
