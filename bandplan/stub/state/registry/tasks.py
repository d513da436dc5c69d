"""The tasks that an endpoint answers, by the platform's names, and the query field that holds the input of each.

They are repeated here rather than imported from the domain, so that no mistake hides on both sides of the wire.
"""

from collections.abc import Mapping
from typing import Final

CHAT: Final = "llm/v1/chat"
COMPLETIONS: Final = "llm/v1/completions"
EMBEDDINGS: Final = "llm/v1/embeddings"

INPUT_FIELDS: Final[Mapping[str, str]] = {CHAT: "messages", COMPLETIONS: "prompt", EMBEDDINGS: "input"}
TASKS: Final = tuple(INPUT_FIELDS)
