"""How one answer is to be generated, and where its tokens go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sampling:
    """With `temperature` 0, the most likely token. The answer ends after `most_tokens`, or at one of `end_tokens` once
    it has `least_tokens`; without any it always has `most_tokens`. `alternatives` None asks for no log probabilities.
    """

    most_tokens: int
    end_tokens: frozenset[int]
    least_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    alternatives: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether continuous batching can do it, which knows neither seeds nor log probabilities of alternatives."""
        has_seed = self.seed is not None and self.temperature > 0
        return not has_seed and self.alternatives is None and not (self.least_tokens and self.end_tokens)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token, the natural logarithm of its probability, and the most likely tokens in its place with theirs.

    Both are those of the model itself, whatever the sampling.
    """

    token: int
    logprob: float = 0.0
    alternatives: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Sink:
    """Where an answer goes. `end` gets `stop` or `length`, `fail` the reason; one of them is called once, last, in the
    thread of the event loop.
    """

    token: Callable[[Chosen, bool], Any]
    """Called with each token and whether it is the last."""
    end: Callable[[str], Any]
    fail: Callable[[str], Any]
