"""What a token engine is: the simulated one here, engines on a GPU or behind another server later."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; a bare prompt is a single message of role `user`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Generation:
    """What to generate for one choice of one request.

    `max_tokens` None leaves the end to the engine; `ignore_eos` and `min_tokens` forbid it to end earlier. None as
    `temperature`, `top_p` or `seed` is the engine's own. `top_logprobs` None asks for no log probabilities, 0 for those
    of the tokens alone. With `json_schema` the text must be JSON that fits it ({}: any object). A set pace counts from
    `began` on the event loop's clock, None: from now.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    choice: int = 0
    top_logprobs: int | None = None
    began: float | None = None
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Embedding:
    """What to embed with: `dimension` is the length of a vector, which has unit length if `normalised`."""

    model: str
    dimension: int
    normalised: bool


class Token(NamedTuple):
    """One generated token: its text, the natural logarithm of its probability (0 or below), and the most likely tokens
    of its place with theirs. Both are there only if the generation asks for them."""

    text: str
    logprob: float = 0.0
    alternatives: tuple[tuple[str, float], ...] = ()


class Batch(NamedTuple):
    """Tokens that are due together, at `due` on the event loop's clock (0: now). The last batch of a generation says
    why it ended, `stop` or `length`."""

    tokens: Sequence[Token]
    due: float = 0.0
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine is doing and has done since its start."""

    running: int
    generated_tokens: int


class Engine(Protocol):
    """Turns prompts into tokens and texts into vectors.

    An engine may yield tokens before they are due: `bandplan.stub.inference.delivery` waits, ends at stop words, and
    lets others have a turn. A generation is abandoned by closing its generator, or by cancelling the task that waits
    for it; the engine then stops at once and frees what it held.
    """

    @property
    def kind(self) -> str:
        """The word of `--engine`; refusals name it."""
        ...

    @property
    def lacks(self) -> frozenset[str]:
        """Fields of requests that it cannot honour (`stub.api.queries.engine_fields`); such a request is refused."""
        ...

    async def count(self, messages: Sequence[Message]) -> int:
        """Return the prompt tokens that usage reports for a conversation."""
        ...

    async def count_text(self, text: str) -> int:
        """Return the tokens of one text by itself, as completions and embeddings report them."""
        ...

    def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        """Yield the tokens in batches; end by itself or after `max_tokens`."""
        ...

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, in order."""
        ...

    def stats(self) -> Stats: ...

    async def close(self) -> None:
        """End what runs and free what is held; nothing is asked of the engine afterwards."""
        ...
