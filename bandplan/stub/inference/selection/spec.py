"""What one engine is to be: its kind and what it loads. Equal specs share one running engine."""

from dataclasses import dataclass, field

SIMULATED, OPENAI, TRANSFORMERS, VLLM, AUTO = "simulated", "openai", "transformers", "vllm", "auto"

KINDS = (SIMULATED, OPENAI, TRANSFORMERS, VLLM, AUTO)
"""Values of `--engine`; `auto` stands for the first of the others that can be used."""

FAILED_SINCE = "it failed: "
"""How the reason begins for which `auto` passes over an engine that was started and failed."""

LOADS_WEIGHTS = frozenset({TRANSFORMERS, VLLM})
"""Engines that load weights themselves."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine to run; never `auto`.

    `url`, `model` and `key_env` are for `openai`: the server, the name of the model there (None: its only one) and the
    environment variable with its key. `weights` is a local folder or an id that the engine itself can load, and
    `tokenizer` a folder if the tokenizer is not with the weights; `is_random` takes only the shape from it.
    `context_tokens` limits prompt and answer together, which saves memory. `gpu_share` is the part of the GPU's memory
    to use, None for an equal share. `arguments` are further ones of `vllm serve`. `title` is what people know the
    weights by, if not by their folder or id.
    """

    kind: str = SIMULATED
    url: str | None = None
    model: str | None = None
    key_env: str | None = None
    weights: str | None = None
    tokenizer: str | None = None
    is_random: bool = False
    is_embedding: bool = False
    context_tokens: int | None = None
    gpu_share: float | None = None
    arguments: tuple[str, ...] = ()
    title: str | None = field(default=None, compare=False)

    @property
    def shown_weights(self) -> str | None:
        """Return what people know the weights by, None for an engine without any."""
        if self.kind == SIMULATED:
            return None
        if self.kind == OPENAI:
            return f"{self.model} at {self.url}" if self.model else self.url
        shown = self.title or self.weights
        return f"random weights of {shown}" if self.is_random else shown
