"""The interface of a token engine: simulated, behind another server, or with weights of its own."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

INCLUDE_STOP = "include_stop_str_in_output"
"""vLLM's name of the field that keeps a stop word in the text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; a bare prompt is a single message of role `user`. `further` is the JSON of its
    function calls, or of what names the call that it answers, for engines that call functions.
    """

    role: str
    content: str
    further: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """What to generate for one choice of one request.

    `max_tokens` None lets the engine decide when to end; `ignore_eos` and `min_tokens` forbid it to end earlier.
    `temperature`, `top_p` or `seed` None means the engine's default. `top_logprobs` None requests no log probabilities,
    0 only those of the tokens themselves. With `json_schema` the text must be JSON that matches it ({}: any object). A
    set pace counts from `began` on the event loop's clock, None: from now.

    `is_prompt`: the one message is a bare prompt, to be continued without a chat template. `has_default_limit`: the
    request set no `max_tokens`, so that an engine with a smaller limit applies its own. `extra` has the fields of the
    request that mean nothing to the workspace, unchanged, if the engine `passes_further`.
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
    has_default_limit: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_stop_conditions(self) -> bool:
        """Whether a stop word need not end the answer right before it: a server that knows `min_tokens` may look for it
        only after these, and one that knows `include_stop_str_in_output` ends after it.
        """
        return bool(self.stop) and bool(self.min_tokens or self.extra.get(INCLUDE_STOP))


@dataclass(frozen=True, slots=True)
class Embedding:
    """The embedding parameters: `dimension` is the length of a vector, which is a unit vector if `normalised`."""

    model: str
    dimension: int
    normalised: bool


class Call(NamedTuple):
    """A part of a function call in an answer: the call's position among those of the answer, its id and name with the
    first part, and some of its arguments, which are JSON as text.
    """

    position: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Token(NamedTuple):
    """One generated token: its text, the natural logarithm of its probability (0 or below), and the most likely tokens
    in its place with theirs. Both are set only if the generation requests them.

    `name` is what an engine calls the token beside its probability, if that is not its text: a token of half a
    character adds nothing to the text, and the next one adds all of it. `call` is set if the token belongs to a
    function call; its text is empty then. `offset` is where the engine says that the token begins in the text, None if
    that follows from the texts before it.
    """

    text: str
    logprob: float = 0.0
    alternatives: tuple[tuple[str, float], ...] = ()
    name: str | None = None
    call: Call | None = None
    offset: int | None = None

    @property
    def shown(self) -> str:
        return self.text if self.name is None else self.name


class Usage(NamedTuple):
    """Tokens as the engine itself counts them; None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Batch(NamedTuple):
    """Tokens that are due together, at `due` on the event loop's clock (0: now).

    The last batch of a generation has the reason for its end, `stop`, `length` or `tool_calls`, and the engine's own
    `usage`, which replaces what was counted here.
    """

    tokens: Sequence[Token]
    due: float = 0.0
    finish_reason: str | None = None
    usage: Usage | None = None


Batches = AsyncGenerator[Batch, None] | Generator[Batch, None, None]
"""What an engine generates: a plain generator if it never has to wait for its own tokens."""


class Embedded(NamedTuple):
    """One vector per text, in order; `prompt_tokens` are those of all texts as the engine counts them, None if it does
    not say.
    """

    vectors: list[list[float]]
    prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine is doing and has done since it started."""

    running: int
    generated_tokens: int


class Down(NamedTuple):
    """Why an engine does not answer; `is_final` unless it is being started again."""

    reason: str
    is_final: bool


class Engine(Protocol):
    """A token engine: turns prompts into tokens and texts into vectors.

    Every method may raise EngineError. An engine may yield tokens before they are due:
    `bandplan.stub.inference.delivery` waits, ends at stop words, and gives others their turn. Close a generator, or
    cancel the task that waits for it, to abandon its generation; the engine then stops immediately and frees its
    resources.
    """

    @property
    def kind(self) -> str:
        """The value of `--engine`, as named in refusals."""
        ...

    @property
    def lacks(self) -> frozenset[str]:
        """Request fields that the engine cannot honour, and refuses (`stub.api.queries.engine_fields`)."""
        ...

    @property
    def takes(self) -> frozenset[str]:
        """Request fields that the workspace does not read, and that change nothing about this engine's answers."""
        ...

    @property
    def missing(self) -> frozenset[str]:
        """What engines of this kind differ in, and this one lacks, as found out at its start."""
        ...

    @property
    def passes_further(self) -> bool:
        """Whether request fields that mean nothing to the workspace are handed to the engine, in `Generation.extra`."""
        ...

    @property
    def calls_functions(self) -> bool:
        """Whether the model itself decides about function calls; else the workspace simulates them, or refuses."""
        ...

    @property
    def is_count_exact(self) -> bool:
        """Whether `count` and `count_text` return what the model itself counts; an estimate refuses no prompt."""
        ...

    @property
    def context_tokens(self) -> int | None:
        """The engine's own limit on a prompt and its answer together, None if it is unknown."""
        ...

    @property
    def down(self) -> Down | None:
        """Why the engine, once started, does not answer now; None while it does."""
        ...

    @property
    def note(self) -> str:
        """What people should know of its speed, in ASCII; empty if there is nothing to say."""
        ...

    async def start(self, tell: Callable[[str], None]) -> None:
        """Return once the engine has answered one real query; `tell` it what is going on meanwhile.

        Raises EngineError; `close` is called then, too.
        """
        ...

    async def count(self, messages: Sequence[Message]) -> int:
        """Return the prompt tokens that usage reports for a conversation."""
        ...

    async def count_text(self, text: str) -> int:
        """Return the tokens of a single text, as completions and embeddings report them."""
        ...

    def generate(self, generation: Generation) -> Batches:
        """Yield the tokens in batches, ending on its own or after `max_tokens`. A batch may be empty."""
        ...

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded: ...

    def stats(self) -> Stats: ...

    async def close(self) -> None:
        """Stop all work and free all resources; the engine is not used afterwards."""
        ...
