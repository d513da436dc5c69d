"""The interface of a token engine: the simulated one here, later engines on a GPU or behind another server."""

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

    `max_tokens` None lets the engine decide when to end; `ignore_eos` and `min_tokens` forbid it to end earlier.
    `temperature`, `top_p` or `seed` None means the engine's default. `top_logprobs` None requests no log probabilities,
    0 only those of the tokens themselves. With `json_schema` the text must be JSON that matches it ({}: any object). A
    set pace counts from `began` on the event loop's clock, None: from now. With `is_prompt` the messages are one bare
    prompt, to be continued as it is, without a chat template.
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
    is_prompt: bool = False


@dataclass(frozen=True, slots=True)
class Embedding:
    """The embedding parameters: `dimension` is the length of a vector, which is a unit vector if `normalised`."""

    model: str
    dimension: int
    normalised: bool


class Token(NamedTuple):
    """One generated token: its text, the natural logarithm of its probability (0 or below), and the most likely tokens
    in its place with theirs. Both are set only if the generation requests them.
    """

    text: str
    logprob: float = 0.0
    alternatives: tuple[tuple[str, float], ...] = ()


class Batch(NamedTuple):
    """Tokens that are due together, at `due` on the event loop's clock (0: now). The last batch of a generation has the
    reason for its end, `stop` or `length`.
    """

    tokens: Sequence[Token]
    due: float = 0.0
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine is doing and has done since it started."""

    running: int
    generated_tokens: int


class Engine(Protocol):
    """A token engine: turns prompts into tokens and texts into vectors.

    An engine may yield tokens before they are due: `bandplan.stub.inference.delivery` waits, ends at stop words, and
    yields to other tasks. Close a generator, or cancel the task that waits for it, to abandon its generation; the
    engine then stops immediately and frees its resources. What an engine cannot do it raises as an EngineError
    (`bandplan.stub.inference.errors`).
    """

    @property
    def kind(self) -> str:
        """The value of `--engine`, as named in refusals."""
        ...

    @property
    def lacks(self) -> frozenset[str]:
        """Request fields that the engine cannot honour, and refuses (`stub.api.queries.engine_fields`)."""
        ...

    async def count(self, messages: Sequence[Message]) -> int:
        """Return the prompt tokens that usage reports for a conversation."""
        ...

    async def count_text(self, text: str) -> int:
        """Return the tokens of a single text, as completions and embeddings report them."""
        ...

    def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        """Yield the tokens in batches, ending on its own or after `max_tokens`."""
        ...

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, in order."""
        ...

    def stats(self) -> Stats: ...

    async def close(self) -> None:
        """Stop all work and free all resources; the engine is not used afterwards."""
        ...
