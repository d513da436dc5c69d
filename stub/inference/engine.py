"""What a token engine is: the simulated one here, engines on a GPU or behind another server later."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; a bare prompt is a single message of role `user`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Generation:
    """What to generate. `max_tokens` None means until the engine stops by itself; `seed` tells equal requests apart
    (one value per choice). With `json_schema` the text must be JSON that fits it ({}: any object)."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Embedding:
    """What to embed with: `dimension` is the length of a vector, which has unit length if `normalised`."""

    model: str
    dimension: int
    normalised: bool


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token: its text and the natural logarithm of its probability, 0 or below."""

    text: str
    logprob: float


class Engine(Protocol):
    """Turns prompts into tokens and texts into vectors."""

    def count_prompt_tokens(self, messages: Sequence[Message]) -> int:
        """The prompt tokens that usage reports for these messages."""
        ...

    def count_tokens(self, text: str) -> int:
        """The tokens of one text by itself, as embeddings report them."""
        ...

    def generate(self, generation: Generation) -> AsyncIterator[Token]:
        """Tokens one by one; ends by itself, or after `max_tokens`. Stop words are the caller's business."""
        ...

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, in order."""
        ...
